// Texts as token streams. `.jsonl` is a document a line, each preceded by the beginning of text; `.txt` is one stream
// with the tokenizer's special tokens. The reference figures depend on this to the token.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { showBytes } from "../../compiler/plan/bytes.ts";
import type { Split } from "../../compiler/plan/plan.ts";
import { Ids } from "../tokenizer/ids.ts";
import { UserError } from "../user-error.ts";
import { explained, isJsonObject, readText } from "./file.ts";
import { byteOrderMark, jsonIn, largestText, lines } from "./lines.ts";
import { randomBelow } from "./random.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A text as one stream of token ids. */
export interface Corpus {
  readonly path: string;
  readonly tokens: Int32Array;
}

/** Hears the share of a text that is done, 0 to 1, and the line of the document that is being encoded, 0 for a stream. */
export type OnText = (done: number, line: number) => void;

/** Reads a split of `text`: a folder with train, validation and test files, or one file that serves as every split. */
export async function loadCorpus(
  text: string,
  split: Split,
  tokenizer: Tokenizer,
  onText: OnText = () => undefined,
): Promise<Corpus> {
  const path = await splitPath(text, split);
  const { size } = await explained("read", path, () => stat(path));
  const ids = new Ids();
  if (path.endsWith(".jsonl")) await encodeDocuments(path, size, tokenizer, ids, onText);
  else await encodeStream(path, size, tokenizer, ids, onText);
  if (ids.length === 0) throw new UserError(`${path} is empty; give a text`);
  return { path, tokens: ids.taken() };
}

/** Windows of a text, each made when it is asked for: there may be more of them than memory holds. */
export interface Windows {
  readonly length: number;
  readonly at: (i: number) => Int32Array;
}

/** The first `count` of the windows of `length` tokens that follow each other without overlap; the rest is dropped, a corpus shorter than one is refused. */
export function windows(corpus: Corpus, length: number, count = Number.POSITIVE_INFINITY): Windows {
  const all = requireWindows(corpus, length);
  return { length: Math.min(all, count), at: (i) => corpus.tokens.subarray(i * length, (i + 1) * length) };
}

/** `count` windows of `length` tokens that start anywhere in the stream and may overlap; the same seed gives the same windows. */
export function sample(corpus: Corpus, count: number, length: number, seed: number): Windows {
  requireWindows(corpus, length);
  const starts = corpus.tokens.length - length + 1;
  return {
    length: count,
    at: (i) => {
      const start = randomBelow(starts, seed, i);
      return corpus.tokens.subarray(start, start + length);
    },
  };
}

function requireWindows({ path, tokens }: Corpus, length: number): number {
  if (tokens.length >= length) return Math.floor(tokens.length / length);
  throw new UserError(`${path} has ${tokens.length} tokens, and one window needs ${length}; give a longer text`);
}

/** The file with a split of `text`. */
export async function splitPath(text: string, split: Split): Promise<string> {
  const status = await explained("read", text, () => stat(text));
  if (!status.isDirectory()) {
    if (/\.(txt|jsonl)$/.test(text)) return text;
    throw new UserError(
      `${text} must be a .txt (one stream) or a .jsonl (a document a line, in "text"); convert it, or rename one that is`,
    );
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

async function encodeStream(path: string, size: number, tokenizer: Tokenizer, ids: Ids, onText: OnText) {
  const way = "split it, or write it as .jsonl, a document a line";
  if (size > largestText)
    throw new UserError(`${path} is one text of ${showBytes(size)}, at most ${showBytes(largestText)}; ${way}`);
  onText(0, 0);
  const text = (await readText(path)).replace(byteOrderMark, "");
  if (text === "") return;
  ids.pushAll(tokenizer.before);
  tokenizer.encode(
    text,
    ids,
    counter((characters) => onText(Math.min(1, characters / text.length), 0)),
  );
  ids.pushAll(tokenizer.after);
}

/** Adds up characters, and tells their sum now and then. */
function counter(tell: (characters: number) => void): (characters: number) => void {
  let [sum, told] = [0, 0];
  return (characters) => {
    sum += characters;
    if (sum - told < 2 ** 15) return;
    told = sum;
    tell(sum);
  };
}

async function encodeDocuments(path: string, size: number, tokenizer: Tokenizer, ids: Ids, onText: OnText) {
  const { head } = tokenizer;
  if (head === undefined) {
    throw new UserError(
      `the model has neither bos_token_id nor eos_token_id, one of which must precede each document of ${path}; add it to config.json`,
    );
  }
  for await (const { bytes, number, start } of lines(path)) {
    const where = `${path}, line ${number},`;
    const text = documentText(bytes, where);
    onText(start / size, number);
    if (text === undefined) continue;
    ids.push(head);
    const share = bytes.length / size / Math.max(1, text.length);
    tokenizer.encode(
      text,
      ids,
      counter((characters) => onText(Math.min(1, start / size + characters * share), number)),
    );
  }
}

/** The texts of a split, one after the other, without what precedes them as tokens. */
export async function* documents(text: string, split: Split): AsyncGenerator<string> {
  const path = await splitPath(text, split);
  if (!path.endsWith(".jsonl")) return yield (await readText(path)).replace(byteOrderMark, "");
  for await (const { bytes, number } of lines(path)) yield documentText(bytes, `${path}, line ${number},`) ?? "";
}

/** The text of one line, or undefined if it is blank. */
function documentText(bytes: Uint8Array, where: string): string | undefined {
  const document = jsonIn(bytes, where);
  if (document === undefined) return undefined;
  if (!isJsonObject(document) || typeof document["text"] !== "string")
    throw new UserError(`${where} must be a JSON object with a string in "text"; mend or remove it`);
  const { text } = document;
  if (!text.isWellFormed())
    throw new UserError(
      `${where} has half of a pair of surrogates in "text", which is no character; mend or remove it`,
    );
  return text;
}
