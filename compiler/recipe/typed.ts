/** A checked recipe: its stages, evaluations and measures in order, with graph nodes where sizes are known. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Zeros } from "../effects/zeros.ts";
import type { Node } from "../graph/ops.ts";
import type { Tensor, Windows } from "../language/tensor.ts";
import type { Linear } from "../language/trace.ts";
import type { ModelFacts } from "../model/facts.ts";
import type { Selected } from "../model/selector.ts";
import type { ModelType } from "../model/value.ts";
import type { SavedCheck } from "../plan/step.ts";
import type { Narrowing } from "./check-narrowing.ts";
import type { States } from "./effects.ts";
import type { Applied } from "./method.ts";

export interface TypedRecipe {
  readonly recipe: Ast.Recipe;
  readonly parameters: readonly { readonly name: string; readonly value: string }[];
  readonly models: readonly GivenModel[];
  readonly stages: readonly TypedStage[];
  readonly evaluations: readonly Evaluation[];
  readonly measures: readonly Measure[];
  /** What measures count of weights, by the slots that hold it. */
  readonly counts: ReadonlyMap<string, Counted>;
  readonly saves: readonly Saving[];
  /** What is found of the files, by the names that models are saved by, where it is known what they will say. */
  readonly checks: ReadonlyMap<string, Comparison>;
}

/** The model in the files beside that which was saved, and beside the given one. */
export interface Comparison {
  readonly saved: GivenModel;
  readonly evaluations: readonly Evaluation[];
  readonly values: Readonly<Record<keyof SavedCheck["values"], Node>>;
}

/** A model given to the recipe, by the parameter's name. */
export interface GivenModel {
  readonly name: string;
  readonly facts: ModelFacts;
  readonly type: ModelType;
}

export interface TypedStage {
  readonly name: string;
  /** The method with all of its arguments, and with those that the recipe gives it. */
  readonly action: string;
  readonly called: string;
  /** The model or stage that it reads. */
  readonly of: string;
  readonly windows: Windows | null;
  readonly applied: Applied;
  /** The linear layers that it works on; none of a method on blocks. */
  readonly selected: readonly Selected[];
  /** Layers that are left out because they share their weight with a table. */
  readonly tied: readonly Linear[];
  /** What a method on blocks keeps of the model. */
  readonly narrowing: Narrowing | null;
  /** The model as it reads it, where that is another: with codes of its layers as numbers, and with biases that its method gives new. */
  readonly reads: ModelType | null;
  /** What the model is afterwards, where the stage changes its sizes or how it is stored. */
  readonly type: ModelType | null;
  /** What there is to choose from, where it is open what each layer takes. */
  readonly candidates?: readonly Candidate[];
  /** The choice that it carries out, with those beside it that have the same. */
  readonly chosenBy?: string;
  /** What it leaves of weights. */
  readonly effects: States;
  readonly span: Span;
}

/** Which candidate each layer takes, by the tensor of its weight; by the names of stages. */
export type Choices = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** What the layers of a stage may become: what stages make of them one after the other. */
export interface Candidate {
  /** `sparsegpt(sparsity: 50%) then gptq(bits: 3, every: 64)` */
  readonly text: string;
  readonly stages: readonly TypedStage[];
}

/** What is kept of each window once it has passed through one model, or through each of several. */
export interface Evaluation {
  readonly of: readonly Passed[];
  readonly windows: Windows;
  /** One node per series, of one window, which reads `slotNames.ofModel`. */
  readonly kept: { readonly node: Node; readonly series: string }[];
}

/** A model that windows pass through. */
export interface Passed {
  readonly model: string;
  /** What enters the first block; null if the forward pass goes through none. */
  readonly entry: Tensor | null;
}

/** What is reported, or expected: then it must not be 0; or a side of what is expected, to be shown where it does not hold. */
export interface Measure {
  readonly kind: "report" | "expect" | "side";
  readonly text: string;
  readonly of: { readonly measure: string; readonly model: string } | null;
  readonly value: number | Node | null;
  readonly span: Span;
}

/** In each of these layers of a model: how many weights are 0, or how many runs have more that are not than a pattern lets stay. */
export interface Counted {
  readonly model: string;
  readonly pattern: Zeros | null;
  readonly layers: readonly Selected[];
  readonly span: Span;
}

export interface Saving {
  /** As the recipe writes the model, which is what the files of several are told apart by. */
  readonly name: string;
  readonly of: string;
  readonly format: string;
  readonly span: Span;
}
