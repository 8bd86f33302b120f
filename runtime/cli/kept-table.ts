/** What a store has of a plan's steps, and why the others would be run. */
import type { Prepared } from "../../compiler/compile.ts";
import { pendingSteps } from "../../compiler/plan/pending.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { beforeSaving, type Ref } from "../../compiler/plan/step.ts";
import { type KeptPart, keptParts } from "../../compiler/plan/why.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import type { Tokens } from "../store/chosen-windows.ts";
import { identifyAll, identitiesIn } from "../store/finished-steps.ts";
import { givenTensors } from "../store/given-tensors.ts";
import type { StepRecord } from "../store/journal.ts";
import { readStore } from "../store/store-folder.ts";
import { lines, wrapped } from "./terminal.ts";

interface Inputs {
  readonly models: ReadonlyMap<string, Checkpoint>;
  readonly corpora: ReadonlyMap<string, Tokens>;
  /** The adapter and its driver. */
  readonly adapter: string;
}

/** What is there of a plan. */
export interface Kept {
  readonly parts: readonly KeptPart[];
  /** What the plan reports; null if not all of it is there. */
  readonly values: readonly number[] | null;
}

/** Reads the store and leaves it as it is. What checks files that are not there yet is always run. */
export async function keptIn(
  path: string,
  whole: Prepared & Pick<Plan, "stages">,
  { models, corpora, adapter }: Inputs,
): Promise<Kept> {
  const index = readStore(path);
  const plan = withoutCheck(whole);
  const rememberHash: Parameters<typeof givenTensors>[2]["rememberHash"] = ({ stamp, offset }, sha256) =>
    index.add({ given: { file: stamp, offset, sha256 } });
  const given = givenTensors({ models: [] }, models, { ...index, rememberHash });
  const at = { plan, folder: index, given, corpora, adapter };
  const identify = identitiesIn(at);
  const records = index.records();
  if (records.length > 0) await identifyAll(at, identify);
  const find = (step: number) => index.find(identify(step)?.key ?? "");
  const pending = await pendingSteps(plan, {
    isDone: (step) => find(step) !== undefined,
    has: async (step, output) => find(step)?.outputs.some(({ name }) => name === output) ?? false,
  });
  const known = (value: number | Ref): number | undefined =>
    typeof value === "number" ? value : "step" in value ? numberIn(find(value.step), value.output) : undefined;
  const values = plan.values.flatMap(({ value }) => known(value) ?? []);
  return {
    parts: keptParts(plan, { identify, find: index.find, records, pending }),
    values: values.length === plan.values.length ? values : null,
  };
}

/** The number that a step has left, which lies in the journal. */
function numberIn(record: StepRecord | undefined, output: string): number | undefined {
  const { content } = record?.outputs.find(({ name }) => name === output) ?? {};
  return content === undefined ? undefined : Buffer.from(content, "base64").readFloatLE();
}

const withoutCheck = <Some extends Pick<Plan, "steps" | "saves">>(plan: Some): Some => ({
  ...plan,
  steps: plan.steps.slice(0, beforeSaving(plan)),
  saves: plan.saves.map(({ check: _, ...save }) => save),
});

/** For people, in lines of that width. */
export function showKept(parts: readonly KeptPart[], path: string, width: number): string {
  const shown = parts.map(({ what, steps, kept, why }) =>
    kept === steps ? `${what}: all is there` : `${what}: ${kept} of ${steps} steps are there; ${why.join("; ")}`,
  );
  return lines("", `of the store ${path}:`, ...shown.flatMap((line) => wrapped(line, width, "  ")));
}
