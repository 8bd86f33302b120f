// Texts as token streams. `.jsonl` is a document a line, each preceded by the beginning of text; `.txt` is one stream
// with the tokenizer's special tokens. The reference figures depend on this to the token.
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Split } from "../../compiler/plan/plan.ts";
import { UserError } from "../user-error.ts";
import { decodeUtf8, explained, isJsonObject, parseJson, readText, withFile } from "./file.ts";
import { randomBelow } from "./random.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A text as one stream of token ids. */
export interface Corpus {
  readonly path: string;
  readonly tokens: Int32Array;
}

/** Reads a split of `text`: a folder with train, validation and test files, or one file that serves as every split. */
export async function loadCorpus(text: string, split: Split, tokenizer: Tokenizer): Promise<Corpus> {
  const path = await splitPath(text, split);
  const tokens = path.endsWith(".jsonl")
    ? await encodeDocuments(path, tokenizer)
    : encodeStream(await readText(path), path, tokenizer);
  return { path, tokens };
}

/** Consecutive windows of `length` tokens without overlap; the rest is dropped, a corpus shorter than one is refused. */
export function windows(corpus: Corpus, length: number): Int32Array[] {
  const count = requireWindows(corpus, length);
  return Array.from({ length: count }, (_, i) => corpus.tokens.subarray(i * length, (i + 1) * length));
}

/** `count` windows of `length` tokens that start anywhere in the stream; the same seed gives the same windows. */
export function sample(corpus: Corpus, count: number, length: number, seed: number): Int32Array[] {
  requireWindows(corpus, length);
  const starts = corpus.tokens.length - length + 1;
  return Array.from({ length: count }, (_, i) => {
    const start = randomBelow(starts, seed, i);
    return corpus.tokens.subarray(start, start + length);
  });
}

function requireWindows({ path, tokens }: Corpus, length: number): number {
  if (tokens.length >= length) return Math.floor(tokens.length / length);
  throw new UserError(`${path} has ${tokens.length} tokens, and one window needs ${length}; give a longer text`);
}

async function splitPath(text: string, split: Split): Promise<string> {
  const status = await explained("read", text, () => stat(text));
  if (!status.isDirectory()) {
    if (/\.(txt|jsonl)$/.test(text)) return text;
    throw new UserError(`${text} must end in .txt (one stream) or .jsonl (a document a line); rename it`);
  }
  const names = await explained("read", text, () => readdir(text));
  const found = names.filter((name) => name === `${split}.txt` || name === `${split}.jsonl`);
  const [first, second] = found;
  if (first === undefined) {
    throw new UserError(
      `${text} has neither ${split}.jsonl nor ${split}.txt; add one, or give one file for everything`,
    );
  }
  if (second !== undefined) throw new UserError(`${text} has both ${first} and ${second}; remove one`);
  return join(text, first);
}

function encodeStream(text: string, path: string, tokenizer: Tokenizer): Int32Array {
  if (text === "") throw new UserError(`${path} is empty; give a text`);
  return tokenizer.encode(text, { special: true });
}

async function encodeDocuments(path: string, tokenizer: Tokenizer): Promise<Int32Array> {
  const head = tokenizer.bos ?? tokenizer.eos;
  if (head === undefined) {
    throw new UserError(
      `the model has neither bos_token_id nor eos_token_id, one of which must precede each document of ${path}; add it to config.json`,
    );
  }
  const documents: Int32Array[] = [];
  for await (const { bytes, number } of lines(path)) {
    const text = documentText(bytes, `${path}, line ${number},`);
    if (text !== undefined) documents.push(tokenizer.encode(text, { special: false }));
  }
  if (documents.length === 0) throw new UserError(`${path} is empty; give a text`);
  const tokens = new Int32Array(documents.reduce((sum, document) => sum + document.length + 1, 0));
  let end = 0;
  for (const document of documents) {
    tokens[end] = head;
    tokens.set(document, end + 1);
    end += document.length + 1;
  }
  return tokens;
}

/** The text of one line, or undefined if it is blank. */
function documentText(bytes: Uint8Array, where: string): string | undefined {
  const line = decodeUtf8(bytes, where)
    .replace(/^\uFEFF/, "")
    .trim();
  if (line === "") return undefined;
  const document = parseJson(line, where);
  if (isJsonObject(document) && typeof document["text"] === "string") return document["text"];
  throw new UserError(`${where} must be a JSON object with a string in "text"; mend or remove it`);
}

/** The lines of a file, cut at line feeds alone: JSON may hold the other characters that end a line. */
async function* lines(path: string): AsyncGenerator<{ readonly bytes: Uint8Array; readonly number: number }> {
  await withFile(path, async () => {}); // says what is wrong with the file, if anything is
  let rest: Uint8Array[] = [];
  let number = 0;
  for await (const part of createReadStream(path) as AsyncIterable<Uint8Array>) {
    let start = 0;
    for (let end = part.indexOf(10); end >= 0; end = part.indexOf(10, start)) {
      number += 1;
      yield { bytes: Buffer.concat([...rest, part.subarray(start, end)]), number };
      rest = [];
      start = end + 1;
    }
    rest.push(part.subarray(start));
  }
  yield { bytes: Buffer.concat(rest), number: number + 1 };
}
