/** What a run has found, for people and for programs: both under the same names. */
import { join } from "node:path";
import type { Plan } from "../../compiler/plan/plan.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import type { ReportResult } from "../run/measure.ts";
import type { RunResult } from "../run/run-plan.ts";
import { duration, table } from "./table.ts";
import { lines } from "./terminal.ts";

export interface RunReport {
  /** By measure, then by model. */
  readonly measures: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** What is reported of no model, by its text. */
  readonly values: Readonly<Record<string, number>>;
  /** By stage: the share of zeros by kind of layer, and of all. */
  readonly zeros: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly expectations: readonly { readonly text: string; readonly place: string; readonly holds: boolean }[];
  /** Files beside the saved model's weights that were not copied. */
  readonly left_behind: readonly string[];
  readonly seconds: number;
  readonly compile_seconds: number;
  readonly adapter: string;
}

/** The numbers of a run. */
export function runReport(result: RunResult, left: readonly string[], adapter: string): RunReport {
  const { reports, stages, expects, seconds, compileSeconds } = result;
  const measures = new Map<string, Map<string, number>>();
  const values = new Map<string, number>();
  for (const report of reports) {
    if (report.of === null) {
      values.set(report.text, report.value);
      continue;
    }
    const row = rowOf(report, reports);
    measures.set(row, (measures.get(row) ?? new Map()).set(report.of.model, report.value));
  }
  const zeros = Object.fromEntries(stages.map(({ stage, targets }) => [stage, sharesOf(targets)]));
  const times = { seconds, compile_seconds: compileSeconds };
  return {
    measures: Object.fromEntries([...measures].map(([row, models]) => [row, Object.fromEntries(models)])),
    values: Object.fromEntries(values),
    zeros,
    expectations: expects,
    left_behind: left,
    ...times,
    adapter,
  };
}

/** The files that a saved result lacks of the folder that it began as. */
export function leftBehind({ steps }: Plan, models: ReadonlyMap<string, Checkpoint>): readonly string[] {
  const stages = new Map(steps.flatMap((step) => (step.kind === "compress" ? [[step.stage, step.of] as const] : [])));
  let name = steps.flatMap((step) => (step.kind === "save" ? [step.of] : []))[0] ?? "";
  while (stages.has(name)) name = stages.get(name) ?? "";
  const model = models.get(name);
  return model?.leftBehind.map((file) => join(model.folder, file)) ?? [];
}

/** The sentence about them, if there are any. */
export const showLeftBehind = ({ left_behind: files }: RunReport): string =>
  files.length === 0 ? "" : lines(`not copied, being above 100 MB or a link out of the folder: ${files.join(", ")}`);

/** The measure's name; with its other arguments where a model has it more than once. */
function rowOf({ text, of }: ReportResult, all: readonly ReportResult[]): string {
  const alike = all.filter((other) => other.of?.measure === of?.measure && other.of?.model === of?.model);
  const name = of?.measure ?? text;
  if (alike.length < 2) return name;
  const rest = text.slice(text.indexOf("(") + 1, -1).replace(/^[^,]*,?\s*/, "");
  return `${name}(${rest})`;
}

function sharesOf(
  targets: readonly { readonly name: string; readonly zeros: number; readonly count: number }[],
): Readonly<Record<string, number>> {
  const sums = new Map<string, { zeros: number; count: number }>();
  for (const { name, zeros, count } of targets) {
    for (const key of [name, "all"]) {
      const sum = sums.get(key) ?? { zeros: 0, count: 0 };
      sums.set(key, { zeros: sum.zeros + zeros, count: sum.count + count });
    }
  }
  const all = sums.get("all");
  sums.delete("all");
  const ordered = [...sums, ...(all === undefined ? [] : [["all", all] as const])];
  return Object.fromEntries(ordered.map(([key, { zeros, count }]) => [key, zeros / Math.max(1, count)]));
}

/** The tables for people. */
export function showRun({ measures, values, zeros, seconds, compile_seconds, adapter }: RunReport): string {
  const shown: string[] = [];
  const models = [...new Set(Object.values(measures).flatMap((row) => Object.keys(row)))];
  if (models.length > 0) {
    const rows = Object.entries(measures).map(([name, row]) => [name, ...models.map((model) => number(row[model]))]);
    shown.push(...table(["", ...models], rows), "");
  }
  const others = Object.entries(values);
  if (others.length > 0) {
    const rows = others.map(([text, value]) => [text, number(value)]);
    shown.push(...table(["", ""], rows), "");
  }
  const stages = Object.keys(zeros);
  if (stages.length > 0) {
    const kinds = [...new Set(Object.values(zeros).flatMap((row) => Object.keys(row)))];
    const rows = kinds.map((kind) => [kind, ...stages.map((stage) => percent(zeros[stage]?.[kind]))]);
    shown.push(...table(["zeros", ...stages], rows), "");
  }
  return lines(...shown, `time ${duration(seconds)}, of which compiling ${duration(compile_seconds)}, on ${adapter}`);
}

const number = (value: number | undefined): string => (value === undefined ? "" : String(Number(value.toPrecision(6))));
const percent = (value: number | undefined): string => (value === undefined ? "" : `${(100 * value).toFixed(2)} %`);

/** The sentence for an expectation that does not hold, with the numbers that it compares where they are reported. */
export function failedExpectation({ expects, reports }: RunResult, shownPlace: (place: string) => string): string {
  const sentences = expects
    .filter(({ holds }) => !holds)
    .map(({ text, place }) => {
      const named = reports.filter((report) => text.includes(report.text));
      const numbers = named.map((report) => `${report.text} is ${number(report.value)}`);
      const because = numbers.length === 0 ? "" : ` (${numbers.join(", ")})`;
      return `${shownPlace(place)}: the expectation ${text} does not hold${because}`;
    });
  return `${sentences.join("; ")}; nothing was saved`;
}
