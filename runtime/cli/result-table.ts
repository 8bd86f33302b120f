/** What a run has found, for people and for programs: both under the same names. */

import { placedName } from "../../compiler/plan/step.ts";
import type { ChangedTensor, CheckResult, ReportResult, RunResult } from "../run/result.ts";
import type { ChoiceMade } from "./choice-table.ts";
import type { RunRecord } from "./run-record.ts";
import { type Curves, curvesOf, neighbours, pointsOf } from "./series.ts";
import { duration, table } from "./table.ts";
import { lines, wrapped } from "./terminal.ts";

export interface RunReport extends RunRecord {
  /** By measure, then by model. */
  readonly measures: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** What is reported of no model, by its text. */
  readonly values: Readonly<Record<string, number>>;
  /** Of what is reported as numbers along a dimension: each of them, by its text. */
  readonly series: Readonly<Record<string, readonly number[]>>;
  /** The dimension that a series runs along, by its text. */
  readonly along: Readonly<Record<string, string>>;
  /**
   * By stage: the share of zeros by kind of layer, and of all, among the layers that it or a stage before it has changed. Of weights
   * that have become codes only where the stage makes zeros, or keeps them.
   */
  readonly zeros: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** By stage: what its steps took, whichever run made them; of the CPU where it plays the GPU. */
  readonly stage_seconds: Readonly<Record<string, number>>;
  readonly expectations: readonly { readonly text: string; readonly place: string; readonly holds: boolean }[];
  /** Files beside the saved model's weights that were not copied. */
  readonly left_behind: readonly string[];
  /** And why. */
  readonly left_behind_because: Readonly<Record<string, string>>;
  /** What is said of the models. */
  readonly notes: readonly string[];
  /** Of each stage that chose: what, and what it could have had. */
  readonly choices?: readonly ChoiceMade[];
  /** Of what was saved, by name: how it was read back; null where there was no text for that. */
  readonly checks?: Readonly<Record<string, CheckResult | null>>;
  /** From the start of the command. */
  readonly seconds: number;
  readonly compile_seconds: number;
  readonly adapter: string;
}

/** The numbers of a run; times in seconds. */
export function runReport(
  {
    reports,
    series,
    stages,
    expects,
    leftBehind,
  }: Pick<RunResult, "reports" | "series" | "stages" | "expects" | "leftBehind">,
  other: RunRecord & Pick<RunReport, "notes" | "choices" | "checks" | "seconds" | "compile_seconds" | "adapter">,
): RunReport {
  const measures = new Map<string, Map<string, number>>();
  const values = new Map<string, number>();
  const secondsOf = (stage: string): number => other.taken.find(({ what }) => what === stage)?.seconds ?? 0;
  for (const report of reports) {
    if (report.of === null) {
      values.set(report.text, report.value);
      continue;
    }
    const row = rowOf(report, reports);
    measures.set(row, (measures.get(row) ?? new Map()).set(report.of.model, report.value));
  }
  return {
    measures: Object.fromEntries([...measures].map(([row, models]) => [row, Object.fromEntries(models)])),
    values: Object.fromEntries(values),
    series: Object.fromEntries(series.map((each) => [each.text, each.values])),
    along: Object.fromEntries(series.map((each) => [each.text, each.along])),
    zeros: zerosOf(stages),
    stage_seconds: Object.fromEntries(stages.map(({ name }) => [name, secondsOf(name)])),
    expectations: expects,
    left_behind: leftBehind.map(({ name }) => name),
    left_behind_because: Object.fromEntries(leftBehind.map(({ name, why }) => [name, why])),
    ...other,
  };
}

/** What of the given model's folder is not in the result, and why. */
export function showLeftBehind({ leftBehind }: RunResult): string {
  const reasons = Map.groupBy(leftBehind, ({ why }) => why);
  return lines(...[...reasons].map(([why, some]) => `not copied: ${some.map(({ name }) => name).join(", ")} (${why})`));
}

/** The measure's name; with its other arguments where a model has it more than once. */
function rowOf({ text, of }: ReportResult, all: readonly ReportResult[]): string {
  const alike = all.filter((other) => other.of?.measure === of?.measure && other.of?.model === of?.model);
  const name = of?.measure ?? text;
  if (alike.length < 2) return name;
  const rest = text.slice(text.indexOf("(") + 1, text.lastIndexOf(")")).replace(/^[^,]*,?\s*/, "");
  return `${name}(${rest})`;
}

