/** Tasks as the tokens of their choices. */
import { UserError } from "../../user-error.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { type EncodedItem, encodeChoice } from "./choice.ts";
import { plain, readDeclaration, taskSource } from "./declaration.ts";
import { type Item, itemsOf } from "./items.ts";
import { type Around, type Cell, encodeAround } from "./retrieval.ts";

/** A task that is to be read. */
export interface TaskRequest {
  /** `NAME=FILE`, or the path of a file of `{ query, choices, answer }`. */
  readonly task: string;
  /** How many of its items; by default all. */
  readonly first?: number;
  /** The longest text that a model was made for, in tokens; null: any. */
  readonly context: number | null;
  /** Where the facts of a task that has some are to stand. */
  readonly around?: Around;
}

export interface EncodedTask {
  readonly path: string;
  readonly items: readonly EncodedItem[];
  /** How many choices are longer than the context, and lack the beginning. */
  readonly cut: number;
  /** Of a task about facts in a context: how its items stand there, in order. */
  readonly cells?: readonly Cell[];
}

/** Reads a task with the tokenizer of a model; `onItem` hears the line of each. */
export async function encodeTask(
  { task, first = Infinity, context, around }: TaskRequest,
  tokenizer: Tokenizer,
  onItem: (line: number) => void = () => undefined,
): Promise<EncodedTask> {
  const { declaration, path } = taskSource(task);
  const declared = await readDeclaration(declaration);
  const named = declaration === plain ? ", or say which data set's form it has, as in arc=FILE" : "";
  const way = `mend or remove it${named}`;
  if (declared.fact !== undefined) {
    if (around === undefined)
      throw new UserError(
        `${path} asks about facts in a context, of which nothing is given; use lcomp eval, with --filler TEXT`,
      );
    const asked: Item[] = [];
    for await (const item of itemsOf(path, declared, { most: first, way })) asked.push(item);
    return { path, cut: 0, ...(await encodeAround(asked, around, { path, way, context, tokenizer }, onItem)) };
  }
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
