/** Choices as tokens, split between context and continuation as lm-evaluation-harness does. */
import { Ids } from "../../tokenizer/ids.ts";
import { UserError } from "../../user-error.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { plain, readDeclaration, taskSource } from "./declaration.ts";
import { type Choice, type Item, itemsOf } from "./items.ts";
import { withoutEnd } from "./text-rules.ts";

/** A task that is to be read. */
export interface TaskRequest {
  /** `NAME=FILE`, or the path of a file of `{ query, choices, answer }`. */
  readonly task: string;
  /** How many of its items; by default all. */
  readonly first?: number;
  /** The longest text that a model was made for, in tokens; null: any. */
  readonly context: number | null;
}

export interface EncodedTask {
  readonly path: string;
  readonly items: readonly EncodedItem[];
  /** How many choices are longer than the context, and lack the beginning. */
  readonly cut: number;
}

export interface EncodedItem {
  readonly choices: readonly EncodedChoice[];
  readonly answer: number;
}

export interface EncodedChoice {
  /** Context and continuation; at most one more than the model can read, as nothing follows the last. */
  readonly tokens: Int32Array;
  /** How many of them, at the end, are scored. */
  readonly scored: number;
  readonly characters: number;
}

/** Reads a task with the tokenizer of a model; `onItem` hears the line of each. */
export async function encodeTask(
  { task, first = Infinity, context }: TaskRequest,
  tokenizer: Tokenizer,
  onItem: (line: number) => void = () => undefined,
): Promise<EncodedTask> {
  const { declaration, path } = taskSource(task);
  const declared = await readDeclaration(declaration);
  const named = declaration === plain ? ", or say which data set's form it has, as in arc=FILE" : "";
  const way = `mend or remove it${named}`;
  const items: EncodedItem[] = [];
  const most = context === null ? Infinity : context + 1;
  let cut = 0;
  for await (const item of itemsOf(path, declared, { most: first, way })) {
    onItem(item.line);
    const choices = item.choices.map((choice, i) => {
      const whole = encodeChoice(choice, tokenizer);
      const [tokens, scored] = [whole.tokens.slice(-most), whole.scored];
      if (scored === 0) throw problemOf(path, item, i, "adds no token to its query");
      if (scored >= tokens.length)
        throw problemOf(path, item, i, `has ${scored} tokens, and the model reads ${context} at once`);
      if (tokens.length < whole.tokens.length) cut += 1;
      return { tokens, scored, characters: choice.characters };
    });
    items.push({ choices, answer: item.answer });
  }
  return { path, items, cut };
}

const problemOf = (path: string, { line }: Item, choice: number, why: string): UserError =>
  new UserError(`${path}, line ${line}, has a choice, ${choice}, that ${why}; mend or remove it`);

/**
 * Both are encoded together, and the context alone: what the former has more is the continuation. White space at the end of the context
 * belongs to the continuation, as tokens of words begin with it.
 */
export function encodeChoice(
  { context, continuation }: Pick<Choice, "context" | "continuation">,
  { encode, opening, head }: Pick<Tokenizer, "encode" | "opening" | "head">,
): Pick<EncodedChoice, "tokens" | "scored"> {
  const [kept, end] = withoutEnd(context);
  const tokensOf = (text: string): Int32Array => {
    const ids = new Ids();
    ids.pushAll(opening);
    encode(text, ids, () => undefined);
    return ids.taken();
  };
  const [before, whole] = [tokensOf(kept), tokensOf(kept + end + continuation)];
  const beginning = before.length > 0 || head === undefined ? [] : [head];
  return {
    tokens: Int32Array.from([...beginning, ...whole]),
    scored: Math.max(0, whole.length - before.length),
  };
}
