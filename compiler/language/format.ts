/** Formats: how weights are stored. Of a record of what is stored one makes codes, which read as the weights that they stand for. */
import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import { readAs } from "../plan/dtype.ts";
import { type Context, report } from "./context.ts";
import { fieldsOf, namedDims, type StoredField, storedInput, storedType } from "./fields.ts";
import { areDistinct } from "./names.ts";
import { asTensor } from "./operations.ts";
import { bindValue, makeDimension, scopeIn } from "./scope.ts";
import { type Evaluate, plainParameter } from "./signature.ts";
import { atom, canBeEqual, same, showSize, times } from "./size.ts";
import { type Dimension, ids, type Tensor } from "./tensor.ts";
import { elementTypeOf, namesIn, unknownOf } from "./types.ts";
import {
  type Call,
  type Callable,
  type Coded,
  type Format,
  type Operand,
  type RecordValue,
  type Scope,
  type Value,
  type Wrong,
  wrong,
  wrongType,
} from "./value.ts";

/** A declared format as the function of its parameters that it is. */
export const formatValue = (declaration: Ast.Format, declaredIn: Scope, evaluate: Evaluate): Callable => ({
  kind: "callable",
  name: declaration.name.text,
  form: () => ({
    parameters: declaration.parameters,
    apply: (call, bound) => {
      const { context } = call;
      const scope = scopeIn(declaredIn);
      const header = { call, inside: scope, evaluate };
      for (const parameter of declaration.parameters) {
        const { name, value: fallback } = parameter;
        const given = bound.values.get(name.text) ?? (fallback && evaluate(context, scope, fallback));
        const value = given ? plainParameter(header, declaration.name.text, parameter, given) : wrong;
        bindValue(context, scope, name, value);
      }
      const isGood = [...scope.values.values()].every(({ kind }) => kind !== "wrong");
      return isGood && isWellFormed(context, declaration) ? { kind: "format", declaration, scope } : wrong;
    },
  }),
});

/** Whether a format is one of weights, whose sizes it does not say, no name stands twice in it, and fields lie as it says. */
function isWellFormed(context: Context, declaration: Ast.Format): boolean {
  const { of, fields } = declaration;
  const { text: element, span } = of.element;
  const isReal = elementTypeOf(context, of) === "f32";
  if (!isReal) report(context, { kind: "wrong-type", span, expected: "f32, as weights are", found: element });
  const [header, own] = [namedDims(of), namesIn(of).map(({ text }) => text)];
  const parts = header.flatMap((dim) => dim.parts ?? []);
  const types = fields.map(({ type }) => namedDims(type));
  const tooMuch = [
    ...header.filter(({ size }) => size),
    ...[...parts, ...types.flat()].filter((dim) => dim.parts || (dim.size && own.includes(dim.name.text))),
  ];
  for (const dim of tooMuch)
    report(context, {
      kind: "wrong-type",
      span: dim.span,
      expected: "the name of a dimension alone",
      found: textAt(dim.span),
    });
  const rows = [[...header, ...parts], fields, ...types].map((row) => row.map(({ name }) => name));
  const areNamed = rows.map((names) => areDistinct(context, names)).every(Boolean);
  return isReal && tooMuch.length === 0 && areNamed && areTogether(context, declaration);
}

/** Whether all fields begin with the same dimensions, up to the one that they lie by. */
function areTogether(context: Context, { by, fields }: Ast.Format): boolean {
  if (!by) return true;
  const names = fields.map(({ type }) => namedDims(type).map(({ name }) => name.text));
  const outer = (names[0] ?? []).slice(0, (names[0] ?? []).indexOf(by.text) + 1);
  const odd = fields.find((_, i) => outer.length === 0 || outer.some((name, at) => names[i]?.[at] !== name));
  if (!odd) return true;
  const expected = `a type whose dimensions begin with ${outer.join(", ") || by.text}, by which the fields lie`;
  report(context, { kind: "wrong-type", span: odd.type.span, expected, found: textAt(odd.type.span) });
  return false;
}