/** By stage: what it has left as it was counts as the stage before it has made it. */
function zerosOf(stages: RunResult["stages"]): RunReport["zeros"] {
  const changed = new Map<string, ReadonlyMap<string, ChangedTensor>>();
  for (const { name, of, changed: own } of stages) {
    if (own.length === 0) continue;
    const inherited = changed.get(of) ?? new Map<string, ChangedTensor>();
    changed.set(name, new Map([...inherited, ...own.map((each) => [`${each.tensor} ${each.what}`, each] as const)]));
  }
  return Object.fromEntries([...changed].map(([stage, each]) => [stage, sharesOf([...each.values()])]));
}

function sharesOf(tensors: readonly ChangedTensor[]): Readonly<Record<string, number>> {
  const share = (some: readonly ChangedTensor[]): number => {
    const sum = (of: (tensor: ChangedTensor) => number): number => some.reduce((all, each) => all + of(each), 0);
    return (
      sum(({ zeros }) => zeros) /
      Math.max(
        1,
        sum(({ count }) => count),
      )
    );
  };
  const kinds = Map.groupBy(tensors, ({ what }) => placedName(what).declared);
  return Object.fromEntries([
    ...[...kinds].map(([name, some]) => [name, share(some)] as const),
    ["all", share(tensors)],
  ]);
}

/** The tables for people. */
export function showRun(report: RunReport, width: number): string {
  const { measures, values, zeros, seconds, compile_seconds, adapter } = report;
  const shown: string[] = [];
  const models = [...new Set(Object.values(measures).flatMap((row) => Object.keys(row)))];
  if (models.length > 0) {
    const rows = Object.entries(measures).map(([name, row]) => [name, ...models.map((model) => number(row[model]))]);
    shown.push(...table(["", ...models], rows, { width }), "");
  }
  const others = Object.entries(values);
  if (others.length > 0) {
    const rows = others.map(([text, value]) => [text, number(value)]);
    shown.push(...table(["", ""], rows, { width }).slice(1), "");
  }
  for (const each of curvesOf(report)) shown.push(...curvesTable(each, width), "");
  const stages = Object.keys(zeros);
  if (stages.length > 0) {
    const kinds = new Set(Object.values(zeros).flatMap((row) => Object.keys(row).filter((kind) => kind !== "all")));
    const rows = [...kinds, "all"].map((kind) => [kind, ...stages.map((stage) => percent(zeros[stage]?.[kind]))]);
    shown.push(...table(["zeros", ...stages], rows, { width }), "");
  }
  const time = `time ${duration(seconds)}, of which compiling ${duration(compile_seconds)}, on ${adapter}`;
  return lines(...shown, ...wrapped(time, width));
}

/** At most so many points of a curve are printed; of more, the means of neighbours. */
const mostRows = 16;

function curvesTable(curves: Curves, width: number): readonly string[] {
  const { title, along, each } = curves;
  const [alone = []] = each.values();
  if (each.size === 1 && alone.length <= mostRows) return wrapped(`${title}: ${alone.map(number).join(", ")}`, width);
  const together = neighbours(curves, mostRows);
  const points = [...each.values()].map((numbers) => pointsOf(numbers, together));
  const longest = points.reduce((most, some) => (some.length > most.length ? some : most), []);
  const rows = longest.map(({ first, last }, i) => [
    first === last ? String(first) : `${first} to ${last}`,
    ...points.map((some) => number(some[i]?.number)),
  ]);
  const means = together > 1 ? `, means of ${together}` : "";
  return [...wrapped(`${title}${means}`, width), ...table([along, ...each.keys()], rows, { width })];
}

/** A number as people read it; nothing for none. */
export const number = (value: number | undefined): string =>
  value === undefined ? "" : String(Number(value.toPrecision(6)));
export const percent = (value: number | undefined): string =>
  value === undefined ? "" : `${(100 * value).toFixed(2)} %`;

/** The sentence for an expectation that does not hold, with the numbers that it compares. */
export function failedExpectation({ expects }: RunResult, shownPlace: (place: string) => string): string {
  const sentences = expects
    .filter(({ holds }) => !holds)
    .map(({ text, place, sides }) => {
      const numbers = sides.map((side) => `${side.text} is ${number(side.value)}`);
      const because = numbers.length === 0 ? "" : ` (${numbers.join(", ")})`;
      return `${shownPlace(place)}: the expectation ${text} does not hold${because}`;
    });
  return `${sentences.join("; ")}; nothing was saved`;
}
