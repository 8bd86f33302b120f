/** Headers: what a declared type asks of an argument, and what a declared result lets out. */
import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import type { Problem } from "../problems/problem.ts";
import { type Context, report } from "./context.ts";
import { areDistinct } from "./names.ts";
import { asTensor } from "./operations.ts";
import { dimensionsNamed, findDimension, makeDimension, reportAbsent } from "./scope.ts";
import { known, same, showSize } from "./size.ts";
import { type Dimension, showDimension, type Tensor } from "./tensor.ts";
import { checkOf, elementTypeOf, meantBy, namesIn, tensorTypeOf } from "./types.ts";
import {
  type Call,
  isLacking,
  type Operand,
  record,
  type Scope,
  showValue,
  type Value,
  wrong,
  wrongType,
} from "./value.ts";

/** Evaluates what stands in a header: sizes of dimensions, bounds of ranges. */
export type Evaluate = (context: Context, scope: Scope, expression: Ast.Expression) => Operand;

/** Where a header meets its call: names mean one thing to the caller, and another inside. */
export interface Header {
  readonly call: Call;
  readonly inside: Scope;
  readonly evaluate: Evaluate;
  /** The dimensions that `...` stands for, once an argument has shown them. */
  readonly rest: { dims: readonly Dimension[] | null };
}

/**
 * The argument as the declared tensor type sees it; its dimensions become visible under the names of the header. Of several of
 * one name, the one that the caller means by it.
 */
export function matchTensor(header: Header, type: Ast.TensorTypeExpression, given: Operand): Value {
  const { context } = header.call;
  const dtype = elementTypeOf(context, type);
  if (!dtype || !areDistinct(context, namesIn(type))) return wrong;
  const value: Value = given.value.kind === "number" ? (asTensor(context, given, dtype) ?? wrong) : given.value;
  if (value.kind === "wrong") return wrong;
  const mismatch = (hint?: string) => wrongType(context, { value, span: given.span }, textAt(type.span), hint);
  if (value.kind !== "tensor" || (value.dtype !== dtype && !(value.dtype === "i32" && dtype === "f32")))
    return mismatch();
  const taken = takeNamed(header, type, value, given.span);
  if (!taken) return wrong;
  const others = value.dims.filter((dim) => !taken.includes(dim) && !dim.streamed && !dim.isApart);
  const extra = type.dims.some(({ kind }) => kind === "rest") ? checkRest(header.rest, others) : others;
  if (extra.length === 0) return asTensor(context, { value, span: given.span }, dtype) ?? wrong;
  const names = extra.map(({ name }) => `\`${name}\``).join(", ");
  return mismatch(`${names} is not in the header; \`...\` there would let it pass`);
}

/** The dimensions that a header names, found in the argument and bound; null if one is missing or of another size. */
function takeNamed(
  header: Header,
  { dims }: Ast.TensorTypeExpression,
  value: Tensor,
  given: Span,
): readonly Dimension[] | null {
  const { call, inside } = header;
  const taken: Dimension[] = [];
  for (const dim of dims) {
    if (dim.kind === "rest") continue;
    const { text: name } = dim.name;
    const [meant, old] = [findDimension(call.scope, name), findDimension(inside, name)];
    const found =
      value.dims.find(({ id }) => id === meant?.id) ??
      value.dims.find((own) => own.name === name) ??
      value.dims.find(({ id }) => id === old?.id);
    if (!found) {
      reportAbsent(call.context, { text: name, span: dim.span }, value, given);
      return null;
    }
    if (!bindDimension(header, dim, found, given)) return null;
    taken.push(found);
  }
  return taken;
}

/** `...` is the same set throughout a signature. */
function checkRest(rest: { dims: readonly Dimension[] | null }, others: readonly Dimension[]): readonly Dimension[] {
  if (rest.dims === null) rest.dims = others;
  return others.filter(({ id }) => !rest.dims?.some((dim) => dim.id === id));
}

function bindDimension(
  { call: { context }, inside, evaluate }: Header,
  { name, size, parts, span }: Ast.NamedDim,
  found: Dimension,
  given: Span,
): boolean {
  if (parts) {
    report(context, { kind: "not-supported", span, what: "a dimension in parts, here" });
    return false;
  }
  const [old] = inside.dims.get(name.text) ?? [];
  const mismatch = (expected: string, because: string, other: Span) => {
    report(context, {
      kind: "dimension-mismatch",
      span: given,
      name: name.text,
      found: showSize(found.size),
      expected,
      other,
      because,
    });
    return false;
  };
  if (old && old.id !== found.id) {
    if (!same(old.size, found.size))
      return mismatch(showSize(old.size), `${name.text} is ${showSize(old.size)} in an earlier argument`, span);
    return mismatch(showDimension(old), `another dimension of this name, from ${old.source}`, span);
  }
  inside.dims.set(name.text, [found]);
  if (!size) return true;
  const wanted = evaluate(context, inside, size);
  if (wanted.value.kind !== "number" || !wanted.value.size || same(wanted.value.size, found.size)) return true;
  if (known(wanted.value.size) === undefined || known(found.size) === undefined) return true;
  return mismatch(showSize(wanted.value.size), `declared ${showSize(wanted.value.size)}`, size.span);
}

