/** Constants: recognising and folding them. */
import { elementOf, roundTo, type scalar } from "../graph/interpret.ts";
import type { Node, NodeOf } from "../graph/ops.ts";
import type { Rewriter } from "./rewrite.ts";

export const isConstant = (node: Node, value: number): boolean => node.op === "constant" && node.attrs.value === value;

/** A primitive of constants is the constant, computed in float64 and rounded once; WGSL refuses some, such as √-1. */
export function fold(node: NodeOf<keyof typeof scalar | "cast">, { make }: Rewriter): Node | false {
  const operands: NodeOf<"constant">["attrs"][] = [];
  for (const x of node.inputs) {
    if (x.op !== "constant") return false;
    operands.push(x.attrs);
  }
  const { dtype } = node.type;
  const [first] = operands;
  const value = node.op === "cast" ? roundTo(dtype, first?.value ?? Number.NaN) : elementOf(node.op, operands, dtype);
  return make("constant", [], { value, dtype });
}
