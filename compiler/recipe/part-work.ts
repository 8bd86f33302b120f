/** What a stage does to a part of a model: passes over the samples, then what becomes of its weights. */
import type { Node } from "../graph/ops.ts";
import type { Linear, LinearInput } from "../language/trace.ts";
import type { Model, ModelType } from "../model/value.ts";
import type { Ref } from "../plan/step.ts";
import type { Pass, Reading } from "./calibration.ts";
import type { Checked, Divided } from "./hoisted.ts";
import type { Others } from "./other-models.ts";
import type { Emitting } from "./steps.ts";
import type { TypedStage } from "./typed.ts";

export interface PartWork {
  readonly passes: readonly Pass[];
  /** What is collected of its layers before any is changed. */
  readonly before: { readonly passes: readonly Pass[]; readonly layers: readonly NewLayer[] };
  /** Adds the steps that change weights, from the statistics by their names. */
  readonly change: (changing: Changing, statistics: ReadonlyMap<string, Ref>) => void;
}

export const noWork: PartWork = { passes: [], before: { passes: [], layers: [] }, change: () => undefined };

/** What a method makes of a linear layer, or of several side by side. */
export interface NewLayer extends Divided {
  readonly linear: Linear;
  readonly reads: readonly Reading[];
  /** What is collected of it before any layer is changed, in levels: each may read what those before it have collected. */
  readonly collects: readonly Collecting[];
}

/** Numbers of one layer, to be collected of all. */
export interface Collecting extends Checked {
  readonly reads: readonly Reading[];
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
  /** What was collected of all layers, and the place of a block among those of the stage. */
  readonly collected: (layer: number | null) => ReadonlyMap<string, Ref>;
  /** Null outside of the blocks. */
  readonly layer: number | null;
}

/** Of what a stage works on a part, and what its forward pass is. */
export interface StageOnPart {
  readonly at: Emitting;
  readonly stage: TypedStage;
  readonly type: ModelType;
  readonly others: Others;
  /** How many blocks the stage works on, and on how many layers of each. */
  readonly layers: readonly [blocks: number, linears: number];
  readonly layer: number | null;
  /** What the forward pass of the part hands on; empty where it was not gone through. */
  readonly results: readonly Node[];
  /** The linear layers that the forward pass of the part meets. */
  readonly inputs: readonly LinearInput[];
}
