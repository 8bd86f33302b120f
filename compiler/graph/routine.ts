/**
 * Primitives that are no expression of single elements: kernels that are written by hand compute them, in memory of their own.
 * Each works on some of its operand's dimensions as a whole, and is done anew for every element of the others.
 */
import type { Node, NodeOf, Rules } from "./ops.ts";
import type { Dim } from "./type.ts";

export type RoutineOp = "best";

export type Routine = NodeOf<RoutineOp>;

/** By primitive, the dimensions that it takes as a whole. */
const whole: Pick<Rules<readonly [], readonly string[]>, RoutineOp> = {
  best: ({ attrs }) => attrs.over,
};

export const isRoutine = (node: Node): node is Routine => node.op in whole;

/** The dimensions that the routine takes as a whole. */
export const takenWhole = (node: Routine): readonly string[] => whole[node.op](node);

/** The dimensions of its operand: `inner` are those that it takes as a whole, in its own order. */
export function dimsOf(node: Routine): { readonly inner: readonly Dim[]; readonly outer: readonly Dim[] } {
  const { dims } = node.inputs[0].type;
  const names = takenWhole(node);
  return {
    inner: names.flatMap((name) => dims.filter((dim) => dim.name === name)),
    outer: dims.filter(({ name }) => !names.includes(name)),
  };
}
