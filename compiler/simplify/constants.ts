/** Constants: recognising and folding them. */
import { roundTo, scalar, wrap } from "../graph/interpret.ts";
import type { Node, NodeOf, OpName } from "../graph/ops.ts";
import type { Surroundings } from "./rewrite.ts";

export const isConstant = (node: Node, value: number): boolean => node.op === "constant" && node.attrs.value === value;

/** A primitive of constants is the constant: computed in float64 and rounded once. What is not finite is left to the kernel. */
export function fold(node: NodeOf<keyof typeof scalar | "cast">, { make }: Surroundings): Node | false {
  const values: number[] = [];
  for (const x of node.inputs) {
    if (x.op !== "constant") return false;
    values.push(roundTo(x.attrs.dtype, x.attrs.value));
  }
  const { dtype } = node.type;
  const value = roundTo(dtype, wrap(dtype, apply(node.op, values)));
  return Number.isFinite(value) && make("constant", [], { value, dtype });
}

function apply(op: keyof typeof scalar | (OpName & "cast"), [a = NaN, b = NaN]: readonly number[]): number {
  return op === "cast" ? a : (scalar[op] as (a: number, b: number) => number)(a, b);
}
