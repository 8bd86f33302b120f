/** Headers: what a declared type asks of an argument, and what a declared result lets out. */
import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import type { Problem } from "../problems/problem.ts";
import { bindDimension, type Context, findDimension, makeDimension, report, type Scope } from "./context.ts";
import { operand } from "./expression.ts";
import { typeHabits } from "./habits.ts";
import { areDistinct } from "./names.ts";
import { heldRange, isHeld } from "./number.ts";
import { known, type Size, same, showSize } from "./size.ts";
import { asTensor, emit, type Operand } from "./tensor.ts";
import {
  type Dimension,
  isUnknown,
  record,
  showDimension,
  showValue,
  type Tensor,
  unknownWhole,
  type Value,
  wrong,
} from "./value.ts";

/**
 * The argument as the declared tensor type sees it; its dimensions become visible under the names of the header. Of several of
 * one name, the one that the caller means by it.
 */
export function matchTensor(
  context: Context,
  { caller, inside }: { readonly caller: Scope; readonly inside: Scope },
  type: Ast.TensorTypeExpression,
  given: Operand,
  rest: { dims: readonly Dimension[] | null },
): Value {
  const dtype = dtypeOf(context, type);
  if (!dtype || !areDistinct(context, dimsOf(type))) return wrong;
  const value: Value = given.value.kind === "number" ? (asTensor(context, given, dtype) ?? wrong) : given.value;
  if (value.kind === "wrong") return wrong;
  if (value.kind !== "tensor")
    return report(context, {
      kind: "wrong-type",
      span: given.span,
      expected: textAt(type.span),
      found: showValue(value),
    });
  if (value.dtype !== dtype && !(value.dtype === "i32" && dtype === "f32"))
    return report(context, {
      kind: "wrong-type",
      span: given.span,
      expected: textAt(type.span),
      found: showValue(value),
    });
  const taken = takeNamed(context, { caller, inside }, type, value, given.span);
  if (!taken) return wrong;
  const others = value.dims.filter((dim) => !taken.includes(dim) && !dim.streamed);
  const extra = type.dims.some(({ kind }) => kind === "rest") ? checkRest(rest, others) : others;
  if (extra.length === 0) return asTensor(context, { value, span: given.span }, dtype) ?? wrong;
  const names = extra.map(({ name }) => `\`${name}\``).join(", ");
  const hint = `${names} is not in the header; \`...\` there would let it pass`;
  return report(context, {
    kind: "wrong-type",
    span: given.span,
    expected: textAt(type.span),
    found: showValue(value),
    hint,
  });
}

/** The dimensions that a header names, found in the argument and bound; null if one is missing or of another size. */
function takeNamed(
  context: Context,
  { caller, inside }: { readonly caller: Scope; readonly inside: Scope },
  { dims }: Ast.TensorTypeExpression,
  value: Tensor,
  given: Span,
): readonly Dimension[] | null {
  const taken: Dimension[] = [];
  for (const dim of dims) {
    if (dim.kind === "rest") continue;
    const { text: name } = dim.name;
    const [meant, old] = [findDimension(caller, name), findDimension(inside, name)];
    const found =
      value.dims.find(({ id }) => id === meant?.id) ??
      value.dims.find((own) => own.name === name) ??
      value.dims.find(({ id }) => id === old?.id);
    if (!found) {
      const known = value.dims.map((own) => own.name);
      report(context, { kind: "absent-dimension", span: dim.span, name, type: showValue(value), value: given, known });
      return null;
    }
    if (!bindHeader(context, inside, dim, found, given)) return null;
    taken.push(found);
  }
  return taken;
}

/** `...` is the same set throughout a signature. */
function checkRest(rest: { dims: readonly Dimension[] | null }, others: readonly Dimension[]): readonly Dimension[] {
  if (rest.dims === null) rest.dims = others;
  return others.filter(({ id }) => !rest.dims?.some((dim) => dim.id === id));
}

