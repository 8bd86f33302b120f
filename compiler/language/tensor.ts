/** Tensors with named dimensions, as expressions make them. */
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import type { Dim } from "../graph/type.ts";
import type { Split, TaskFacts, TaskPart } from "../plan/plan.ts";
import { fixed, known, type Size, showSize, times } from "./size.ts";

/** A dimension: two are the same when their `id` is. */
export interface Dimension {
  /** Unique among the dimensions that can meet: the name, and a mark where a function's own name met the caller's. */
  readonly id: string;
  readonly name: string;
  readonly size: Size;
  /** Where it got its size: `config`, `selected in stage narrow, line 14` … */
  readonly source: string;
  /** Where that is written. */
  readonly span?: Span;
  /** `sample`: kernels see one sample at a time, so graph nodes lack it; only a reduction inside `observe` removes it. */
  readonly streamed?: Stream;
  /** Set where nothing declares it, which was said: what has it is wrong. */
  readonly isMissing?: boolean;
  /** Of tokens: which of them reach the layer at hand, a truth value each. What is reduced over them leaves the others out. */
  readonly reached?: Node;
  /** Whatever is computed is computed at each of its positions, apart from the others: no header names it. */
  readonly isApart?: boolean;
  /** At each of its positions there is a layer of its own: what is summed along it is computed position by position. */
  readonly isOfLayers?: boolean;
}

/** What a streamed dimension runs over, and what is kept of it. */
export interface Stream {
  readonly windows: Windows;
  /** Of `each` window some numbers, of which a reduction is taken afterwards; or reductions of all `together`, in one state. */
  readonly keeps: "each" | "together";
  /** Set where every block is observed: what is kept has this dimension afterwards. */
  readonly layers?: Dimension;
}

/** Of which nothing is known, or which there are none of. */
export const noWindows: Windows = { kind: "windows", corpus: "", split: "train", length: 0, first: null, draw: null };

/** Windows of one length: all that fit, without overlap, or the first of those, or `count` drawn with a seed. */
export interface Windows {
  readonly kind: "windows";
  readonly corpus: string;
  readonly split: Split | TaskPart;
  readonly length: number;
  /** How many of those that fit; null: all. */
  readonly first: number | null;
  readonly draw: { readonly count: number; readonly seed: number } | null;
  /** Of a task, whose windows are its items. */
  readonly task?: Pick<TaskFacts, "choices" | "longest">;
}

export interface Tensor {
  readonly kind: "tensor";
  readonly dtype: "f32" | "i32" | "bool";
  readonly dims: readonly Dimension[];
  readonly node: Node;
}

/** The graph's dimensions: those that stream are not in a node's type. */
export const graphDims = (dims: readonly Dimension[]): Dim[] => dims.filter((dim) => !dim.streamed).map(graphDim);

export const graphDim = ({ id, size }: Dimension): Dim => ({ name: id, size: known(size) ?? Number.NaN });

export const ids = (dims: readonly Dimension[]): string[] => dims.filter((dim) => !dim.streamed).map(({ id }) => id);

/** The product of sizes of dimensions. */
export const volume = (dims: readonly Dimension[]): Size => dims.reduce((n, { size }) => times(n, size), fixed(1));

/** All of the first, then what the second adds. */
export const union = (left: readonly Dimension[], right: readonly Dimension[]): readonly Dimension[] => [
  ...left,
  ...right.filter(({ id }) => !left.some((dim) => dim.id === id)),
];

/** `in: 384`; the size is left out while it is just the name. */
export function showDimension({ name, size }: Dimension): string {
  const text = showSize(size);
  return text === name ? name : `${name}: ${text}`;
}
