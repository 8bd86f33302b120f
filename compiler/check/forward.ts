/** The forward pass of a model in three pieces: tokens to the first block, one block, and from the last block to the logits. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import type { ArchInstance, Linear } from "./arch.ts";
import { applyFunction } from "./call.ts";
import { type Context, report, type Scope, scopeIn } from "./context.ts";
import { declareDimension } from "./signature.ts";
import { atom, fixed } from "./size.ts";
import { emit, graphDims } from "./tensor.ts";
import type { Dimension, Tensor, Value } from "./value.ts";

/** A forward pass from tokens: what enters the first block, and what comes after the last, reading it as the input `x`. */
export interface Forwarded {
  readonly entry: Tensor | null;
  readonly logits: Value;
  /** Linear layers outside the blocks, with what goes into them. */
  readonly inputs: readonly LinearInput[];
}

export interface LinearInput {
  readonly linear: Linear;
  readonly input: Tensor;
}

const forwardOf = ({ arch }: ArchInstance): Ast.Fn | undefined =>
  arch.members.find((member): member is Ast.Fn => member.kind === "fn" && member.name.text === "forward");

/** An activation that the runtime hands from piece to piece. */
function handed(context: Context, of: Tensor, span: Span): Tensor {
  const type = { dtype: "f32" as const, dims: graphDims(of.dims) };
  return { ...of, node: emit(context, "input", [], { name: "x", type, role: "data" }, span) };
}

/** What enters the blocks, in the order of memory that their header declares. */
function declaredOrder(context: Context, { blocks }: ArchInstance, input: Tensor, span: Span): Tensor {
  const type = blocks?.forward.parameters[0]?.type;
  const names =
    type?.kind === "tensor-type" ? type.dims.flatMap((dim) => (dim.kind === "dim-name" ? [dim.name.text] : [])) : [];
  const dims = input.dims.toSorted((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
  return { ...input, dims, node: orderNode(context, input.node, dims, span) };
}

/** Applies the whole model to tokens; the blocks are left out, and meet at `entry` and the input `x`. */
export function forward(context: Context, instance: ArchInstance, scope: Scope, tokens: Tensor, span: Span): Forwarded {
  const fn = forwardOf(instance);
  const inputs: LinearInput[] = [];
  let entry: Tensor | null = null;
  if (!fn) return { entry, logits: { kind: "wrong" }, inputs };
  instance.hooks.onLinear = (linear, input) => void inputs.push({ linear, input });
  instance.hooks.onBlocks = (input, place) => {
    if (entry) return report(context, { kind: "not-supported", span: place, what: "a second pass through the blocks" });
    entry = declaredOrder(context, instance, input, place);
    return handed(context, entry, place);
  };
  const values = new Map(fn.parameters.slice(0, 1).map(({ name }) => [name.text, { value: tokens as Value, span }]));
  const logits = applyFunction(context, { scope, span, isUsers: false }, fn, instance.scope, {
    values,
    dims: new Map(),
  });
  instance.hooks.onLinear = instance.hooks.onBlocks = null;
  return { entry, logits, inputs };
}

/** One block on its input: what it gives, and what went into each of its linear layers. */
export function forwardBlock(
  context: Context,
  instance: ArchInstance,
  entry: Tensor,
  span: Span,
): { readonly result: Node | null; readonly inputs: readonly LinearInput[] } {
  const inputs: LinearInput[] = [];
  if (!instance.blocks) return { result: null, inputs };
  const { forward: fn, scope } = instance.blocks;
  instance.hooks.onLinear = (linear, input) => void inputs.push({ linear, input });
  const x = handed(context, entry, span);
  const values = new Map(fn.parameters.slice(0, 1).map(({ name }) => [name.text, { value: x as Value, span }]));
  const result = applyFunction(context, { scope: scopeIn(scope), span, isUsers: false }, fn, scope, {
    values,
    dims: new Map(),
  });
  instance.hooks.onLinear = null;
  return { result: result.kind === "tensor" ? inOrder(context, result, entry, span) : null, inputs };
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
export function orderNode(context: Context, node: Node | null, dims: readonly Dimension[], span: Span): Node | null {
  const wanted = graphDims(dims);
  if (!node || node.type.dims.every(({ name }, i) => name === wanted[i]?.name)) return node;
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
    node: emit(context, "input", [], { name: "tokens", type, role: "data" }, span),
  };
}
