/** The forward pass of a model in three pieces: tokens to the first block, one block, and from the last block to the logits. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import { applyFunction } from "../language/call.ts";
import type { Linear } from "../language/context.ts";
import { type Context, type ForwardPass, report, type Scope, scopeIn } from "../language/context.ts";
import { declareDimension } from "../language/signature.ts";
import { atom, fixed } from "../language/size.ts";
import { emit, graphDims } from "../language/tensor.ts";
import { type Dimension, type Tensor, type Value, wrong } from "../language/value.ts";
import type { ModelType, Part } from "./value.ts";

/** A forward pass from tokens: what enters the first block, if it goes through blocks, and what comes after, reading the input `x`. */
export interface Forwarded {
  readonly entry: Tensor | null;
  readonly logits: Value;
  /** Linear layers outside the blocks, with what goes into them. */
  readonly inputs: readonly LinearInput[];
}

export interface LinearInput {
  readonly linear: Linear;
  readonly input: Tensor;
  /** Its dimensions are those of `linear.to`, then those of `linear.from`. */
  readonly weight: Tensor;
}

/** An activation that the runtime hands from piece to piece. */
function handed(context: Context, of: Tensor, span: Span): Tensor {
  const type = { dtype: "f32" as const, dims: graphDims(of.dims) };
  return { ...of, node: emit(context, "input", [], { name: slotNames.activation, type, role: "data" }, span) };
}

/** What enters the blocks, in the order of memory that their header declares. */
function declaredOrder(context: Context, { blocks }: ModelType, input: Tensor, span: Span): Tensor {
  const type = blocks?.part(0).forward?.parameters[0]?.type;
  const names =
    type?.kind === "tensor-type" ? type.dims.flatMap((dim) => (dim.kind === "dim-name" ? [dim.name.text] : [])) : [];
  const dims = input.dims.toSorted((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
  return { ...input, dims, node: orderNode(context, input.node, dims, span) };
}

/** Applies the whole model to tokens; the blocks are left out, and meet at `entry` and the input `x`. */
export function forward(context: Context, type: ModelType, scope: Scope, tokens: Tensor, span: Span): Forwarded {
  const { forward: fn, scope: declaredIn } = type.outside;
  const inputs: LinearInput[] = [];
  let entry: Tensor | null = null;
  if (!fn) return { entry, logits: wrong, inputs };
  const onBlocks = (input: Tensor, place: Span): Value => {
    if (entry) return report(context, { kind: "not-supported", span: place, what: "a second pass through the blocks" });
    entry = declaredOrder(context, type, input, place);
    return handed(context, entry, place);
  };
  const inside: Context = { ...context, pass: { onLinear: noting(inputs), onBlocks } };
  const logits = applyTo(inside, scope, fn, declaredIn, tokens, span);
  if (type.blocks && !entry && logits.kind !== "wrong")
    report(context, { kind: "not-supported", span: fn.name.span, ...passedBy });
  return { entry, logits, inputs };
}

/** One block on its input: what it gives, and what went into each of its linear layers. */
export function forwardBlock(
  context: Context,
  { forward: fn, scope }: Part,
  entry: Tensor,
  span: Span,
): { readonly result: Node | null; readonly inputs: readonly LinearInput[] } {
  const inputs: LinearInput[] = [];
  if (!fn) return { result: null, inputs };
  const onBlocks = (_: Tensor, place: Span) =>
    report(context, { kind: "not-supported", span: place, what: "a pass through the blocks inside one of them" });
  const inside: Context = { ...context, pass: { onLinear: noting(inputs), onBlocks } };
  const result = applyTo(inside, scopeIn(scope), fn, scope, handed(context, entry, span), span);
  return { result: result.kind === "tensor" ? inOrder(context, result, entry, span) : null, inputs };
}

const passedBy = {
  what: "a forward pass that does not go through the blocks",
  hint: "an architecture that declares `blocks` passes through them here: `layer(x)`",
};

const noting =
  (inputs: LinearInput[]): ForwardPass["onLinear"] =>
  (linear, input, weight) =>
    void inputs.push({ linear, input, weight });

/** A `forward` on what it takes. */
function applyTo(context: Context, caller: Scope, fn: Ast.Fn, declaredIn: Scope, value: Tensor, span: Span): Value {
  const values = new Map(fn.parameters.slice(0, 1).map(({ name }) => [name.text, { value, span }]));
  return applyFunction(context, { scope: caller, span, isUsers: false }, fn, declaredIn, { values, dims: new Map() });
}

/** A block hands on what it was handed, in the same order of memory. */
function inOrder(context: Context, result: Tensor, entry: Tensor, span: Span): Node | null {
  const same =
    result.dims.length === entry.dims.length && entry.dims.every(({ id }) => result.dims.some((dim) => dim.id === id));
  if (!same) {
    report(context, {
      kind: "wrong-type",
      span,
      expected: "a block that gives what it takes",
      found: result.dims.map(({ name }) => name).join(", "),
    });
    return null;
  }
  return orderNode(context, result.node, entry.dims, span);
}

/** The node with its dimensions in the given order: merged in that order, and split again. */
export function orderNode(context: Context, node: Node, dims: readonly Dimension[], span: Span): Node {
  const wanted = graphDims(dims);
  if (node.type.dims.every(({ name }, i) => name === wanted[i]?.name)) return node;
  const merged = emit(context, "merge", [node], { dims: wanted.map(({ name }) => name), into: "memory" }, span);
  return emit(context, "split", [merged], { dim: "memory", into: wanted }, span);
}

/** Tokens of one window, i32[token], while a program is built for windows of that length; 0 while it is unknown. */
export function tokensInput(context: Context, scope: Scope, length: number, span: Span): Tensor {
  const token = declareDimension(scope, "token", length > 0 ? fixed(length) : atom("token"), "the windows");
  const type = { dtype: "i32" as const, dims: graphDims([token]) };
  return {
    kind: "tensor",
    dtype: "i32",
    dims: [token],
    node: emit(context, "input", [], { name: slotNames.tokens, type, role: "data" }, span),
  };
}
