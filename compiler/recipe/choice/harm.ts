/** What a method on candidates gives: how much harm it is that the last hidden state has become another. */
import type { Node } from "../../graph/ops.ts";
import { type Context, report } from "../../language/context.ts";
import { evaluateBlock } from "../../language/evaluate.ts";
import { dataInput, reduceOf } from "../../language/operations.ts";
import { declareDimension, scopeIn } from "../../language/scope.ts";
import { atom } from "../../language/size.ts";
import type { Tensor } from "../../language/tensor.ts";
import { newTrace } from "../../language/trace.ts";
import { showValue } from "../../language/value.ts";
import { type Applied, bindParameters, bindSeen, type Shown } from "../method.ts";

/** The kind of method that chooses. */
export const choosing = "candidates";

/** What the last block hands on, f32[token, channel]: in the given model, and where a candidate has its place there. */
export type States = Readonly<Record<"before" | "after", Tensor>>;

const dimsOf = ["token", "channel"];

/**
 * A number, the sum over all windows; null if there was a problem. The states have a dimension of windows more, which comes first; without
 * them, the method is checked against its header alone.
 */
export function harmOf(context: Context, applied: Applied, states: States | null = null): Node | null {
  const { method } = applied;
  const { name, body, from, on } = method;
  if (from) {
    const hint = "it sees states of whole models";
    report(context, { kind: "not-supported", span: from.span, what: `\`from\` in a method on ${on.text}`, hint });
  }
  const scope = scopeIn(applied.scope);
  const windows = states?.before.dims.slice(0, 1) ?? [];
  const dims =
    states?.before.dims.slice(1) ?? dimsOf.map((dim) => declareDimension(scope, dim, atom(dim), "the header"));
  for (const dim of dims) scope.dims.set(dim.name, [dim]);
  const shown = (state: keyof States): Shown => ({
    dims: dimsOf,
    show: (span) => states?.[state] ?? dataInput(context, state, "f32", dims, span),
  });
  bindSeen(
    context,
    scope,
    method,
    new Map([
      ["before", shown("before")],
      ["after", shown("after")],
    ]),
  );
  bindParameters(context, scope, applied, null);
  const harm = evaluateBlock({ ...context, trace: newTrace() }, scope, body);
  if (harm.kind === "tensor" && harm.dtype === "f32" && harm.dims.every((dim) => windows.includes(dim))) {
    const sum = harm.dims.length > 0 ? reduceOf(context, "sum", harm, windows, body.span) : harm;
    return sum.kind === "tensor" ? sum.node : null;
  }
  const expected = `a number, f32, as \`${name.text}\` is a method on ${on.text}`;
  const { span } = body.result ?? body;
  if (harm.kind !== "wrong") report(context, { kind: "wrong-type", span, expected, found: showValue(harm) });
  return null;
}
