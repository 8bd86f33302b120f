/** Texts of which many follow others with other numbers alone: for people as `30 × block 0 … 29`, in files by their first turns. */

/** A text between and in its numbers: every other piece is a number. */
type Pieces = readonly string[];

interface Run {
  /** So many texts are repeated. */
  readonly period: number;
  readonly times: number;
}

/** Texts that are repeated; those of the first turns say how numbers go on. */
export interface Repeat extends Run {
  /** Where the first of them stands. */
  readonly at: number;
}

/** More texts than this are not looked for as one that is repeated. */
const longestPeriod = 64;

const piecesOf = (text: string): Pieces => text.split(/(\d+)/);

/** The texts, or fewer: a number that changes evenly is printed as `0 … 29`, or `0, 5 … 145`. */
export function abridged(texts: readonly string[]): readonly string[] {
  const all = texts.map(piecesOf);
  const result: string[] = [];
  for (let at = 0; at < all.length; ) {
    const { period, times } = runAt(all, at, 1);
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

/** Turns that are written of what is repeated: through three numbers goes one polynomial of the second degree. */
const written = 3;

/** The texts without those that follow from others. */
export function shortened(texts: readonly string[]): {
  readonly texts: readonly string[];
  readonly repeats: readonly Repeat[];
} {
  const all = texts.map(piecesOf);
  const result: string[] = [];
  const repeats: Repeat[] = [];
  for (let at = 0; at < all.length; ) {
    const run = runAt(all, at, written - 1);
    if (run.times > 1) repeats.push({ at: result.length, ...run });
    result.push(...texts.slice(at, at + run.period * Math.min(run.times, written)));
    at += run.period * run.times;
  }
  return { texts: result, repeats };
}

/** All texts again; undefined where the repeats are none of these texts, lead to no whole numbers, or more than `most` texts come out. */
export function lengthened(
  texts: readonly string[],
  repeats: readonly Repeat[],
  most: number,
): readonly string[] | undefined {
  const result: string[] = [];
  let done = 0;
  for (const { at, period, times } of repeats) {
    const end = at + period * written;
    if (at < done || period < 1 || times <= written || end > texts.length || result.length + period * times > most)
      return undefined;
    result.push(...texts.slice(done, end));
    const turns = texts.slice(at, end).map(piecesOf);
    for (let turn = written; turn < times; turn++)
      for (let i = 0; i < period; i++) {
        const [next, third] = [turns[i + period], turns[i + 2 * period]];
        const pieces = (turns[i] ?? []).map((first, j) => pieceAt(first, next?.[j], third?.[j], turn));
        if (pieces.includes(undefined)) return undefined;
        result.push(pieces.join(""));
      }
    done = end;
  }
  return [...result, ...texts.slice(done)];
}

/** The run that covers most from a text on, of so many turns that its numbers show how they go on; else the text alone. */
function runAt(all: readonly Pieces[], at: number, degree: number): Run {
  let best: Run = { period: 1, times: 1 };
  for (let period = 1; period <= Math.min(longestPeriod, (all.length - at) / (degree + 2)); period++) {
    let times = 1;
    while (isRepeated(all, at, { period, times }, degree)) times++;
    if (times > degree + 1 && period * times > best.period * best.times) best = { period, times };
  }
  return best;
}

/** Whether what is repeated some times stands there once more. */
function isRepeated(all: readonly Pieces[], at: number, { period, times }: Run, degree: number): boolean {
  for (let i = at; i < at + period; i++) {
    const [first, other] = [all[i], all[i + period * times]];
    const next = all[i + period];
    const third = degree > 1 && times > 1 ? all[i + 2 * period] : undefined;
    if (first === undefined || other?.length !== first.length) return false;
    for (const [j, piece] of other.entries())
      if (piece !== pieceAt(first[j], next?.[j], third?.[j], times)) return false;
  }
  return true;
}

/** A piece of a later turn: it stays the same, or is a number on the polynomial through those of the first turns. */
function pieceAt(
  first: string | undefined,
  next: string | undefined,
  third: string | undefined,
  turn: number,
): string | undefined {
  if (first === next && (third === undefined || first === third)) return first;
  if (!isNumber(first) || !isNumber(next) || !(third === undefined || isNumber(third))) return undefined;
  const [a, step] = [Number(first), Number(next) - Number(first)];
  const bend = third === undefined ? 0 : Number(third) - Number(next) - step;
  const value = a + step * turn + (bend * turn * (turn - 1)) / 2;
  return Number.isSafeInteger(value) && value >= 0 ? String(value) : undefined;
}

const isNumber = (piece: string | undefined): piece is string => piece !== undefined && /^\d+$/.test(piece);

function spanOf(first: string, next: string | undefined, last: string | undefined): string {
  if (first === last || next === undefined || last === undefined) return first;
  return Number(next) - Number(first) === 1 ? `${first} … ${last}` : `${first}, ${next} … ${last}`;
}
