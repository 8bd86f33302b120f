/** What all models of tokens share: a vocabulary, and ids that they write for a piece of text. */
import { UserError } from "../user-error.ts";
import type { Ids } from "./ids.ts";
import { isId, type Part } from "./part.ts";

/** Writes the ids of a piece. */
export type Model = (piece: string, ids: Ids) => void;

export type Vocabulary = ReadonlyMap<string, number>;

/** The vocabulary of a model: an object of ids by token, or for Unigram a list of [token, score] in the order of their ids. */
export function vocabularyOf({ file, at, fields }: Part): Vocabulary {
  const stored = fields["vocab"];
  if (typeof stored !== "object" || stored === null)
    throw new UserError(`${file} has no vocabulary; save the tokenizer again`);
  const entries: readonly (readonly [string, unknown])[] = Array.isArray(stored)
    ? stored.map((entry: unknown, i) => [Array.isArray(entry) ? String(entry[0]) : "", i] as const)
    : Object.entries(stored);
  const bad = entries.find(([, id]) => !isId(id));
  if (bad !== undefined)
    throw new UserError(`${at} in ${file} has a token with the id ${JSON.stringify(bad[1])}; save the tokenizer again`);
  return new Map(entries as readonly (readonly [string, number])[]);
}

/** The largest id, -1 if there is none. */
export function largestId(vocabulary: Vocabulary): number {
  let largest = -1;
  for (const id of vocabulary.values()) largest = Math.max(largest, id);
  return largest;
}

/** The id of a token that the definition names; undefined where it names none. */
export function idOf(vocabulary: Vocabulary, token: string | undefined, { file, at }: Part): number | undefined {
  if (token === undefined) return undefined;
  const id = vocabulary.get(token);
  if (id !== undefined) return id;
  throw new UserError(`${at} in ${file} names ${JSON.stringify(token)}, which is not in its vocabulary; save it again`);
}

/** The ids of the tokens for the bytes of a text; undefined if the vocabulary lacks one. */
export function byteIds(vocabulary: Vocabulary, text: string): readonly number[] | undefined {
  const ids: number[] = [];
  for (const byte of Buffer.from(text)) {
    const id = vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}

/** The error for a text that the tokenizer has no token for. */
export const noToken = ({ file }: Part, text: string): UserError =>
  new UserError(`${file} has no token for ${JSON.stringify(text.slice(0, 40))}; use the tokenizer of this model`);