/** `Affine(bits, every) { code, ...grid }`: codes of what the record has for each field. */
export function codesOf(
  { context, scope, span }: Call,
  of: Operand,
  record: Operand,
  evaluate: Evaluate,
): Coded | Wrong {
  const [format, given] = [of.value, record.value];
  if (format.kind === "wrong" || given.kind !== "record") return wrong;
  if (format.kind !== "format") return wrongType(context, of, "a format");
  if (!hasFields(context, format, given, record.span)) return wrong;
  const stored = new Map<string, Tensor>();
  const operands = new Map<string, Node>();
  for (const { name, type } of format.declaration.fields) {
    const value = given.fields.get(name.text) ?? wrong;
    const field = fieldOf({ context, scope: format.scope, span: record.span }, { name, type }, value, evaluate);
    if (!field) continue;
    stored.set(name.text, field.stored);
    operands.set(name.text, field.operand);
  }
  if (stored.size < format.declaration.fields.length) return wrong;
  const value = decoded({ context, scope, span }, format, stored, evaluate);
  const wanted = value && fieldsOf({ context, scope: scopeIn(null), span: record.span }, format, value.dims, evaluate);
  if (!value || !wanted || !areOfSizes(context, wanted, stored, record.span)) return wrong;
  return { kind: "coded", format, fields: stored, operands, value };
}

/** Whether what is stored may have the sizes that the format declares for such a weight. */
function areOfSizes(
  context: Context,
  wanted: readonly StoredField[],
  stored: ReadonlyMap<string, Tensor>,
  span: Span,
): boolean {
  const pairs = wanted.flatMap(({ name, dims }) =>
    dims.flatMap((dim, i) => {
      const found = stored.get(name)?.dims[i];
      return found && !canBeEqual(found.size, dim.size) ? [{ dim, found }] : [];
    }),
  );
  for (const { dim, found } of pairs)
    report(context, {
      kind: "dimension-mismatch",
      span,
      name: dim.name,
      found: showSize(found.size),
      expected: showSize(dim.size),
      other: dim.span ?? span,
      because: `${dim.name} is ${showSize(dim.size)} in the format`,
    });
  return pairs.length === 0;
}

function hasFields(context: Context, { declaration }: Format, { fields }: RecordValue, span: Span): boolean {
  const wanted = declaration.fields.map(({ name }) => name.text);
  const form = `${declaration.name.text} { ${wanted.join(", ")} }`;
  const missing = wanted.filter((name) => !fields.has(name));
  const surplus = [...fields.keys()].filter((name) => !wanted.includes(name));
  for (const name of missing)
    report(context, { kind: "missing-parameter", span, of: declaration.name.text, name, type: "", form });
  for (const name of missing.length === 0 ? surplus : [])
    report(context, { kind: "unknown-parameter", span, of: declaration.name.text, name, known: wanted, form });
  return missing.length + surplus.length === 0;
}

type Field = Ast.Format["fields"][number];

/** What is stored of a field's value, and the number that it is made of. */
function fieldOf(
  { context, scope, span }: Call,
  { name, type }: Field,
  value: Value,
  evaluate: Evaluate,
): { readonly stored: Tensor; readonly operand: Node } | null {
  const dtype = storedType(context, scope, type, evaluate);
  if (!dtype) return null;
  const read = readAs(dtype) === "f32" ? "f32" : "i32";
  const x = asTensor(context, { value, span }, read === "f32" ? "f32" : typeOf(value));
  const names = namedDims(type).map(({ name: { text } }) => text);
  const isOf = x && names.length === x.dims.length && names.every((each) => x.dims.some((dim) => dim.name === each));
  if (!isOf) {
    if (x || value.kind !== "number")
      wrongType(context, { value: x ?? value, span }, `${name.text}: ${textAt(type.span)}`);
    return null;
  }
  const node = context.maker.make("cast", [x.node], { dtype }, span);
  const dims = names.flatMap((each) => x.dims.find((dim) => dim.name === each) ?? []);
  return { stored: { kind: "tensor", dtype: read, dims, node }, operand: x.node };
}

