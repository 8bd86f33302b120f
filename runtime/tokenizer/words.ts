/** Where a long piece can be cut without a change to its tokens: models then work on words, which repeat, instead of a whole text. */
import type { Vocabulary } from "./vocabulary.ts";

/** What stands for a space and begins words. */
const mark = "▁";

/** Cuts a piece before each mark, unless some token joins it to the character before; `isWhole` keeps all pieces as they are. */
export function wordsOf(vocabulary: Vocabulary, isWhole: boolean): (piece: string) => Iterable<string> {
  if (isWhole || !vocabulary.has(mark)) return (piece) => [piece];
  const joined = new Set<string>([mark]);
  for (const token of vocabulary.keys())
    for (let at = token.indexOf(mark, 1); at > 0; at = token.indexOf(mark, at + 1)) joined.add(token[at - 1] ?? "");
  return function* (piece) {
    let start = 0;
    for (let at = piece.indexOf(mark, 1); at > 0; at = piece.indexOf(mark, at + 1)) {
      if (joined.has(piece[at - 1] ?? "")) continue;
      yield piece.slice(start, at);
      start = at;
    }
    if (start < piece.length) yield piece.slice(start);
  };
}
