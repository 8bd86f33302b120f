/** A checked recipe: its stages, evaluations and measures in order, with graph nodes where sizes are known. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import type { Linear } from "../language/context.ts";
import { known } from "../language/size.ts";
import type { Tensor, Windows } from "../language/value.ts";
import type { ArchInstance } from "../model/arch.ts";
import type { ModelFacts } from "../model/facts.ts";
import type { Selected } from "../model/selector.ts";
import type { Applied } from "./method.ts";

export interface TypedRecipe {
  readonly recipe: Ast.Recipe;
  readonly parameters: readonly { readonly name: string; readonly value: string }[];
  readonly models: readonly TypedModel[];
  readonly steps: readonly TypedStep[];
}

/** A model given to the recipe. */
export interface TypedModel {
  readonly name: string;
  readonly facts: ModelFacts;
  readonly instance: ArchInstance;
  /** The architecture bound to another block's stored types. */
  readonly instanceOf: (layer: number) => ArchInstance;
}

/** How many blocks a model has. */
export const layersOf = ({ instance: { blocks } }: TypedModel): number => (blocks ? (known(blocks.count) ?? 0) : 0);

export type TypedStep = TypedStage | Evaluation | Measure | Saving;

export interface TypedStage {
  readonly kind: "stage";
  readonly name: string;
  readonly action: string;
  /** The model or stage that it reads, and the given model that both come from. */
  readonly of: string;
  readonly base: string;
  readonly windows: Windows | null;
  readonly applied: Applied;
  readonly selected: readonly Selected[];
  /** Layers that are left out because they share their weight with a table. */
  readonly tied: readonly Linear[];
  readonly span: Span;
}

/** A pass over windows that keeps something of each. */
export interface Evaluation {
  readonly kind: "evaluation";
  readonly of: string;
  readonly base: string;
  readonly windows: Windows;
  readonly entry: Tensor;
  /** One node per series, of one window; grows while measures are checked. */
  readonly kept: { readonly node: Node; readonly series: string }[];
}

export interface Measure {
  readonly kind: "measure";
  readonly values: readonly MeasureValue[];
}

export interface MeasureValue {
  readonly kind: "report" | "expect";
  readonly text: string;
  readonly of: { readonly measure: string; readonly model: string } | null;
  readonly value: number | Node | null;
  readonly span: Span;
}

export interface Saving {
  readonly kind: "save";
  readonly of: string;
  readonly format: string;
}
