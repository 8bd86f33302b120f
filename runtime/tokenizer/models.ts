/** The models of tokens, by their names. */
import { bpeOf } from "./bpe.ts";
import { optionalText, type Part, text, unsupported } from "./part.ts";
import { unigramOf } from "./unigram.ts";
import { idOf, type Model, noToken, type Vocabulary } from "./vocabulary.ts";

/** The model of a definition; old files do not name its type. */
export function modelOf(part: Part, vocabulary: Vocabulary): Model {
  const { fields } = part;
  const type = optionalText(part, "type") ?? guess(fields);
  switch (type) {
    case "BPE":
      return bpeOf(part, vocabulary);
    case "Unigram":
      return unigramOf(part, vocabulary);
    case "WordLevel":
      return wordLevelOf(part, vocabulary);
    case "WordPiece":
      return wordPieceOf(part, vocabulary);
    default:
      throw unsupported(part, `the model ${type}`);
  }
}

function guess(fields: Part["fields"]): string {
  if ("merges" in fields) return "BPE";
  if (Array.isArray(fields["vocab"])) return "Unigram";
  return "continuing_subword_prefix" in fields ? "WordPiece" : "WordLevel";
}

/** One token for a piece. */
function wordLevelOf(part: Part, vocabulary: Vocabulary): Model {
  const unknown = idOf(vocabulary, optionalText(part, "unk_token"), part);
  return (piece, ids) => {
    const id = vocabulary.get(piece) ?? unknown;
    if (id === undefined) throw noToken(part, piece);
    ids.push(id);
  };
}

/** The longest token that starts a piece, then the longest that goes on; the unknown token for a piece that does not work out. */
function wordPieceOf(part: Part, vocabulary: Vocabulary): Model {
  const unknown = idOf(vocabulary, text(part, "unk_token"), part);
  const prefix = optionalText(part, "continuing_subword_prefix") ?? "";
  const most = Number(part.fields["max_input_chars_per_word"] ?? 100);
  const found = (characters: readonly string[]): readonly number[] | undefined => {
    const ids: number[] = [];
    for (let start = 0; start < characters.length; ) {
      let end = characters.length;
      const token = (): string => `${start > 0 ? prefix : ""}${characters.slice(start, end).join("")}`;
      while (end > start && !vocabulary.has(token())) end -= 1;
      if (end === start) return undefined;
      ids.push(vocabulary.get(token()) ?? 0);
      start = end;
    }
    return ids;
  };
  return (piece, ids) => {
    const characters = Array.from(piece);
    const known = characters.length > most ? undefined : found(characters);
    ids.pushAll(known ?? [unknown ?? 0]);
  };
}
