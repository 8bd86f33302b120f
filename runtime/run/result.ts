/** What a run has found. */
import type { StageRecord, ValueRecord } from "../../compiler/plan/step.ts";
import type { LeftBehind } from "../io/companions.ts";

/** A number of the report. */
export interface ReportResult extends Pick<ValueRecord, "text" | "of"> {
  readonly value: number;
}

/** Numbers of the report, along a dimension: one of each window, for example. */
export interface SeriesResult extends Pick<ValueRecord, "text"> {
  readonly values: readonly number[];
  /** The dimension's name. */
  readonly along: string;
}

/** By what a result is compared, layer by layer or block by block: a number at each place, which may be none where activations overflow. */
export interface ComparedResult extends Pick<ValueRecord, "of">, NonNullable<ValueRecord["compared"]> {
  readonly values: readonly number[];
}

/** An expectation, and whether it holds. */
export interface ExpectResult extends Pick<ValueRecord, "text" | "place"> {
  readonly holds: boolean;
  /** The measures that it compares. */
  readonly sides: readonly { readonly text: string; readonly value: number }[];
}

/** A weight that a step has changed, and whose zeros it has counted. */
export interface ChangedTensor {
  /** Null outside the blocks. */
  readonly layer: number | null;
  /** `q`, `gate`: its name in the architecture. */
  readonly what: string;
  readonly tensor: string;
  readonly zeros: number;
  readonly count: number;
}

/** A stage, and what it has changed, as far as its zeros are counted. */
export interface StageResult extends StageRecord {
  readonly changed: readonly ChangedTensor[];
}

/** What was found of a saved model in its files. */
export interface CheckResult {
  readonly windows: number;
  /** In nats per token, of the model that was saved, and of its files. */
  readonly loss: number;
  readonly saved_loss: number;
  /** KL(given model ‖ files), in nats per token. */
  readonly kl: number;
}

export interface RunResult {
  /** What people should know of what was found on the way. */
  readonly notes: readonly string[];
  readonly stages: readonly StageResult[];
  readonly reports: readonly ReportResult[];
  readonly series: readonly SeriesResult[];
  readonly expects: readonly ExpectResult[];
  readonly compared: readonly ComparedResult[];
  /** Whether the output folder holds a result that may stay. */
  readonly isSaved: boolean;
  /** Of each that is saved; null where the plan has nothing to check it with. */
  readonly checks: readonly (CheckResult | null)[];
  /** What lies in the folder of the given model, by its path, and has no counterpart in the saved one. */
  readonly leftBehind: readonly LeftBehind[];
  /** That each step of the plan took, in this run or in the one that has made it: of the CPU where it plays the GPU. */
  readonly stepSeconds: readonly number[];
  /** Of the pipelines. */
  readonly compileSeconds: number;
  /** The most bytes that were on the GPU, as counted. */
  readonly gpuPeak: number;
}