const elements: readonly string[] = ["f32", "i32", "bool"] satisfies Tensor["dtype"][];

/** A type of tensors, of which `f32` by itself is one without dimensions; null for any other. */
export const tensorTypeOf = (type: Ast.TypeExpression): Ast.TensorTypeExpression | null =>
  type.kind === "tensor-type"
    ? type
    : elements.includes(type.name.text)
      ? { kind: "tensor-type", element: type.name, arguments: type.arguments, dims: [], span: type.span }
      : null;

/** The dimensions that a type names. */
export const dimsOf = ({ dims }: Ast.TensorTypeExpression): readonly Ast.Name[] =>
  dims.flatMap((dim) => (dim.kind === "dim-name" ? [dim.name] : []));

/** The type of a header's elements; null, and a problem, for one that no tensor of a program has. */
export function dtypeOf(
  context: Context,
  { element, arguments: given }: Ast.TensorTypeExpression,
): Tensor["dtype"] | null {
  if (given.length === 0 && (element.text === "f32" || element.text === "i32" || element.text === "bool"))
    return element.text;
  report(context, {
    kind: "not-supported",
    span: element.span,
    what: `the element type \`${element.text}\``,
    hint: "f32, i32 and bool are",
  });
  return null;
}

function bindHeader(
  context: Context,
  inside: Scope,
  { name, size, parts, span }: Ast.NamedDim,
  found: Dimension,
  given: Span,
): boolean {
  if (parts) {
    report(context, { kind: "not-supported", span, what: "a dimension in parts, here" });
    return false;
  }
  const old = inside.dims.get(name.text);
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
  inside.dims.set(name.text, found);
  inside.taken.add(found.id);
  if (!size) return true;
  const wanted = operand(context, inside, size);
  if (wanted.value.kind !== "number" || !wanted.value.size || same(wanted.value.size, found.size)) return true;
  if (known(wanted.value.size) === undefined || known(found.size) === undefined) return true;
  return mismatch(showSize(wanted.value.size), `declared ${showSize(wanted.value.size)}`, size.span);
}

/** Names made in a body leave it only through a declared result. What stands in records several times is matched once. */
export function matchResult(
  context: Context,
  caller: { readonly scope: Scope; readonly span: Span },
  inside: Scope,
  fn: Ast.Fn,
  result: Value,
  matched: Map<Value, Value> = new Map(),
): Value {
  if (result.kind === "wrong") return wrong;
  const span = bodySpan(fn);
  const declared = fn.result ? tensorTypeOf(fn.result) : null;
  if (fn.result?.kind === "plain-type" && !declared) {
    const complaint: Complaint = (expected, found) => ({ kind: "wrong-type", span, expected, found });
    return plainValue(context, inside, fn.result, { value: result, span }, complaint);
  }
  if (result.kind === "number" && declared?.dims.length === 0)
    return matchTensor(context, { caller: caller.scope, inside }, declared, { value: result, span }, { dims: null });
  if (result.kind === "record") {
    const field = (value: Value): Value => matchResult(context, caller, inside, fn, value, matched);
    const made =
      matched.get(result) ?? record(new Map([...result.fields].map(([name, value]) => [name, field(value)])));
    matched.set(result, made);
    return made;
  }
  if (result.kind !== "tensor" && declared) {
    report(context, { kind: "wrong-type", span, expected: textAt(declared.span), found: showValue(result) });
    return wrong;
  }
  return result.kind === "tensor" ? letOut(context, caller, inside, fn, declared, result) : result;
}

