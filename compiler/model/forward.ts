/** The forward pass of a model in three pieces: tokens to the first block, one block, and from the last block to the logits. */

import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import { given } from "../language/bind.ts";
import { type Context, report } from "../language/context.ts";
import { applyFunction } from "../language/evaluate.ts";
import { tokensInput } from "../language/members.ts";
import { scopeIn } from "../language/scope.ts";
import { ids, type Tensor } from "../language/tensor.ts";
import { type LinearInput, newTrace } from "../language/trace.ts";
import { type Scope, type Value, wrong } from "../language/value.ts";
import { handed, orderNode } from "./linear.ts";
import { firstBlocks, type ModelType, type Part } from "./value.ts";

/** A forward pass from tokens: what enters the first block, if it goes through blocks, and what comes after, reading the input `x`. */
export interface Forwarded {
  readonly entry: Tensor | null;
  readonly logits: Value;
  /** Linear layers outside the blocks, with what goes into them. */
  readonly inputs: readonly LinearInput[];
}

/** Applies the whole model to tokens; the blocks are left out, and meet at `entry` and the input `x`. */
export function forward(context: Context, type: ModelType, scope: Scope, tokens: Tensor, span: Span): Forwarded {
  const { forward: fn, scope: declaredIn } = type.outside;
  if (!fn) return { entry: null, logits: wrong, inputs: [] };
  const inside: Context = { ...context, trace: newTrace() };
  const { entries, linears } = inside.trace;
  const logits = applyTo(inside, scope, fn, declaredIn, tokens, span);
  const [first] = entries;
  const kinds = type.blocks.map(({ declaration }) => declaration.name.text);
  const missed = kinds.find((kind) => !entries.some(({ blocks }) => blocks === kind));
  if (missed !== undefined && logits.kind !== "wrong")
    report(context, { kind: "not-supported", span: fn.name.span, ...passedBy(missed) });
  const other = entries.find(({ blocks, input }, i) => blocks !== kinds[i] || (i > 0 && !isHanded(input.node)));
  const isWrong = missed === undefined && other !== undefined;
  if (isWrong) report(context, { kind: "not-supported", span: other.span, ...inAnotherWay(kinds) });
  return { entry: first?.input ?? null, logits: isWrong ? wrong : logits, inputs: linears };
}

/** Whether it is what blocks hand on. */
const isHanded = ({ op, attrs }: Node): boolean => op === "input" && attrs.name === slotNames.activation;

const inAnotherWay = (kinds: readonly string[]) => ({
  what: kinds.length > 1 ? "another way through the blocks than once, in order" : "a second pass through the blocks",
  ...(kinds.length > 1 && { hint: `write \`${kinds.reduce((x, kind) => `${kind}(${x})`, "x")}\`` }),
});

export interface BlockForwarded {
  readonly result: Node | null;
  readonly inputs: readonly LinearInput[];
  /** What methods on blocks may observe: `input`, `output`, and what it probes. */
  readonly shown: ReadonlyMap<string, Tensor>;
}

/** The weights of a block, by the names that the architecture gives them and its linear layers; what is both read and made has a prime. */
export function weightsOf({ scope }: Part, { inputs }: BlockForwarded): ReadonlyMap<string, Tensor> {
  const own = [...scope.values].flatMap(([name, value]) => (value.kind === "tensor" ? [[name, value] as const] : []));
  const matrices = inputs.map(({ linear: { name, to, from }, weight }) => {
    const read = from.map((dim) =>
      to.some((each) => each.name === dim.name) ? { ...dim, name: `${dim.name}'` } : dim,
    );
    return [name, { ...weight, dims: [...to, ...read] }] as const;
  });
  return new Map([...own, ...matrices]);
}

/** One block on its input: what it gives, and what went into each of its linear layers. */
export function forwardBlock(
  context: Context,
  { forward: fn, scope }: Part,
  entry: Tensor,
  span: Span,
): BlockForwarded {
  if (!fn) return { result: null, inputs: [], shown: new Map() };
  const inside: Context = { ...context, trace: newTrace() };
  const { entries, linears, probes } = inside.trace;
  const input = handed(context, entry, span);
  const result = applyTo(inside, scopeIn(scope), fn, scope, input, span);
  const [nested] = entries;
  if (nested) report(context, { kind: "not-supported", span: nested.span, ...nestedBlocks });
  const node = result.kind === "tensor" && !nested ? inOrder(context, result, entry, span) : null;
  const shown = new Map([["input", input], ...(node ? [["output", { ...input, node }] as const] : [])]);
  for (const [name, value] of probes) if (value.kind === "tensor") shown.set(name, value);
  return { result: node, inputs: linears, shown };
}

const nestedBlocks = { what: "a pass through the blocks inside one of them" };

const passedBy = (blocks: string) => ({
  what: "a forward pass that does not go through the blocks",
  hint: `an architecture that declares \`blocks\` passes through them here: \`${blocks}(x)\``,
});

/** Goes through a forward pass for what is wrong with it: windows of any length, and the first block of each kind. */
export function checkForward(context: Context, type: ModelType): void {
  const { span } = type.arch.declaration;
  const inside = scopeIn(null);
  const { entry } = forward(context, type, inside, tokensInput(context, inside, 0, span), span);
  if (entry) for (const part of firstBlocks(type.blocks)) forwardBlock(context, part, entry, span);
}

/** A `forward` on what it takes: what does not suit its header is wrong there. */
function applyTo(context: Context, caller: Scope, fn: Ast.Fn, declaredIn: Scope, value: Tensor, span: Span): Value {
  const values = new Map(fn.parameters.slice(0, 1).map((taken) => [taken.name.text, { value, span: taken.span }]));
  return applyFunction({ context, scope: caller, span }, fn, declaredIn, given(caller, values), false);
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
  return orderNode(context.maker, result.node, ids(entry.dims), span);
}
