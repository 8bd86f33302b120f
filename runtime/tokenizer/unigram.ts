/** Unigram: of all ways to cut a piece into tokens, the one of the greatest sum of scores. */
import { UserError } from "../user-error.ts";
import { flag, id, list, type Part } from "./part.ts";
import { prefixTree } from "./prefix-tree.ts";
import { byteIds, type Model, noToken, type Vocabulary } from "./vocabulary.ts";
import { wordsOf } from "./words.ts";

/** What the score of an unknown character is below the least score. */
const unknownPenalty = 10;

/**
 * The number that the Rust library reads where this one is written: it divides all digits by a power of ten, with an error in
 * the last place that decides between paths of equal sums.
 */
function asRustReads(score: number): number {
  const [, sign, whole = "", fraction = "", exponent = "0"] = /^(-?)(\d+)\.?(\d*)(?:e(.*))?$/.exec(String(score)) ?? [];
  const power = Number(exponent) - fraction.length;
  const digits = Number(whole + fraction);
  const size = power < 0 ? digits / 10 ** -power : digits * 10 ** power;
  return sign === "-" ? -size : size;
}

/** The model of a definition. */
export function unigramOf(part: Part, vocabulary: Vocabulary): Model {
  const scores = Float64Array.from(list(part, "vocab"), (entry, i) => {
    const score: unknown = Array.isArray(entry) ? entry[1] : undefined;
    if (typeof score === "number") return asRustReads(score);
    throw new UserError(
      `${part.at}.vocab[${i}] in ${part.file} must be a token and its score; save the tokenizer again`,
    );
  });
  const unknown = (part.fields["unk_id"] ?? null) === null ? undefined : id(part, "unk_id");
  const hasBytes = flag(part, "byte_fallback", false);
  const tree = prefixTree(vocabulary);
  const unknownScore =
    scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - unknownPenalty;
  const idsOf = (token: string): readonly number[] => {
    const id = vocabulary.get(token);
    if (id !== undefined) return [id];
    const bytes = hasBytes ? byteIds(vocabulary, token) : undefined;
    if (bytes !== undefined) return bytes;
    if (unknown === undefined) throw noToken(part, token);
    return [unknown];
  };
  const words = wordsOf(vocabulary, false);
  return (piece, ids) => {
    let sum = 0;
    for (const word of words(piece)) {
      const best = bestPath(word, sum);
      for (const [start, end] of cuts(best, unknown)) ids.pushAll(idsOf(word.slice(start, end)));
      sum = best.sum;
    }
  };

  /** For each end of a token on the way: where the best path's last token starts, and its id. Sums go on from word to word. */
  function bestPath(word: string, before: number): Path {
    const sums = new Float64Array(word.length + 1);
    const starts = new Int32Array(word.length + 1).fill(-1);
    const ids = new Int32Array(word.length + 1);
    const offer = (start: number, end: number, token: number, score: number): void => {
      const sum = score + (sums[start] ?? 0);
      if (starts[end] !== -1 && sum <= (sums[end] ?? 0)) return;
      sums[end] = sum;
      starts[end] = start;
      ids[end] = token;
    };
    sums[0] = before;
    for (let at = 0; at < word.length; ) {
      const one = at + ((word.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
      let isKnown = false;
      tree.prefixes(word, at, (end, token) => {
        offer(at, end, token, scores[token] ?? 0);
        isKnown ||= end === one;
      });
      if (!isKnown) {
        if (unknown === undefined) throw noToken(part, word.slice(at, one));
        offer(at, one, unknown, unknownScore);
      }
      at = one;
    }
    return { starts, ids, sum: sums[word.length] ?? 0 };
  }
}

/** The tokens of a path, as start and end; unknown ones that follow each other are one. */
function cuts({ starts, ids }: Path, unknown: number | undefined): [number, number][] {
  const found: [number, number][] = [];
  let isUnknown = false;
  for (let end = starts.length - 1; end > 0; ) {
    const start = starts[end] ?? 0;
    const last = found.at(-1);
    if (isUnknown && ids[end] === unknown && last !== undefined) last[0] = start;
    else found.push([start, end]);
    isUnknown = unknown !== undefined && ids[end] === unknown;
    end = start;
  }
  return found.reverse();
}

interface Path {
  readonly starts: Int32Array;
  readonly ids: Int32Array;
  readonly sum: number;
}
