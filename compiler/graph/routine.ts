/**
 * Primitives that are no expression of single elements: kernels that are written by hand compute them, in memory of their own.
 * Each takes some of its operand's dimensions as a whole, and is done anew for every element of the others.
 */
import type { Node, NodeOf } from "./ops.ts";
import type { Dim } from "./type.ts";

const ops = ["best", "order", "cholesky", "triangularInverse", "eigenvectors", "feedback"] as const;

export type Routine = { readonly [K in (typeof ops)[number]]: NodeOf<K> }[(typeof ops)[number]];

/** Those that a triangle is solved with in panels. */
export type OfTriangle = NodeOf<"cholesky"> | NodeOf<"triangularInverse">;

/** Those of square matrices. */
export type OfMatrix = OfTriangle | NodeOf<"eigenvectors">;

export const isRoutine = (node: Node): node is Routine => ops.some((op) => op === node.op);

/** The dimensions that the routine takes as a whole. */
export function takenWhole(node: Routine): readonly string[] {
  switch (node.op) {
    case "best":
      return node.attrs.over;
    case "order":
      return [node.attrs.over];
    case "cholesky":
    case "triangularInverse":
    case "eigenvectors":
      return [node.attrs.rows, node.attrs.columns];
    case "feedback":
      return [node.attrs.along];
  }
}

/** The operands of which its kernels read each element many times. */
export function reread(node: Routine): readonly Node[] {
  if (node.op === "feedback") return [node.inputs[1]];
  return node.op === "triangularInverse" || node.op === "order" ? node.inputs : [];
}

/** The dimensions of its operand: `inner` are those that it takes as a whole, in its own order. */
export function dimsOf(node: NodeOf<"best"> | NodeOf<"order"> | OfMatrix): {
  readonly inner: readonly Dim[];
  readonly outer: readonly Dim[];
} {
  const { dims } = node.inputs[0].type;
  const names = takenWhole(node);
  return {
    inner: names.flatMap((name) => dims.filter((dim) => dim.name === name)),
    outer: dims.filter(({ name }) => !names.includes(name)),
  };
}
