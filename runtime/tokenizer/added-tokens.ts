/** The tokens that are found in a text before it is split, whatever the model would make of them. */

import { endWithoutSpace, type Normalizer } from "./normalizers.ts";
import { flag, type Part, text } from "./part.ts";
import { prefixTree } from "./prefix-tree.ts";
import { rustWord, whitespace } from "./unicode.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A token of the list `added_tokens`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Not part of what a text says. */
  readonly isSpecial: boolean;
  /** Found only where no letter or digit touches it. */
  readonly isSingleWord: boolean;
  /** Takes the white space before or behind it along. */
  readonly takesLeft: boolean;
  readonly takesRight: boolean;
  /** Looked for after the normalizer, else before. */
  readonly isNormalized: boolean;
}

/** The tokens of the list, whose ids follow from their order alone: that of the vocabulary, else the next one that is free. */
export function addedTokens(listed: readonly Part[], vocabulary: Vocabulary): readonly AddedToken[] {
  let largest = -1;
  return listed.map((part) => {
    const content = text(part, "content");
    const id = vocabulary.get(content) ?? Math.max(largest + 1, vocabulary.size);
    largest = Math.max(largest, id);
    return addedToken(part, content, id);
  });
}

function addedToken(part: Part, content: string, id: number): AddedToken {
  return {
    id,
    content,
    isSpecial: flag(part, "special", false),
    isSingleWord: flag(part, "single_word", false),
    takesLeft: flag(part, "lstrip", false),
    takesRight: flag(part, "rstrip", false),
    isNormalized: flag(part, "normalized", !flag(part, "special", false)),
  };
}

/** A piece of text, or the id of a token that stood there. */
export type Found = (piece: string | number, isFirst: boolean) => void;
export type Finder = (text: string, isFirst: boolean, found: Found) => void;

/** Finds those of the tokens that are looked for before the normalizer, or after it. */
export function finderOf(tokens: readonly AddedToken[], normalize: Normalizer | null): Finder {
  const sought = tokens.filter(({ isNormalized, content }) => content !== "" && isNormalized === (normalize !== null));
  const keys = sought.map(({ content }, i) => [normalize?.(content) ?? content, i] as const);
  const matches = longestMatches(keys.filter(([key]) => key !== ""));
  return (given, isFirst, found) => {
    let done = 0;
    const pass = (end: number): void => {
      if (end > done) found(given.slice(done, end), isFirst && done === 0);
    };
    for (const [start, end, which] of matches(given)) {
      const token = sought[which];
      if (token === undefined || !mayStand(token, given, start, end)) continue;
      pass(token.takesLeft ? done + endWithoutSpace(given.slice(done, start)) : start);
      found(token.id, false);
      done = token.takesRight ? end + leadingSpace(given, end) : end;
    }
    pass(given.length);
  };
}

/** The keys in a text that do not overlap: the leftmost, of these the longest, of equal keys the first. */
function longestMatches(keys: readonly (readonly [key: string, which: number])[]) {
  const tree = prefixTree(keys.toReversed());
  const starts = new Set(keys.map(([key]) => key.charCodeAt(0)));
  return function* (given: string): Generator<readonly [start: number, end: number, which: number]> {
    for (let at = 0; at < given.length; ) {
      let longest: readonly [end: number, which: number] | undefined;
      if (starts.has(given.charCodeAt(at)))
        tree.prefixes(given, at, (...match) => {
          longest = match;
        });
      if (longest !== undefined) yield [at, ...longest];
      at = longest?.[0] ?? at + 1;
    }
  };
}

const wordBefore = new RegExp(`${rustWord}$`, "v");
const wordBehind = new RegExp(`^${rustWord}`, "v");
const spaces = new RegExp(`${whitespace}*`, "uy");

const mayStand = ({ isSingleWord }: AddedToken, given: string, start: number, end: number): boolean =>
  !isSingleWord ||
  (!wordBefore.test(given.slice(Math.max(0, start - 2), start)) && !wordBehind.test(given.slice(end, end + 2)));

function leadingSpace(given: string, at: number): number {
  spaces.lastIndex = at;
  return spaces.exec(given)?.[0].length ?? 0;
}