const typeOf = (value: Value): "f32" | "i32" => (value.kind === "tensor" && value.dtype === "f32" ? "f32" : "i32");

/** Checks a format by itself: what its fields store of a weight reads as one. */
export function checkFormat(context: Context, declaration: Ast.Format, declaredIn: Scope, evaluate: Evaluate): void {
  if (!isWellFormed(context, declaration)) return;
  const scope = scopeIn(declaredIn);
  for (const parameter of declaration.parameters) bindValue(context, scope, parameter.name, unknownOf(parameter));
  const call: Call = { context, scope: scopeIn(null), span: declaration.name.span };
  const weight = namesIn(declaration.of).map(
    ({ text }): Dimension => ({ id: text, name: text, size: atom(text), source: "the header" }),
  );
  const format: Format = { kind: "format", declaration, scope };
  const fields = fieldsOf(call, format, weight, evaluate);
  const read = fields?.map((field) => [field.name, storedInput(context, field.name, field, call.span)] as const);
  if (read) decoded(call, format, new Map(read), evaluate);
}

/** The weight that fields stand for: what `decode` gives, its dimensions put together as the format's header says. */
export function decoded(
  { context, scope, span }: Call,
  { declaration, scope: declaredIn }: Format,
  fields: ReadonlyMap<string, Tensor>,
  evaluate: Evaluate,
): Tensor | null {
  const inside = scopeIn(declaredIn, new Set([...fields.values()].flatMap((field) => ids(field.dims))));
  for (const { name, type } of declaration.fields) {
    const field = fields.get(name.text);
    if (!field || !agree({ context, scope: inside, span }, type, field)) return null;
    bindValue(context, inside, name, field);
  }
  const { value } = evaluate(context, inside, declaration.decode);
  if (value.kind === "wrong") return null;
  if (value.kind === "tensor" && value.dtype === "f32") {
    const whole = declaration.of.dims.reduce<Tensor | null>(
      (x, dim) => (x && dim.kind === "dim-name" && dim.parts ? putTogether({ context, scope, span }, x, dim) : x),
      value,
    );
    const names = declaration.of.dims.map((dim) => (dim.kind === "dim-name" ? dim.name.text : ""));
    if (!whole) return null;
    const isOf = whole.dims.length === names.length && whole.dims.every(({ name }) => names.includes(name));
    if (isOf) return whole;
  }
  wrongType(context, { value, span: declaration.decode.span }, textAt(declaration.of.span));
  return null;
}

/** Whether a field's dimensions are those of the fields before it, and of the sizes that the format declares. */
function agree({ context, scope, span }: Call, type: Ast.TypeExpression, { dims }: Tensor): boolean {
  for (const { name } of namedDims(type)) {
    const [found, old] = [dims.find((dim) => dim.name === name.text), scope.dims.get(name.text)?.[0]];
    if (!found) return false;
    if (old && !same(old.size, found.size)) {
      const sizes = { found: showSize(found.size), expected: showSize(old.size) };
      const because = `${name.text} is ${showSize(old.size)} in a field before`;
      report(context, { kind: "dimension-mismatch", span, name: name.text, ...sizes, other: name.span, because });
      return false;
    }
    scope.dims.set(name.text, [old ?? found]);
  }
  return true;
}

/** `in = (block, lane: every)`: the parts as one dimension again. */
function putTogether({ context, scope, span }: Call, x: Tensor, { name, parts = [] }: Ast.NamedDim): Tensor | null {
  const own = parts.flatMap((part) => x.dims.find((dim) => dim.name === part.name.text) ?? []);
  if (own.length < parts.length) return x;
  const size = own.map((dim) => dim.size).reduce(times);
  const made = makeDimension(context, scope, name.text, size, span);
  if (!made) return null;
  const node = context.maker.make("merge", [x.node], { dims: ids(own), into: made.id }, span);
  const dims = x.dims.flatMap((dim): Dimension[] => (dim === own[0] ? [made] : own.includes(dim) ? [] : [dim]));
  return { ...x, dims, node };
}
