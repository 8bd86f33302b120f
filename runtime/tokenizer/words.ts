/** Where a long piece can be cut without a change to its tokens: models then work on words, which repeat, instead of a whole text. */
import type { Vocabulary } from "./vocabulary.ts";

/** Marks for pairs of characters; two pairs may share one, which costs a cut and no more. */
const marks = 2 ** 20;
const markOf = (left: number, right: number): number =>
  ((Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> 7) & (marks - 1);

/**
 * Cuts a piece between two characters that are tokens by themselves and that no token has side by side: so no token can reach
 * across. `isWhole` keeps all pieces as they are.
 */
export function wordsOf(vocabulary: Vocabulary, isWhole: boolean): (piece: string) => Iterable<string> {
  if (isWhole) return (piece) => [piece];
  const isToken = new Uint8Array(2 ** 16); // of the characters that are one code unit
  const isJoined = new Uint8Array(marks);
  for (const token of vocabulary.keys()) {
    if (token.length === 1) isToken[token.charCodeAt(0)] = 1;
    for (let at = 1; at < token.length; at++) isJoined[markOf(token.charCodeAt(at - 1), token.charCodeAt(at))] = 1;
  }
  return function* (piece) {
    let start = 0;
    let left = piece.charCodeAt(0);
    for (let at = 1; at < piece.length; at++) {
      const right = piece.charCodeAt(at);
      if (isToken[left] === 1 && isToken[right] === 1 && isJoined[markOf(left, right)] === 0) {
        yield piece.slice(start, at);
        start = at;
      }
      left = right;
    }
    if (start < piece.length) yield piece.slice(start);
  };
}
