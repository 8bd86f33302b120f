/** Texts that flags name, as token ids of the tokenizer that the models share. */
import type { CorpusFacts } from "../../compiler/model/facts.ts";
import type { Split } from "../../compiler/plan/plan.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import { encodeTexts } from "../io/encode.ts";
import { hashTokens } from "../io/hash.ts";
import { loadTokenizer } from "../io/tokenizer.ts";
import type { Tokens } from "../store/chosen-windows.ts";
import { UserError } from "../user-error.ts";
import { type Flags, given } from "./flags.ts";
import { type RunProgress, type TextSplit, textsOf } from "./run-progress.ts";
import { lines, say } from "./terminal.ts";

export interface EncodeOptions {
  readonly signal?: AbortSignal;
  readonly tokenizing?: RunProgress["tokenizing"];
  /** Where it is said what is to be known of the texts. */
  readonly note?: (text: string) => void;
}

/** What a recipe or a plan reads. */
interface Reading {
  readonly name: string;
  readonly windows: readonly TextSplit[];
  readonly models: ReadonlyMap<string, Checkpoint>;
}

export interface EncodedTexts {
  readonly corpora: ReadonlyMap<string, Tokens>;
  readonly facts: ReadonlyMap<string, CorpusFacts>;
  /** The sha256 of the tokenizer's files. */
  readonly tokenizer: Readonly<Record<string, string>>;
  /** What has been said of them. */
  readonly notes: readonly string[];
}

const neverAborted = new AbortController().signal;
const noteOnStderr = (text: string): void => say(process.stderr, lines(text));

/** Reads the splits of texts that are used. */
export async function encodeNamed(
  { name, windows, models }: Reading,
  flags: Flags,
  { signal = neverAborted, tokenizing = () => undefined, note = noteOnStderr }: EncodeOptions = {},
): Promise<EncodedTexts> {
  const read = textsOf({ windows });
  if (read.length === 0) return { corpora: new Map(), facts: new Map(), tokenizer: {}, notes: [] };
  const requests = read.map(({ corpus, split }) => {
    const text = given(flags, corpus);
    if (text === undefined) throw new UserError(`${name} needs a text: add --${corpus} PATH`, { exitCode: 2 });
    return { text, split };
  });
  const folder = await sharedTokenizer([...models.values()]);
  if (folder === undefined) throw new UserError(`${name} reads a text and has no model to tokenize it with`);
  const onProgress = (request: number, done: number): void => {
    const text = read[request];
    if (text !== undefined) tokenizing(text, done);
  };
  const encoded = await encodeTexts({ folder, requests }, { signal, onProgress });
  const { notes, files: tokenizer } = encoded.tokenizer;
  for (const each of notes) note(each);
  const corpora = new Map<string, Partial<Record<Split, Int32Array>>>();
  for (const [i, { corpus, split }] of read.entries())
    corpora.set(corpus, { ...corpora.get(corpus), [split]: encoded.corpora[i]?.tokens });
  const facts = new Map([...corpora].map(([corpus, tokens]) => [corpus, countsOf(tokens)]));
  return { corpora, facts, tokenizer, notes };
}

/** The folder with the tokenizer of the models; several models read the same tokens, so theirs must make the same of a text. */
async function sharedTokenizer(models: readonly Checkpoint[]): Promise<string | undefined> {
  const [first, ...others] = models;
  const identityOf = async (folder: string): Promise<string> => (await loadTokenizer(folder)).identity();
  const shared = first !== undefined && others.length > 0 ? await identityOf(first.folder) : undefined;
  for (const { folder } of others)
    if (first !== undefined && (await identityOf(folder)) !== shared)
      throw new UserError(`${folder} and ${first.folder} have different tokenizers; a recipe's models must share one`);
  return first?.folder;
}

function countsOf(tokens: Partial<Record<Split, Int32Array>>): CorpusFacts {
  const splits = Object.entries(tokens);
  return {
    tokens: Object.fromEntries(splits.map(([split, ids]) => [split, ids.length])),
    hashes: Object.fromEntries(splits.map(([split, ids]) => [split, hashTokens(ids)])),
  };
}
