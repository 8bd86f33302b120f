/** Weights that are stored as a format says, as a forward pass reads them. */
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import type { Context } from "../language/context.ts";
import { operand } from "../language/evaluate.ts";
import { storedInput } from "../language/fields.ts";
import { decoded } from "../language/format.ts";
import { scopeIn } from "../language/scope.ts";
import { type Dimension, graphDims, type Tensor } from "../language/tensor.ts";
import { type DeclaredTensor, sidesOf } from "./declared-tensor.ts";
import type { CodedFacts } from "./facts.ts";

/** A weight as it is read, f32[out, in]; `name` is what its fields are called after. */
export function readCoded(context: Context, { format, fields }: CodedFacts, name: string, span: Span): Tensor | null {
  const inputs = fields.map(
    (field) => [field.name, storedInput(context, slotNames.field(name, field.name), field, span)] as const,
  );
  return decoded({ context, scope: scopeIn(null), span }, format, new Map(inputs), operand);
}

/** The same with the dimensions of a weight in the place of `out` and `in`. */
export function codedMatrix(context: Context, coded: CodedFacts, tensor: DeclaredTensor): Tensor | null {
  const { name, span } = tensor;
  const weight = readCoded(context, coded, name, span);
  if (!weight) return null;
  const { to, from } = sidesOf(tensor);
  const divided = (node: Node, dim: string, into: readonly Dimension[]): Node =>
    context.maker.make("split", [node], { dim, into: graphDims(into) }, span);
  return { ...weight, dims: [...to, ...from], node: divided(divided(weight.node, "out", to), "in", from) };
}
