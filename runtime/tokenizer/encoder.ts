/**
 * Text to token ids and back, exactly as Hugging Face's Rust library does it by a tokenizer.json: what is not the same is refused.
 * The definition's truncation and padding are for batches and play no part.
 */
import { addedTokens, finderOf } from "./added-tokens.ts";
import { decoderOf } from "./decoder.ts";
import type { Ids } from "./ids.ts";
import { modelOf } from "./models.ts";
import { normalizerOf } from "./normalizers.ts";
import { below, partOf, parts } from "./part.ts";
import { type Surroundings, surroundingsOf } from "./post-processors.ts";
import { preTokenizerOf } from "./pre-tokenizers.ts";
import { largestId, vocabularyOf } from "./vocabulary.ts";

export interface Encoder extends Surroundings {
  /** Adds the ids of a text, without special tokens around it; `onPiece` hears how many characters of the text are done. */
  readonly encode: (text: string, ids: Ids, onPiece: (characters: number) => void) => void;
  /** The text of ids, without special tokens; what has no token says nothing. */
  readonly decode: (ids: Iterable<number>) => string;
  /** The id of a token. */
  readonly idOf: (token: string) => number | undefined;
  /** The largest id of the vocabulary; added tokens may lie beyond. */
  readonly largest: number;
}

/** The encoder of the content of a tokenizer.json; special tokens are found in a text unless they are to be split as any text. */
export function encoderOf(definition: unknown, file: string, splitsSpecial = false): Encoder {
  const whole = partOf(definition, file, "the definition");
  const modelPart = { ...below(whole, "model"), at: "model" };
  const vocabulary = vocabularyOf(modelPart);
  const normalize = normalizerOf(whole.fields["normalizer"], file);
  const split = preTokenizerOf(whole.fields["pre_tokenizer"], file);
  const model = modelOf(modelPart, vocabulary);
  const listed = whole.fields["added_tokens"] === undefined ? [] : parts(whole, "added_tokens");
  const added = addedTokens(listed, vocabulary);
  const sought = added.filter(({ isSpecial }) => !(isSpecial && splitsSpecial));
  const findBefore = finderOf(sought, null);
  const findAfter = finderOf(sought, normalize);
  // What is left of a text whose first characters are taken away is not at its beginning.
  const isWhole = ([first = ""]: string): boolean => first === "" || normalize(first) !== "";
  const ids = new Map([...vocabulary, ...added.map(({ content, id }) => [content, id] as const)]);
  return {
    decode: remembered(() => {
      const decode = decoderOf(whole.fields["decoder"], file);
      const special = new Set(added.flatMap(({ isSpecial, content }) => (isSpecial ? [content] : [])));
      const tokens = new Map([...ids].map(([token, id]) => [id, token]));
      return (given) => decode([...given].flatMap((id) => tokens.get(id) ?? []).filter((token) => !special.has(token)));
    }),
    ...surroundingsOf(whole.fields["post_processor"], file),
    idOf: (token) => ids.get(token),
    largest: largestId(vocabulary),
    encode: (text, into, onPiece) =>
      findBefore(text, true, (section, isFirst) => {
        if (typeof section === "number") return into.push(section);
        findAfter(normalize(section), isFirst && isWhole(section), (part, isFirstToo) => {
          if (typeof part === "number") return into.push(part);
          split(part, isFirstToo, (piece) => {
            model(piece, into);
            onPiece(piece.length);
          });
        });
      }),
  };
}

/** A function that is made when it is first called. */
function remembered<Given, Result>(make: () => (given: Given) => Result): (given: Given) => Result {
  let made: ((given: Given) => Result) | undefined;
  return (given) => {
    made ??= make();
    return made(given);
  };
}
