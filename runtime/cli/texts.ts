/** Texts and tasks that flags name, as token ids of the tokenizer that the models share. */
import type { CorpusFacts } from "../../compiler/model/facts.ts";
import type { Split, TaskPart } from "../../compiler/plan/plan.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import { encodeTexts } from "../io/encode.ts";
import { isJsonObject } from "../io/file.ts";
import { hashTokens } from "../io/hash.ts";
import type { EncodedItem } from "../io/tasks/choice.ts";
import type { EncodedTask, TaskRequest } from "../io/tasks/encode.ts";
import { factsOf, windowsOf } from "../io/tasks/windows.ts";
import { loadTokenizer } from "../io/tokenizer.ts";
import type { Tokens } from "../store/chosen-windows.ts";
import { UserError } from "../user-error.ts";
import { type Flags, given } from "./flags.ts";
import { type RunProgress, textsOf } from "./run-progress.ts";
import { counted, lines, say } from "./terminal.ts";

export interface EncodeOptions {
  readonly signal?: AbortSignal;
  readonly tokenizing?: RunProgress["tokenizing"];
  /** Where it is said what is to be known of the texts. */
  readonly note?: (text: string) => void;
}

/** What a recipe or a plan reads. */
interface Reading {
  readonly name: string;
  readonly windows: Parameters<typeof textsOf>[0]["windows"];
  readonly models: ReadonlyMap<string, Checkpoint>;
  /** What was read of it already. */
  readonly tasks: EncodedTexts;
}

export interface EncodedTexts {
  readonly corpora: ReadonlyMap<string, Tokens>;
  readonly facts: ReadonlyMap<string, CorpusFacts>;
  /** The sha256 of the tokenizer's files. */
  readonly tokenizer: Readonly<Record<string, string>>;
  /** What has been said of them. */
  readonly notes: readonly string[];
}

const nothingRead: EncodedTexts = { corpora: new Map(), facts: new Map(), tokenizer: {}, notes: [] };

const neverAborted = new AbortController().signal;
const noteOnStderr = (text: string): void => say(process.stderr, lines(text));

/** Reads the splits of texts that are used, beside tasks that were read before. */
export async function encodeNamed(
  { name, windows, models, tasks }: Reading,
  flags: Flags,
  { signal = neverAborted, tokenizing = () => undefined, note = noteOnStderr }: EncodeOptions = {},
): Promise<EncodedTexts> {
  const read = textsOf({ windows });
  if (read.length === 0) return tasks;
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
  for (const each of notes) if (!tasks.notes.includes(each)) note(each);
  const corpora = new Map<string, Partial<Record<Split, Int32Array>>>();
  for (const [i, { corpus, split }] of read.entries())
    corpora.set(corpus, { ...corpora.get(corpus), [split]: encoded.corpora[i]?.tokens });
  const facts = new Map([...corpora].map(([corpus, tokens]) => [corpus, countsOf(tokens)]));
  return {
    corpora: new Map([...corpora, ...tasks.corpora]),
    facts: new Map([...facts, ...tasks.facts]),
    tokenizer,
    notes: [...new Set([...tasks.notes, ...notes])],
  };
}

/** What is read of tasks: of each its items, as the tokenizer of the models has them. */
export interface EncodedTasks extends Pick<EncodedTexts, "tokenizer" | "notes"> {
  readonly tasks: ReadonlyMap<string, EncodedTask>;
}

