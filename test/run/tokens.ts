/** A plan of one model, run on given token ids: no tokenizer, and nobody watching. */
import type { Plan } from "../../compiler/plan/plan.ts";
import type { Device } from "../../runtime/gpu/device.ts";
import type { Checkpoint } from "../../runtime/io/checkpoint.ts";
import type { OutputFolder } from "../../runtime/io/output-folder.ts";
import type { RunResult } from "../../runtime/run/result.ts";
import { runPlan } from "../../runtime/run/run-plan.ts";
import type { StoreFolder } from "../../runtime/store/store-folder.ts";

/** Of a text, by its splits. */
export type Tokens = Readonly<Partial<Record<"train" | "test", ArrayLike<number>>>>;

/** Runs the plan of a recipe with the parameters `model` and `text`. */
export function runOnTokens(
  device: Device,
  plan: Plan,
  model: Checkpoint,
  { train = [], test = [] }: Tokens,
  output: OutputFolder | null = null,
  folder?: StoreFolder,
): Promise<RunResult> {
  const text = { train: Int32Array.from(train), test: Int32Array.from(test) };
  const given = { device, models: new Map([["model", model]]), corpora: new Map([["text", text]]), output };
  const quiet = { progress: () => undefined, signal: new AbortController().signal };
  return runPlan(plan, { ...given, ...quiet, ...(folder && { folder }) });
}
