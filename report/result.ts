/** A row's file: what its command has found, and what it was found of. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readRecipe } from "../runtime/cli/recipe.ts";
import type { RunReport } from "../runtime/cli/result-table.ts";
import { sha256 } from "../runtime/io/hash.ts";
import { writeWhole } from "../runtime/io/whole-file.ts";
import { type Row, root, rowPath, shownCommand } from "./rows.ts";

export interface Result extends Sources {
  readonly command: string;
  readonly perplexity: Pair;
  readonly perplexity_error: Pair;
  /** How much greater the loss of a token is, in nats, with the standard error of the pairs. */
  readonly lost: number;
  readonly lost_error: number;
  /** KL(given ‖ made) of a token, in nats. */
  readonly kl: number;
  readonly kl_error: number;
  /** The share of tokens of which both find the same likeliest. */
  readonly agreement: number;
  /** Of all tensors. */
  readonly bytes: Pair;
  /** The share of zeros in the layers that were changed. */
  readonly zeros: number;
  readonly seconds: number;
  readonly adapter: string;
}

/** Of the given model, and of what the method has made of it. */
interface Pair {
  readonly model: number;
  readonly small: number;
}

/** What a result depends on besides the compiler: the sha256 of its recipe, and of the modules that a recipe like that may use. */
export interface Sources {
  readonly recipe: string;
  readonly library: string;
}

export function sourcesOf(recipe: string): Sources {
  const texts = readRecipe(join(root, recipe)).loaded.modules.map(({ tree }) => tree.file.text);
  return { recipe: sha256(texts.at(-1) ?? ""), library: sha256(texts.slice(0, -1).join("")) };
}

/** What a run of the row's command has printed, as its file has it. */
export function resultOf(row: Row, sources: Sources, found: RunReport): Result {
  const { measures, values, zeros, seconds, adapter } = found;
  const pair = (measure: string): Pair => {
    const { model, small } = measures[measure] ?? {};
    if (model === undefined || small === undefined) throw new Error(`${row.recipe} does not report ${measure}`);
    return { model, small };
  };
  const value = (start: string): number => {
    const [, number] = Object.entries(values).find(([text]) => text.startsWith(start)) ?? [];
    if (number === undefined) throw new Error(`${row.recipe} does not report ${start}`);
    return number;
  };
  return {
    command: shownCommand(row),
    perplexity: pair("perplexity"),
    perplexity_error: pair("perplexity_error"),
    ...{ lost: value("mean(lost"), lost_error: value("mean_error(lost") },
    ...{ kl: value("mean_kl("), kl_error: value("kl_error("), agreement: value("agreement(") },
    bytes: pair("bytes"),
    zeros: zeros["small"]?.["all"] ?? 0,
    ...{ seconds, adapter, ...sources },
  };
}

/** The row's file; undefined if there is none. */
export function readResult(row: Row): Result | undefined {
  const path = join(root, rowPath(row));
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Result) : undefined;
}

export const writeResult = (row: Row, result: Result): void =>
  writeWhole(join(root, rowPath(row)), `${JSON.stringify(result, null, 2)}\n`);

/** Why a row is to be made; undefined if it is as it would be. */
export function reasonToMake(row: Row, sources: Sources): string | undefined {
  const result = readResult(row);
  if (result === undefined) return "missing";
  if (result.command !== shownCommand(row)) return "another command";
  if (result.recipe !== sources.recipe) return "another recipe";
  return result.library === sources.library ? undefined : "another library";
}
