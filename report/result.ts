/** A row's file: what its command has found, and what it was found of. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { resolve, withLibrary } from "../compiler/language/resolve.ts";
import type * as Ast from "../grammar/ast.ts";
import { accepted } from "../grammar/diagnostic.ts";
import { textAt } from "../grammar/source.ts";
import { isOfCells } from "../runtime/cli/eval-cells.ts";
import type { Evaluation } from "../runtime/cli/eval-table.ts";
import { type TaskEvaluation, taskImport } from "../runtime/cli/eval-tasks.ts";
import { libraryHost } from "../runtime/cli/host.ts";
import type { RunReport } from "../runtime/cli/result-table.ts";
import { sha256 } from "../runtime/io/hash.ts";
import { writeWhole } from "../runtime/io/whole-file.ts";
import { isTaskRow, type Row, root, rowPath, shownCommand, type TaskRow } from "./rows.ts";

/** What every file of a row has. */
export interface Found extends Sources {
  readonly command: string;
}

/** What a model answers, and what it is made of. */
export interface TaskResult extends Found, TaskEvaluation {}

export interface Result extends Found {
  readonly perplexity: Pair;
  readonly perplexity_error: Pair;
  /** How much greater the loss of a token is, in nats, with the standard error of the pairs. */
  readonly lost: number;
  readonly lost_error: number;
  /** The same of each window, with five digits: what two rows lost is compared window by window. */
  readonly lost_in_windows: readonly number[];
  /** KL(given ‖ made) of a token, in nats. */
  readonly kl: number;
  readonly kl_error: number;
  /** The share of tokens of which both find the same likeliest. */
  readonly agreement: number;
  /** Of all tensors. */
  readonly bytes: Pair;
  /** The share of zeros in the layers that were changed; null where a run does not count them. */
  readonly zeros: number | null;
  /** That the method's stages took: of the CPU where it plays the GPU. */
  readonly seconds: number;
  readonly adapter: string;
}

/** Of the given model, and of what the method has made of it. */
interface Pair {
  readonly model: number;
  readonly small: number;
}

/** What a result depends on besides the compiler: the sha256 of its recipe, and of what that and the model use of the library. */
export interface Sources {
  readonly recipe: string;
  readonly library: string;
  /** The sha256 of what was computed by them: texts that say the same in other words change no row. */
  readonly computes?: string;
}

/** Those of a row. */
export function sourcesOf(row: Row): Sources {
  const { recipe, model } = row;
  const text = readFileSync(join(root, recipe), "utf8");
  const used = `${isTaskRow(row) ? taskImport : ""}\n${text}`;
  const host = libraryHost();
  const modules = accepted(withLibrary(host, accepted(resolve(host, { path: recipe, text: used }))));
  const declared = modules.slice(0, -1).flatMap(({ tree }) => tree.declarations);
  return { recipe: sha256(text), library: sha256(usedBy(`${used} ${model.architecture}`, declared).join("\n")) };
}

/** The declarations whose names a text has among its words, or the text of one of these. */
function usedBy(text: string, declared: readonly Ast.Declaration[]): readonly string[] {
  const used = new Set<string>();
  for (const texts = [text]; texts.length > 0; ) {
    const words = new Set(texts.pop()?.match(/\w+/g));
    const more = declared.filter(({ name }) => words.has(name.text)).map(({ span }) => textAt(span));
    for (const each of more.filter((each) => !used.has(each))) {
      used.add(each);
      texts.push(each);
    }
  }
  return [...used].sort();
}

/** What a run of the row's command has printed, as its file has it. */
export function resultOf(row: Row, sources: Sources, found: RunReport): Result {
  const { measures, values, series, zeros, stage_seconds, adapter } = found;
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
  const [windows = []] = Object.values(series);
  const seconds = Object.values(stage_seconds).reduce((sum, each) => sum + each, 0);
  return {
    command: shownCommand(row),
    perplexity: pair("perplexity"),
    perplexity_error: pair("perplexity_error"),
    ...{ lost: value("mean(lost"), lost_error: value("mean_error(lost") },
    lost_in_windows: windows.map((each) => Number(each.toPrecision(5))),
    ...{ kl: value("mean_kl("), kl_error: value("kl_error("), agreement: value("agreement(") },
    bytes: pair("bytes"),
    zeros: zeros["small"]?.["all"] ?? null,
    ...{ seconds, adapter, ...sources },
  };
}

/** What the last command of a task's row has printed, as its file has it. */
export function taskResultOf(row: TaskRow, sources: Sources, { tasks = {} }: Evaluation): TaskResult {
  const [found] = Object.values(tasks);
  if (found === undefined || isOfCells(found)) throw new Error(`${row.name} has no answers`);
  return { command: shownCommand(row), ...found, ...sources };
}

/** The row's file; undefined if there is none. */
export const readResult = (row: Row): Result | undefined => readFound<Result>(row);
export const readTaskResult = (row: TaskRow): TaskResult | undefined => readFound<TaskResult>(row);

export function readFound<Kind extends Found>(row: Row): Kind | undefined {
  const path = join(root, rowPath(row));
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Kind) : undefined;
}

/** A line for each field, or for each of a pair's. */
export function writeResult(row: Row, result: Found): void {
  const text = JSON.stringify(result, null, 2).replace(/\[[^\]]*\]/g, (list) => list.replace(/\s+/g, " "));
  writeWhole(join(root, rowPath(row)), `${text}\n`);
}

/** Why a row is to be made, by the texts alone; undefined if it is as it would be. */
export function reasonToMake(row: Row, sources: Sources): string | undefined {
  const result = readFound(row);
  if (result === undefined) return "missing";
  if (result.command !== shownCommand(row)) return "another command";
  if (result.recipe !== sources.recipe) return "another recipe";
  return result.library === sources.library ? undefined : "another library";
}
