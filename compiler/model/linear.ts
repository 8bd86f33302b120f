/** A linear layer on activations. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { bindArguments, parameter } from "../language/call.ts";
import type { Linear } from "../language/context.ts";
import { type Context, report, type Scope } from "../language/context.ts";
import { arithmeticOf, emit, reduceOf } from "../language/tensor.ts";
import { type Dimension, showValue, type Tensor, type Value } from "../language/value.ts";

/** The one argument of a linear layer, or of the blocks. */
export function activationsOf(
  context: Context,
  scope: Scope,
  name: string,
  { arguments: given, span }: Ast.Call,
): Tensor | null {
  const x = bindArguments(context, scope, name, [parameter("x")], given, span)?.values.get("x");
  if (x?.value.kind === "tensor") return x.value;
  if (x) report(context, { kind: "wrong-type", span: x.span, expected: "activations", found: showValue(x.value) });
  return null;
}

/** Another identity of a dimension, under which a layer reads what it also makes. */
export const aside = (dim: Dimension): Dimension => ({ ...dim, id: `${dim.id} aside` });

/** The activations under the identities by which the layer reads them. */
export function entering(context: Context, { from }: Linear, input: Tensor, span: Span): Tensor {
  let { node } = input;
  const dims = input.dims.map((dim) => {
    const own = from.find(({ id }) => id === aside(dim).id);
    if (own) node = emit(context, "rename", [node], { from: dim.id, to: own.id }, span);
    return own ?? dim;
  });
  return { ...input, dims, node };
}

/** x · Wᵀ (+ bias). */
export function applyLinear(
  context: Context,
  { from, to, name }: Linear,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  span: Span,
): Value {
  const lacks = from.find(({ id }) => !input.dims.some((dim) => dim.id === id));
  if (lacks)
    return report(context, {
      kind: "absent-dimension",
      span,
      name: lacks.name,
      type: showValue(input),
      value: span,
      known: input.dims.map((dim) => dim.name),
    });
  const clash = to.find(({ id }) => input.dims.some((dim) => dim.id === id) && !from.some((dim) => dim.id === id));
  if (clash)
    return report(context, {
      kind: "not-supported",
      span,
      what: `\`${name}\` on an input that carries \`${clash.name}\` already`,
    });
  const both: Tensor = {
    kind: "tensor",
    dtype: "f32",
    dims: [...input.dims, ...to],
    node: emit(context, "mul", [input.node, weight.node], {}, span),
  };
  const result = reduceOf(context, "sum", both, from, span);
  if (!bias) return result;
  return arithmeticOf(context, "+", { value: result, span }, { value: bias, span }, span);
}
