/** What an evaluation leaves beside its value: what it observed, what a forward pass met, and the calls that were made. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import type { Num } from "./number.ts";
import type { Dimension, Stream, Tensor } from "./tensor.ts";

/** What is kept of a stream: one sample's contribution, and the state that reads it afterwards. */
export interface Observation {
  readonly stream: Stream;
  /** Whose logits it reads; none where a method observes. */
  readonly models: readonly string[];
  readonly node: Node;
  /** How contributions are combined; `each` is kept by itself, along `sample`; what weights alone give is there `once`. */
  readonly by: "sum" | "max" | "min" | "each" | "once";
  /** The name of the state. */
  readonly slot: string;
  /** Of the `observe` in whose text it stands. */
  readonly name: string;
}

/** A linear layer of an architecture, y = x · Wᵀ (+ bias), or a table, of whose matrix tokens pick rows. */
export interface Linear {
  /** By which it is known in its part: as it is declared, with its position among others, `gate[3]`. */
  readonly name: string;
  /** Which it is of those that are declared together, one at each position of a dimension. */
  readonly position: { readonly of: string; readonly along: Dimension; readonly at: number } | null;
  /** Path in the checkpoint; `{layer}` stands for the block's number. */
  readonly at: string;
  /** The stored tensor that its matrix lies in: that of the table where it shares one. */
  readonly weight: string;
  /** What it reads; a dimension that is also in `to` is read under another identity, so that the matrix has both. */
  readonly from: readonly Dimension[];
  readonly to: readonly Dimension[];
  /** Its matrix is stored [in, out]. */
  readonly isInFirst: boolean;
  /** Which of several layers it is whose matrices, and biases, lie in one stored tensor. */
  readonly among: (Pieces & { readonly place: number }) | null;
  /** The table that it shares its weight with. */
  readonly tied: string | null;
  readonly isTable: boolean;
  readonly span: Span;
}

/** What lies one after the other along a dimension of a stored tensor: the outputs of each layer, and their names. */
export interface Pieces {
  readonly rows: Dimension;
  /** The first outputs of all, at each position of which they lie one after the other. */
  readonly within: readonly Dimension[];
  readonly of: readonly (readonly Dimension[])[];
  readonly names: readonly string[];
}

/** What goes into a linear layer where a forward pass meets it. */
export interface LinearInput {
  readonly linear: Linear;
  /** Also of tokens that do not reach it. */
  readonly input: Tensor;
  /** Which tokens reach it, a truth value each; null: all do. */
  readonly reached: Node | null;
  /** Its dimensions are those of `linear.to` and of `linear.from`. */
  readonly weight: Tensor;
  /** Its dimensions are those of `linear.to`. */
  readonly bias: Tensor | null;
}

/** Grows while an evaluation lasts. */
export interface Trace {
  readonly observations: Observation[];
  readonly linears: LinearInput[];
  /** Where the forward pass enters the blocks of a kind, and what enters. */
  readonly entries: { readonly input: Tensor; readonly span: Span; readonly blocks: string }[];
  /** What a forward pass shows to methods, by name. */
  readonly probes: Map<string, Tensor>;
  readonly selections: Selecting[];
  readonly rotations: Rotating[];
  readonly collections: Collection[];
  /** How often something was left, be it the same again. */
  marks: number;
}

/** `collect(x)`: a number of the layer at hand, and the state that has it of all layers afterwards. */
export interface Collection {
  readonly node: Node;
  readonly slot: string;
}

/** `select mlp to 50% by neurons, multiple leaving { neuron: centre }` */
export interface Selecting {
  readonly statement: Ast.Select;
  /** Null if something of it is wrong, which was said. */
  readonly wanted: {
    readonly to: Num;
    readonly scores: Tensor;
    readonly multiple: Num | null;
    /** At which values what goes of activations stays, by their names. */
    readonly leaving: ReadonlyMap<string, Tensor>;
  } | null;
}

/** `rotate input by q` */
export interface Rotating {
  readonly statement: Ast.Rotate;
  /** Null if something of it is wrong, which was said. */
  readonly wanted: Wanted | null;
}

/** What a matrix turns: along which dimension of the activation, and which of its own the activation has there afterwards. */
export interface Wanted {
  readonly along: Dimension;
  readonly to: Dimension;
  readonly by: Tensor;
}

export const newTrace = (): Trace => ({
  observations: [],
  linears: [],
  entries: [],
  probes: new Map(),
  selections: [],
  rotations: [],
  collections: [],
  marks: 0,
});
