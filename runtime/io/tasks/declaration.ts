/** What makes questions with choices of the items of a data set: a table in `stdlib/tasks/`, or a file of one's own like it. */
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../package-root.ts";
import { UserError } from "../../user-error.ts";
import { type JsonObject, jsonObject, readText } from "../file.ts";
import { textRules } from "./text-rules.ts";

/**
 * Templates have fields of an item in braces, `{choices.text.0}`, which text rules may follow, `{question|strip}`. A path stands for a list
 * of texts, `choices.text`.
 */
export interface TaskDeclaration {
  /** The name of the data set, and its paper. */
  readonly about: string;
  /** Of questions about a fact in a context, the fact: a template. */
  readonly fact?: string;
  /** What the context begins with, behind which come the fact and others around it, and then the query; by default nothing. */
  readonly before?: string;
  /** What stands in front of each choice: a template, or one for each. */
  readonly query: string | readonly string[];
  /** The choices: a path, or templates. */
  readonly choices: string | readonly string[];
  /** What stands between query and choice; by default a space, which is no part of the choice. */
  readonly before_choice?: string;
  /** The path of the right choice: its place from 0 on, or its label. */
  readonly answer: string;
  /** What the choices are called by `answer`: a path, or the labels themselves. */
  readonly labels?: string | readonly string[];
  /** What is done to queries and choices then, in order: a text rule, or a regular expression and what takes the place of all that it finds. */
  readonly rules?: readonly TextRule[];
}

export type TextRule = string | readonly [pattern: string, by: string];

/** A task as it is named: `arc=FILE`, `./own.json=FILE`, or a file of `{ query, choices, answer }` by itself. */
export interface TaskSource {
  /** The declaration: a name in the library, or a path. */
  readonly declaration: string;
  /** The items, one a line. */
  readonly path: string;
}

/** What takes items as they are. */
export const plain = "plain";

const library = join(packageRoot, "stdlib", "tasks");

/** The names of the library's declarations. */
export const taskNames = (): readonly string[] =>
  globSync("*.json", { cwd: library })
    .map((name) => name.replace(/\.json$/, ""))
    .filter((name) => name !== plain)
    .sort();

/** Reads `NAME=FILE` or `FILE`. */
export function taskSource(text: string): TaskSource {
  const at = text.indexOf("=");
  const name = text.slice(0, Math.max(0, at));
  if (name.endsWith(".json") || (/^\w+$/.test(name) && !existsSync(text)))
    return { declaration: name, path: text.slice(at + 1) };
  return { declaration: plain, path: text };
}

/** The declaration that is named. */
export async function readDeclaration(name: string): Promise<TaskDeclaration> {
  const isOwn = name.endsWith(".json");
  if (!isOwn && name !== plain && !taskNames().includes(name))
    throw new UserError(
      `there is no task \`${name}\`; there are ${taskNames().join(", ")}, or give a .json of your own`,
    );
  const path = isOwn ? name : join(library, `${name}.json`);
  return declarationIn(jsonObject(await readText(path), path), path);
}

const isText = (value: unknown): value is string => typeof value === "string";
const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isText);
const isOneOrMore = (value: unknown): value is string | readonly string[] => isText(value) || isTexts(value);

function declarationIn(found: JsonObject, path: string): TaskDeclaration {
  const refuse = (field: string, must: string): never => {
    throw new UserError(`${path} declares no task: \`${field}\` must be ${must}; stdlib/tasks has examples`);
  };
  const { about, fact, before, query, choices, before_choice, answer, labels, rules = [], ...others } = found;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) refuse(unknown, "left out: a task has no such field");
  const severalOf = (field: string, value: unknown) =>
    isOneOrMore(value) ? value : refuse(field, "a text, or a list of texts");
  const optional = <T>(value: unknown, read: (value: unknown) => T): T | undefined =>
    value === undefined ? undefined : read(value);
  const textOf = (field: string, value: unknown) => (isText(value) ? value : refuse(field, "a text"));
  const texts = Object.entries({ fact, before, before_choice }).flatMap(([field, value]) =>
    value === undefined ? [] : [[field, textOf(field, value)] as const],
  );
  const named = optional(labels, (value) => severalOf("labels", value));
  if (fact !== undefined && !isText(query)) refuse("query", "one text where there is a fact");
  if (fact === undefined && before !== undefined) refuse("before", "left out where there is no fact");
  return {
    about: textOf("about", about),
    query: severalOf("query", query),
    choices: severalOf("choices", choices),
    answer: textOf("answer", answer),
    rules: Array.isArray(rules) ? rules.map((rule) => ruleIn(rule, refuse)) : refuse("rules", "a list"),
    ...Object.fromEntries(texts),
    ...(named !== undefined && { labels: named }),
  };
}

function ruleIn(rule: unknown, refuse: (field: string, must: string) => never): TextRule {
  const [pattern, by, ...more] = isTexts(rule) ? rule : [];
  if (isText(rule) && textRules.has(rule)) return rule;
  if (pattern !== undefined && by !== undefined && more.length === 0 && isPattern(pattern)) return [pattern, by];
  const known = [...textRules.keys()].join(", ");
  return refuse("rules", `a list of ${known}, and of pairs of a regular expression and what takes its place`);
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, "gu").global;
  } catch {
    return false;
  }
}
