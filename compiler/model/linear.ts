/** A linear layer on activations. */

import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import { type Context, report } from "../language/context.ts";
import { arithmeticOf, dataInput, reduceOf } from "../language/operations.ts";
import { type Dimension, ids, type Tensor } from "../language/tensor.ts";
import type { Linear } from "../language/trace.ts";
import { namesIn } from "../language/types.ts";
import { showValue, type Value } from "../language/value.ts";

/** Another identity of a dimension, under which a layer reads what it also makes. */
export const aside = (dim: Dimension): Dimension => ({ ...dim, id: `${dim.id} aside` });

/** The activations under the identities by which the layer reads them. */
export function entering(context: Context, { from }: Linear, input: Tensor, span: Span): Tensor {
  let { node } = input;
  const dims = input.dims.map((dim) => {
    const own = from.find(({ id }) => id === aside(dim).id);
    if (own) node = context.maker.make("rename", [node], { from: dim.id, to: own.id }, span);
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
    node: context.maker.make("mul", [input.node, weight.node], {}, span),
  };
  const result = reduceOf(context, "sum", both, from, span);
  if (!bias) return result;
  return arithmeticOf(context, "+", { value: result, span }, { value: bias, span }, span);
}

/** An activation that the runtime hands from piece to piece: window by window, or in the role that it enters in. */
export function handed(context: Context, { dims, node }: Tensor, span: Span): Tensor {
  const isEntering = node.op === "input" && node.attrs.name === slotNames.activation;
  return isEntering
    ? { kind: "tensor", dtype: "f32", dims, node }
    : dataInput(context, slotNames.activation, "f32", dims, span);
}

/** What enters the blocks, in the order of memory that their header declares. */
export function inDeclaredOrder(context: Context, { parameters: [first] }: Ast.Fn, input: Tensor, span: Span): Tensor {
  const type = first?.type;
  const names = type?.kind === "tensor-type" ? namesIn(type).map(({ text }) => text) : [];
  const dims = input.dims.toSorted((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
  return { ...input, dims, node: orderNode(context.maker, input.node, ids(dims), span) };
}

/** The node with its dimensions in the given order of memory: merged in that order, and split again. */
export function orderNode({ make }: Pick<Maker, "make">, node: Node, order: readonly string[], span: Span): Node {
  const { dims } = node.type;
  if (dims.every(({ name }, i) => name === order[i])) return node;
  const into = order.flatMap((wanted) => dims.filter(({ name }) => name === wanted));
  return make("split", [make("merge", [node], { dims: order, into: "memory" }, span)], { dim: "memory", into }, span);
}
