/** Texts for people, in which what follows itself with other numbers alone stands once: `30 × block 0 … 29`. */

/** A text between and in its numbers: every other piece is a number. */
type Pieces = readonly string[];

interface Run {
  /** So many texts are repeated. */
  readonly period: number;
  readonly times: number;
}

/** More texts than this are not looked for as one that is repeated. */
const longestPeriod = 64;

/** The texts, or fewer: a number that changes evenly is printed as `0 … 29`, or `0, 5 … 145`. */
export function folded(texts: readonly string[]): readonly string[] {
  const all = texts.map((text): Pieces => text.split(/(\d+)/));
  const result: string[] = [];
  for (let at = 0; at < all.length; ) {
    const { period, times } = runAt(all, at);
    const block = all.slice(at, at + period).map((first, i) => {
      const [next = first, last = first] = [all[at + i + period], all[at + i + (times - 1) * period]];
      return first.map((piece, j) => (times > 1 ? spanOf(piece, next[j], last[j]) : piece)).join("");
    });
    if (times === 1) result.push(...block);
    else if (period === 1) result.push(`${times} × ${block[0]}`);
    else
      result.push(
        `${times} × these ${period}:\n${block.map((text) => `- ${text.replaceAll("\n", "\n  ")}`).join("\n")}`,
      );
    at += period * times;
  }
  return result;
}

/** The run of three or more from a text on that covers most, else the text alone. */
function runAt(all: readonly Pieces[], at: number): Run {
  let best: Run = { period: 1, times: 1 };
  for (let period = 1; period <= Math.min(longestPeriod, (all.length - at) / 3); period++) {
    let times = 1;
    while (isRepeated(all, at, { period, times })) times++;
    if (times > 2 && period * times > best.period * best.times) best = { period, times };
  }
  return best;
}

/** Whether what is repeated some times stands there once more. */
function isRepeated(all: readonly Pieces[], at: number, { period, times }: Run): boolean {
  for (let i = at; i < at + period; i++) {
    const [first, next, other] = [all[i], all[i + period], all[i + period * times]];
    if (first === undefined || next === undefined || other?.length !== first.length) return false;
    if (!first.every((piece, j) => isInLine(piece, next[j] ?? "", other[j] ?? "", times))) return false;
  }
  return true;
}

const isNumber = (piece: string): boolean => /^\d+$/.test(piece);

/** Whether a piece stays the same, or is a number that changes by as much each time. */
const isInLine = (first: string, next: string, other: string, times: number): boolean =>
  isNumber(first) && isNumber(next) && isNumber(other)
    ? Number(other) - Number(first) === (Number(next) - Number(first)) * times
    : first === other;

function spanOf(first: string, next: string | undefined, last: string | undefined): string {
  if (first === last || next === undefined || last === undefined) return first;
  return Number(next) - Number(first) === 1 ? `${first} … ${last}` : `${first}, ${next} … ${last}`;
}
