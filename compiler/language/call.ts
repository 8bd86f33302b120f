/** A call of a declared function: what its parameters stand for, and what tells it from other calls. */
import type * as Ast from "../../grammar/ast.ts";
import type { Context } from "./context.ts";
import { identityOf, identityOfDims, numberOf } from "./identity.ts";
import { bindValue } from "./scope.ts";
import { type Header, matchTensor, plainParameter } from "./signature.ts";
import type { Dimension } from "./tensor.ts";
import { tensorTypeOf } from "./types.ts";
import { type Bound, dimsOf, type Scope, wrong } from "./value.ts";

/** The dimensions that arguments bring along, by their identities. */
export function foreignTo(bound: Bound): ReadonlySet<string> {
  const carried = [...bound.values.values()].flatMap(({ value }) => dimsOf(value)).flatMap(withLayers);
  const named = [...bound.dims.values()].flatMap(({ dims }) => dims);
  return new Set([...carried, ...named].map(({ id }) => id));
}

/** A dimension, and the one that observing what streams along it gives. */
const withLayers = (dim: Dimension): readonly Dimension[] =>
  dim.streamed?.layers ? [dim, dim.streamed.layers] : [dim];

/** What is not given, or does not fit, is wrong: a body is evaluated as far as it does not depend on that. */
export function bindParameters(header: Header, fn: Ast.Fn, bound: Bound): void {
  const { call, inside, evaluate } = header;
  for (const [name, { dims }] of bound.dims) inside.dims.set(name, dims);
  for (const parameter of fn.parameters.filter(({ label }) => !label)) {
    const { name, type, value: fallback } = parameter;
    const given =
      bound.values.get(name.text) ??
      (fallback ? evaluate(call.context, inside, fallback) : { value: wrong, span: parameter.span });
    const tensorType = type && tensorTypeOf(type);
    const value = tensorType
      ? matchTensor(header, tensorType, given)
      : plainParameter(header, fn.name.text, parameter, given);
    bindValue(call.context, inside, name, value);
  }
  for (const { label, name } of fn.parameters)
    if (label && !bound.dims.has(name.text)) inside.values.set(name.text, wrong);
}

/** What a body's value depends on: two calls of one key give the same. */
export function keyOf(context: Context, fn: Ast.Fn, inside: Scope): string {
  const values = [...inside.values].map(([name, value]) => `${name} = ${identityOf(value)}`);
  const dims = [...inside.dims].map(([name, each]) => `${name}: ${identityOfDims(each)}`);
  return [
    numberOf(fn),
    inside.parent && numberOf(inside.parent),
    context.isOpen,
    context.observing,
    context.keepsZeros,
    ...values,
    ...dims,
  ].join("; ");
}