/** A tensor with those dimensions that were made in the body handed over to the caller. */
function letOut(
  context: Context,
  caller: { readonly scope: Scope; readonly span: Span },
  inside: Scope,
  fn: Ast.Fn,
  declared: Ast.TensorTypeExpression | null,
  result: Tensor,
): Value {
  const span = bodySpan(fn);
  const made = result.dims.filter(({ id }) => inside.made.has(id));
  if (declared && !agrees(context, fn, declared, result)) return wrong;
  let out = result;
  for (const dim of made) {
    if (!declared?.dims.some((d) => d.kind === "dim-name" && d.name.text === dim.name))
      return report(context, {
        kind: "dimension-escapes",
        span,
        name: dim.name,
        fn: fn.name.text,
        declared: fn.name.span,
      });
    const theirs = handOver(context, caller, out, dim);
    if (!theirs) return wrong;
    out = theirs;
  }
  return out;
}

const bodySpan = ({ body }: Ast.Fn): Span => (body.kind === "block" ? (body.result?.span ?? body.span) : body.span);

function agrees(context: Context, fn: Ast.Fn, declared: Ast.TensorTypeExpression, result: Tensor): boolean {
  if (!areDistinct(context, dimsOf(declared))) return false;
  const names = dimsOf(declared).map(({ text: name }) => name);
  const open = declared.dims.some(({ kind }) => kind === "rest");
  const visible = result.dims.filter(({ streamed }) => !streamed);
  const missing = names.filter((name) => !result.dims.some((dim) => dim.name === name));
  const extra = open ? [] : visible.filter(({ name }) => !names.includes(name));
  if (missing.length === 0 && extra.length === 0 && declared.element.text === result.dtype) return true;
  report(context, {
    kind: "wrong-type",
    span: bodySpan(fn),
    expected: textAt(declared.span),
    found: showValue(result),
  });
  return false;
}

/** A dimension made in a function becomes the caller's, under the same name; null, and a problem, where that cannot be. */
function handOver(
  context: Context,
  { scope, span }: { readonly scope: Scope; readonly span: Span },
  value: Tensor,
  dim: Dimension,
): Tensor | null {
  const made = makeDimension(context, scope, dim.name, dim.size, span);
  if (!made) return null;
  const theirs = dim.streamed ? { ...made, streamed: dim.streamed } : made;
  const dims = value.dims.map((d) => (d.id === dim.id ? theirs : d));
  if (theirs.id === dim.id) return { ...value, dims };
  return { ...value, dims, node: emit(context, "rename", [value.node], { from: dim.id, to: theirs.id }, span) };
}

type Check = (value: Value) => Value | string;

const plain: ReadonlyMap<string, Check> = new Map(
  Object.entries<Check>({
    Int: wholeFrom,
    Float: (value) =>
      value.kind !== "number" ? "a number" : value.real === null || isHeld(value.real) ? value : heldRange,
    Fraction: (value) =>
      value.kind === "number" && (value.real === null || (value.real >= 0 && value.real <= 1))
        ? value
        : "a share between 0% and 100%",
    Sparsity: (value) => sparsityFrom(value) ?? "a share such as 50%, or a pattern such as 2:4",
    Bool: (value) => (value.kind === "boolean" ? value : "true or false"),
    Text: (value) =>
      value.kind === "string" ? value : isUnknown(value) ? { kind: "string", value: null } : "a text in quotes",
    Config: (value) => (isConfig(value) ? value : "an object of config.json"),
    Model: (value) => (value.kind === "model" ? value : "a model"),
    Corpus: (value) => (value.kind === "corpus" ? value : "a text"),
    Sample: (value) =>
      value.kind === "windows" ? value : "windows of text, such as text.train.sample(128, length: 2048, seed: 0)",
  }),
);

/** One that is missing has no fields; what is not known yet is a number. */
const isConfig = (value: Value): boolean =>
  (value.kind === "config" && !value.isList) || value.kind === "absent" || isUnknown(value);

function wholeFrom(value: Value): Value | string {
  if (isUnknown(value)) return unknownWhole;
  if (value.kind !== "number" || (value.real !== null && !Number.isInteger(value.real))) return "a whole number";
  return Math.abs(value.real ?? 0) < 2 ** 31 ? value : "a whole number below 2^31 (i32)";
}

