/** Items of a data set as questions with choices, to the byte those of lm-evaluation-harness. */
import { UserError } from "../../user-error.ts";
import { isJsonObject, type JsonObject } from "../file.ts";
import { jsonIn, lines } from "../lines.ts";
import type { TaskDeclaration } from "./declaration.ts";
import { strip, textRules } from "./text-rules.ts";

/** One question: of each choice what is read first, and what of it is scored then. */
export interface Item {
  readonly line: number;
  readonly choices: readonly Choice[];
  /** Of a question about a fact in a context: that, and what the context begins with. */
  readonly about?: { readonly before: string; readonly fact: string };
  /** The place of the right choice. */
  readonly answer: number;
}

export interface Choice {
  readonly context: string;
  readonly continuation: string;
  /** As Python counts them, without what stands before the choice. */
  readonly characters: number;
}

/** The items of a file, a JSON object a line, at most so many; what is wrong with one is said with its line, and the way out. */
export async function* itemsOf(
  path: string,
  declaration: TaskDeclaration,
  { most, way }: { readonly most: number; readonly way: string },
): AsyncGenerator<Item> {
  let count = 0;
  for await (const { bytes, number } of lines(path)) {
    if (count >= most) return;
    const item = jsonIn(bytes, `${path}, line ${number},`);
    if (item === undefined) continue;
    const refuse: Refuse = (why) => {
      throw new UserError(`${path}, line ${number}, ${why}; ${way}`);
    };
    yield { line: number, ...itemOf(isJsonObject(item) ? item : refuse("must be a JSON object"), declaration, refuse) };
    count += 1;
  }
  if (count === 0) throw new UserError(`${path} is empty; give a task with items, one a line`);
}

type Refuse = (why: string) => never;

/** The question that an item is. */
export function itemOf(item: JsonObject, declaration: TaskDeclaration, refuse: Refuse): Omit<Item, "line"> {
  const { before = "", fact, query, choices, before_choice: between = " ", answer, labels, rules = [] } = declaration;
  const fill = (template: string): string => ruled(filled(item, template, refuse), rules, refuse);
  const texts =
    typeof choices === "string"
      ? textsAt(item, choices, refuse).map((text) => ruled(text, rules, refuse))
      : choices.map(fill);
  if (texts.length < 2) refuse(`has ${texts.length === 1 ? "one choice" : "no choices"} where there must be several`);
  const queries = typeof query === "string" ? texts.map(() => query) : query;
  if (queries.length !== texts.length)
    refuse(`has ${texts.length} choices, and the task has ${queries.length} queries`);
  const empty = texts.indexOf("");
  if (empty >= 0) refuse(`has nothing for choice ${empty}`);
  const about = fact === undefined ? undefined : { before: fill(before), fact: fill(fact) };
  if (about?.fact === "") refuse("has nothing for its fact");
  return {
    choices: texts.map((text, i) => ({
      context: fill(queries[i] ?? ""),
      continuation: between + text,
      characters: [...text].length,
    })),
    answer: answerOf(item, { answer, labels, count: texts.length }, refuse),
    ...(about && { about }),
  };
}

interface AnswerOptions {
  readonly answer: string;
  readonly labels: TaskDeclaration["labels"];
  readonly count: number;
}

/** The place of the right choice: by its label, or as it is given, where false and true are 0 and 1. */
function answerOf(item: JsonObject, { answer, labels, count }: AnswerOptions, refuse: Refuse): number {
  const found = valueAt(item, answer, refuse);
  const isPlain = typeof found === "string" || typeof found === "number" || typeof found === "boolean";
  const said = isPlain ? strip(String(found)) : refuse(`has no label or number in \`${answer}\``);
  const named = typeof labels === "string" ? textsAt(item, labels, refuse) : labels;
  if (named && named.length !== count) refuse(`has ${count} choices and ${named.length} labels`);
  const places = named ?? Array.from({ length: count }, (_, i) => String(i));
  const place = places.indexOf(typeof found === "boolean" && !named ? String(Number(found)) : said);
  return place >= 0
    ? place
    : refuse(`has \`${answer}\` ${JSON.stringify(found)}, which is none of ${places.join(", ")}`);
}

/** What lies behind a path: names of fields and places in lists. */
function valueAt(item: JsonObject, path: string, refuse: Refuse): unknown {
  let value: unknown = item;
  for (const name of path.split(".")) {
    const isList = Array.isArray(value) && /^\d+$/.test(name);
    const inside: unknown = isList || isJsonObject(value) ? Reflect.get(value as object, name) : undefined;
    if (inside === undefined || (!isList && !Object.hasOwn(value as object, name))) refuse(`has no \`${path}\``);
    value = inside;
  }
  return value;
}

function textAt(item: JsonObject, path: string, refuse: Refuse): string {
  const value = valueAt(item, path, refuse);
  return typeof value === "string" ? wellFormed(value, path, refuse) : refuse(`has no text in \`${path}\``);
}

function textsAt(item: JsonObject, path: string, refuse: Refuse): readonly string[] {
  const values = valueAt(item, path, refuse);
  if (!Array.isArray(values)) return refuse(`has no list of texts in \`${path}\``);
  return values.map((_, i) => textAt(item, `${path}.${i}`, refuse));
}

const wellFormed = (text: string, path: string, refuse: Refuse): string =>
  text.isWellFormed() ? text : refuse(`has half of a pair of surrogates in \`${path}\`, which is no character`);

/** `{question|strip}`: fields in braces, and what is done to them. */
const filled = (item: JsonObject, template: string, refuse: Refuse): string =>
  template.replace(/\{([^{}|]+)((?:\|\w+)*)\}/g, (_, path: string, rules: string) =>
    ruled(textAt(item, path, refuse), rules.split("|").slice(1), refuse),
  );

const ruled = (text: string, rules: NonNullable<TaskDeclaration["rules"]>, refuse: Refuse): string =>
  rules.reduce<string>((result, rule) => {
    if (typeof rule !== "string") return result.replace(new RegExp(rule[0], "gu"), () => rule[1]);
    const change = textRules.get(rule) ?? refuse(`is asked for the text rule ${rule}, which there is not`);
    return change(result, refuse);
  }, text);