/** Names made in a body leave it only through a declared result. What stands in records several times is matched once. */
export function matchResult(header: Header, fn: Ast.Fn, result: Value, matched: Map<Value, Value> = new Map()): Value {
  const declared = fn.result ? tensorTypeOf(fn.result) : null;
  const { context } = header.call;
  const span = bodySpan(fn);
  if (result.kind === "wrong") return wrong;
  if (fn.result?.kind === "plain-type" && !declared) {
    const complaint: Complaint = (expected, found) => ({ kind: "wrong-type", span, expected, found });
    return plainValue(header, fn.result, { value: result, span }, complaint);
  }
  switch (result.kind) {
    case "record": {
      if (!declared && !result.dims.some((dim) => isMadeIn(header.inside, dim))) return result;
      const old = matched.get(result);
      const field = (value: Value): Value => matchResult(header, fn, value, matched);
      const made = old ?? record(new Map([...result.fields].map(([name, value]) => [name, field(value)])));
      matched.set(result, made);
      return made;
    }
    case "tensor":
      return letOut(header, fn, declared, result);
    default:
      if (!declared) return result;
      if (result.kind === "number" && declared.dims.length === 0)
        return matchTensor(header, declared, { value: result, span });
      return wrongType(context, { value: result, span }, textAt(declared.span));
  }
}

/** A tensor, with those dimensions that were made in the body handed over to the caller. */
function letOut(header: Header, fn: Ast.Fn, declared: Ast.TensorTypeExpression | null, result: Tensor): Value {
  const { call, inside } = header;
  if (declared && !agrees(call.context, fn, declared, result)) return wrong;
  let out: Tensor | null = result;
  for (const dim of result.dims) {
    if (!isMadeIn(inside, dim)) continue;
    const { name } = dim;
    if (!declared?.dims.some((each) => each.kind === "dim-name" && each.name.text === name))
      return report(call.context, {
        kind: "dimension-escapes",
        span: bodySpan(fn),
        name,
        fn: fn.name.text,
        declared: fn.name.span,
      });
    out = out && handOver(call, out, dim);
  }
  return out ?? wrong;
}

/** Whether a dimension is neither an argument's nor declared where the function is. */
const isMadeIn = ({ foreign, parent }: Scope, { id, name }: Dimension): boolean =>
  !foreign.has(id) && !(parent && dimensionsNamed(parent, name)?.some((dim) => dim.id === id));

const bodySpan = ({ body }: Ast.Fn): Span => (body.kind === "block" ? (body.result?.span ?? body.span) : body.span);

function agrees(context: Context, fn: Ast.Fn, declared: Ast.TensorTypeExpression, result: Tensor): boolean {
  if (!areDistinct(context, namesIn(declared))) return false;
  const names = namesIn(declared).map(({ text: name }) => name);
  const open = declared.dims.some(({ kind }) => kind === "rest");
  const visible = result.dims.filter(({ streamed, isApart }) => !streamed && !isApart);
  const missing = names.filter((name) => !result.dims.some((dim) => dim.name === name));
  const extra = open ? [] : visible.filter(({ name }) => !names.includes(name));
  if (missing.length === 0 && extra.length === 0 && declared.element.text === result.dtype) return true;
  wrongType(context, { value: result, span: bodySpan(fn) }, textAt(declared.span));
  return false;
}

/** A dimension made in a function becomes the caller's, under the same name; null, and a problem, where that cannot be. */
export function handOver({ context, scope, span }: Call, value: Tensor, dim: Dimension): Tensor | null {
  const made = makeDimension(context, scope, dim.name, dim.size, span);
  if (!made) return null;
  const theirs = dim.streamed ? { ...made, streamed: dim.streamed } : made;
  const dims = value.dims.map((d) => (d.id === dim.id ? theirs : d));
  if (theirs.id === dim.id) return { ...value, dims };
  return { ...value, dims, node: context.maker.make("rename", [value.node], { from: dim.id, to: theirs.id }, span) };
}

/** An argument for a parameter of a plain type, checked against it; one without a type takes anything. */
export function plainParameter(
  at: Pick<Header, "call" | "inside" | "evaluate">,
  of: string,
  { name, type }: Ast.Parameter,
  given: Operand,
): Value {
  if (type?.kind !== "plain-type") return given.value;
  const hint = textAt(given.span).endsWith("%") ? undefined : meantBy(type.name.text, given.value);
  return plainValue(at, type, given, (expected, found) => ({
    kind: "wrong-parameter",
    span: given.span,
    of,
    name: name.text,
    expected,
    found,
    ...(hint !== undefined && { hint: `did you mean \`${hint}\`?` }),
  }));
}

type Complaint = (expected: string, found: string) => Problem;

function plainValue(
  at: Pick<Header, "call" | "inside" | "evaluate">,
  type: Ast.PlainTypeExpression,
  given: Operand,
  complaint: Complaint,
): Value {
  const { context } = at.call;
  if (given.value.kind === "wrong") return wrong;
  const value = checkOf(context, type)?.(given.value);
  if (value === undefined) return wrong;
  if (typeof value !== "string") return inRange(at, type, value, complaint);
  if (isLacking(given.value)) return wrongType(context, given, value);
  const expected = given.value.kind === "tensor" ? `${value} that is known before the run` : value;
  return report(context, complaint(expected, showValue(given.value)));
}

function inRange(
  { call: { context }, inside, evaluate }: Pick<Header, "call" | "inside" | "evaluate">,
  { range }: Ast.PlainTypeExpression,
  value: Value,
  complaint: Complaint,
): Value {
  if (!range || value.kind !== "number" || value.real === null) return value;
  const [from, to] = [evaluate(context, inside, range.from).value, evaluate(context, inside, range.to).value];
  if (from.kind !== "number" || to.kind !== "number" || from.real === null || to.real === null) return value;
  if (value.real >= from.real && value.real <= to.real) return value;
  return report(context, complaint(`from ${from.real} to ${to.real}${context.where}`, String(value.real)));
}
