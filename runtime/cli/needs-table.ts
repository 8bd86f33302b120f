/** What a plan takes of memory, and what there is to do. */
import type { Prepared } from "../../compiler/compile.ts";
import { knownSteps } from "../../compiler/memory/peak-memory.ts";
import { showBytes } from "../../compiler/plan/bytes.ts";
import { type StoreNeeds, storeNeeds } from "../../compiler/plan/durable.ts";
import { titleOf } from "../../compiler/plan/step.ts";
import { allOf, workOf } from "../../compiler/plan/work.ts";
import type { OutlineReport } from "./outline-table.ts";
import { lines, wrapped } from "./terminal.ts";

/** As `--json` shows it. */
export interface Needs {
  /** The most that is taken at once, in bytes. */
  readonly peak: { readonly gpu: number; readonly host: number };
  /** What is written to disk while it runs, at most, and for what there is no room there. */
  readonly store: StoreNeeds;
  /** By stage, and by model that is evaluated. */
  readonly work: readonly { readonly what: string; readonly operations: number; readonly bytes_moved: number }[];
  /** Splits of which it is not known how many windows they have: steps that go over these are not in the numbers. */
  readonly unknown: readonly string[];
}

export function needsOf(prepared: Prepared): Needs {
  const { steps, windows, peaks } = prepared;
  const isKnown = knownSteps(prepared);
  const works = workOf(prepared).flatMap((work, at) => (isKnown[at] ? [{ work, part: steps[at]?.part }] : []));
  const byPart = Map.groupBy(works, ({ part }) => (part === undefined ? "" : titleOf(part)));
  const passed = windows.filter((_, at) => steps.some(({ over }) => over === at));
  const unknown = passed.filter(({ count }) => count === 0).map(({ corpus, split }) => `${corpus}.${split}`);
  return {
    peak: peaks,
    store: storeNeeds(prepared),
    work: [...byPart].flatMap(([what, some]) => {
      const { operations, bytesMoved } = allOf(some.map(({ work }) => work));
      return what === "" ? [] : [{ what, operations, bytes_moved: bytesMoved }];
    }),
    unknown: [...new Set(unknown)],
  };
}

/** For people, in lines of that width. */
export function showNeeds(
  { peak, store, work, unknown, saved }: Needs & Pick<OutlineReport, "saved">,
  width: number,
): string {
  const shown = work.map(
    ({ what, operations, bytes_moved }) =>
      `${what} computes ${showCount(operations)} operations and moves ${showBytes(bytes_moved)}`,
  );
  shown.push(
    `at once: ${showBytes(peak.gpu)} of GPU memory, ${showBytes(peak.host)} of host memory, ${showBytes(store.bytes)} of disk`,
  );
  if (saved && store.without.includes("activations"))
    shown.push(
      "no room for activations there: once interrupted, a run repeats forward passes (--store-limit makes room)",
    );
  if (unknown.length > 0) shown.push(`without what goes over all of ${unknown.join(", ")}, until its text is given`);
  return lines("", ...shown.flatMap((line) => wrapped(line, width, "  ")));
}

/** `141 billion`. */
export const showCount = (count: number): string => {
  const [unit, name] = (
    [
      [1e12, " trillion"],
      [1e9, " billion"],
      [1e6, " million"],
    ] as const
  ).find(([size]) => count >= size) ?? [1, ""];
  return `${Number((count / unit).toPrecision(3))}${name}`;
};