/** Reads tasks that are named as `--tasks` has them, at most so many items of each, with what stands around facts. */
export async function encodeTasks(
  named: ReadonlyMap<string, string>,
  models: readonly Checkpoint[],
  asked: Pick<TaskRequest, "first" | "around"> = {},
  { signal = neverAborted, note = noteOnStderr }: EncodeOptions = {},
): Promise<EncodedTasks> {
  const folder = await sharedTokenizer(models);
  if (named.size === 0 || folder === undefined) return { tasks: new Map(), tokenizer: {}, notes: [] };
  const context = contextOf(models);
  const requests = [...named.values()].map((task) => ({ task, context, ...asked }));
  const encoded = await encodeTexts({ folder, requests: [], tasks: requests }, { signal, onProgress: () => undefined });
  const tasks = new Map([...named.keys()].flatMap((name, i) => namedWith(name, encoded.tasks[i])));
  const cuts = [...tasks.values()].flatMap(({ path, cut }) =>
    cut > 0
      ? [
          `${counted(cut, "choice")} of ${path} are longer than the ${context} tokens that the model reads; their beginning is left out`,
        ]
      : [],
  );
  const { notes, files: tokenizer } = encoded.tokenizer;
  for (const each of [...notes, ...cuts]) note(each);
  return { tasks, tokenizer, notes: [...notes, ...cuts] };
}

/** Prompts as token ids of the tokenizer that models share. */
export async function encodePrompts(
  prompts: readonly string[],
  models: readonly Checkpoint[],
  { signal = neverAborted, note = noteOnStderr }: EncodeOptions = {},
): Promise<Pick<EncodedTexts, "notes"> & { readonly prompts: readonly (readonly number[])[] }> {
  const folder = await sharedTokenizer(models);
  if (folder === undefined) throw new Error("there is no model that prompts are for");
  const encoded = await encodeTexts({ folder, prompts }, { signal, onProgress: () => undefined });
  const { notes } = encoded.tokenizer;
  for (const each of notes) note(each);
  return { prompts: encoded.prompts.map((ids) => [...ids]), notes };
}

const namedWith = <T>(name: string, value: T | undefined): readonly (readonly [string, T])[] =>
  value === undefined ? [] : [[name, value]];

/** Tasks as what a recipe reads of its parameters of these names. */
export function readBy(items: ReadonlyMap<string, readonly EncodedItem[]>): Pick<EncodedTexts, "corpora" | "facts"> {
  const corpora = new Map([...items].map(([name, some]) => [name, windowsOf(some)] as const));
  const facts = [...items].map(([name, some]) => {
    const counts = countsOf(corpora.get(name) ?? {});
    return [name, { ...counts, task: factsOf(some) }] as const;
  });
  return { corpora, facts: new Map(facts) };
}

/** Reads the tasks that parameters of a recipe or a plan stand for, whole. */
export async function readTasks(
  recipe: string,
  parameters: readonly string[],
  flags: Flags,
  models: ReadonlyMap<string, Checkpoint>,
  options?: EncodeOptions,
): Promise<EncodedTexts> {
  if (parameters.length === 0) return nothingRead;
  const named = parameters.map((name) => {
    const task = given(flags, name);
    if (task === undefined) throw new UserError(`${recipe} needs a task: add --${name} FILE`, { exitCode: 2 });
    return [name, task] as const;
  });
  const { tasks, tokenizer, notes } = await encodeTasks(new Map(named), [...models.values()], undefined, options);
  return { ...readBy(new Map([...tasks].map(([name, { items }]) => [name, items]))), tokenizer, notes };
}

/** The longest text that all models were made for, by the names that config.json has for it; null where none says it. */
export function contextOf(models: readonly Checkpoint[]): number | null {
  const said = models.flatMap(({ config }) => {
    const inner = config["text_config"];
    const fields = isJsonObject(inner) ? { ...config, ...inner } : config;
    const found = [fields["n_positions"], fields["max_position_embeddings"], fields["n_ctx"]];
    return found.find((each) => typeof each === "number") ?? [];
  });
  return said.length > 0 ? Math.min(...said) : null;
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

function countsOf(tokens: Partial<Record<Split | TaskPart, Int32Array>>): CorpusFacts {
  const splits = Object.entries(tokens);
  return {
    tokens: Object.fromEntries(splits.map(([split, ids]) => [split, ids.length])),
    hashes: Object.fromEntries(splits.map(([split, ids]) => [split, hashTokens(ids)])),
  };
}