/** A share to remove below 100 %, or `n:m` with n of every m staying. */
function sparsityFrom(value: Value): Value | null {
  if (value.kind === "sparsity")
    return value.pattern && (value.pattern.keep < 1 || value.pattern.keep > value.pattern.of) ? null : value;
  if (value.kind !== "number" || (value.real !== null && (value.real < 0 || value.real >= 1))) return null;
  return { kind: "sparsity", share: value.real === null ? null : value, pattern: null };
}

/** An argument for a parameter of a plain type, checked against it; one without a type takes anything. */
export function plainParameter(
  context: Context,
  scope: Scope,
  of: string,
  { name, type }: Ast.Parameter,
  given: Operand,
): Value {
  if (type?.kind !== "plain-type") return given.value;
  const hint = textAt(given.span).endsWith("%") ? undefined : meantBy(type.name.text, given.value);
  return plainValue(context, scope, type, given, (expected, found) => ({
    kind: "wrong-parameter",
    span: given.span,
    of,
    name: name.text,
    expected,
    found,
    ...(hint !== undefined && { hint: `did you mean \`${hint}\`?` }),
  }));
}

/** What a value of another type was probably meant to be. */
function meantBy(type: string, value: Value): string | undefined {
  if (value.kind === "string" && value.value !== null && /^(?:[\d.]+%?|\d+:\d+|true|false)$/.test(value.value))
    return value.value;
  const real = value.kind === "number" ? value.real : null;
  if (real === null) return undefined;
  if (type === "Bool" && (real === 0 || real === 1)) return String(real === 1);
  const isShare = type === "Sparsity" ? real >= 1 && real < 100 : type === "Fraction" && real > 1 && real <= 100;
  return isShare ? `${real}%` : undefined;
}

type Complaint = (expected: string, found: string) => Problem;

function plainValue(
  context: Context,
  scope: Scope,
  type: Ast.PlainTypeExpression,
  given: Operand,
  complaint: Complaint,
): Value {
  if (given.value.kind === "wrong") return wrong;
  const value = checkOf(context, type)?.(given.value);
  if (value === undefined) return wrong;
  if (typeof value !== "string") return inRange(context, scope, type, value, complaint);
  const expected = given.value.kind === "tensor" ? `${value} that is known before the run` : value;
  return report(context, complaint(expected, showValue(given.value)));
}

/** What a plain type asks of a value; null, and a problem, if there is no such type. */
export function checkOf(context: Context, type: Ast.PlainTypeExpression): Check | null {
  const check = plain.get(type.name.text);
  if (check && type.arguments.length === 0) return check;
  const known = [...plain.keys(), ...elements];
  const hint =
    typeHabits.get(type.name.text) ??
    `there are ${[...plain.keys()].join(", ")}, and tensors such as \`f32[token, model]\``;
  if (check)
    report(context, { kind: "not-supported", span: type.span, what: `the type \`${textAt(type.span)}\``, hint });
  else report(context, { kind: "unknown-name", span: type.name.span, name: type.name.text, what: "type", known, hint });
  return null;
}

function inRange(
  context: Context,
  scope: Scope,
  { range }: Ast.PlainTypeExpression,
  value: Value,
  complaint: Complaint,
): Value {
  if (!range || value.kind !== "number" || value.real === null) return value;
  const [from, to] = [operand(context, scope, range.from).value, operand(context, scope, range.to).value];
  if (from.kind !== "number" || to.kind !== "number" || from.real === null || to.real === null) return value;
  if (value.real >= from.real && value.real <= to.real) return value;
  return report(context, complaint(`from ${from.real} to ${to.real}`, String(value.real)));
}

/** A fresh dimension under its own name, as the header of a method or an architecture declares it. */
export function declareDimension(
  scope: Scope,
  name: string,
  size: Size,
  source: string,
  more: Partial<Pick<Dimension, "span" | "streamed">> = {},
): Dimension {
  const dimension: Dimension = { id: name, name, size, source, ...more };
  bindDimension(scope, dimension);
  return dimension;
}
