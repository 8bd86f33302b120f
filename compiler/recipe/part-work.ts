/** What a stage does to a part of a model: passes over the samples, then what becomes of its weights. */
import type { Node } from "../graph/ops.ts";
import type { LinearInput } from "../language/trace.ts";
import type { Model, ModelType } from "../model/value.ts";
import type { Ref } from "../plan/step.ts";
import type { Pass } from "./calibration.ts";
import type { Others } from "./other-models.ts";
import type { Emitting } from "./steps.ts";
import type { TypedStage } from "./typed.ts";

export interface PartWork {
  readonly passes: readonly Pass[];
  /** Adds the steps that change weights, from the statistics by their names. */
  readonly change: (changing: Changing, statistics: ReadonlyMap<string, Ref>) => void;
}

/** Where weights are changed. */
export interface Changing {
  readonly at: Emitting;
  readonly stage: TypedStage;
  readonly number: number;
  readonly source: Model;
  /** Where tensors are after what has been done so far. */
  readonly now: Map<string, Ref>;
  readonly others: Others;
  /** Null outside of the blocks. */
  readonly layer: number | null;
}

/** Of what a stage works on a part, and what its forward pass is. */
export interface StageOnPart {
  readonly at: Emitting;
  readonly stage: TypedStage;
  readonly type: ModelType;
  readonly others: Others;
  readonly layer: number | null;
  /** What the forward pass of the part hands on; empty where it was not gone through. */
  readonly results: readonly Node[];
  /** The linear layers that the forward pass of the part meets. */
  readonly inputs: readonly LinearInput[];
}
