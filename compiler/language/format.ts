/** Formats: how weights are stored. Of a record of what is stored one makes codes, which read as the weights that they stand for. */
import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import { bitsOf, type DType, packedTypes, readAs } from "../plan/dtype.ts";
import { type Context, report } from "./context.ts";
import { givenSize } from "./kinds.ts";
import { areDistinct } from "./names.ts";
import { asTensor } from "./operations.ts";
import { bindValue, makeDimension, scopeIn } from "./scope.ts";
import { type Evaluate, plainParameter } from "./signature.ts";
import { atom, canBeEqual, known, type Size, same, showSize, times } from "./size.ts";
import { type Dimension, graphDims, ids, type Tensor, volume } from "./tensor.ts";
import { elementTypeOf, namesIn, unknownOf } from "./types.ts";
import {
  type Call,
  type Callable,
  type Coded,
  type Format,
  type Operand,
  type RecordValue,
  type Scope,
  showValue,
  type Value,
  type Wrong,
  wrong,
  wrongType,
} from "./value.ts";
import { partSizes } from "./views.ts";

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
  const [header, own] = [dimsOf(of), namesIn(of).map(({ text }) => text)];
  const parts = header.flatMap((dim) => dim.parts ?? []);
  const types = fields.map(({ type }) => dimsOf(type));
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
  const names = fields.map(({ type }) => dimsOf(type).map(({ name }) => name.text));
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
  const names = dimsOf(type).map(({ name: { text } }) => text);
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

const dimsOf = (type: Ast.TypeExpression): readonly Ast.NamedDim[] =>
  type.kind === "tensor-type" ? type.dims.flatMap((dim) => (dim.kind === "rest" ? [] : [dim])) : [];

/** Stored types by their names in the language; `uint(n)` apart. */
const storedTypes: ReadonlyMap<string, DType> = new Map<string, DType>([
  ...(["f32", "f16", "bf16", "e4m3", "e2m1", "e8m0"] as const).map((name) => [name, name] as const),
  ["int8", "i8"],
  ["int32", "i32"],
]);

/** The type that a field is stored in. While its bits are not known, one that holds all that it may. */
function storedType(context: Context, scope: Scope, type: Ast.TypeExpression, evaluate: Evaluate): DType | null {
  const [name, given] = type.kind === "tensor-type" ? [type.element, type.arguments] : [type.name, type.arguments];
  const plain = given.length === 0 ? storedTypes.get(name.text) : undefined;
  if (plain !== undefined) return plain;
  const [bits, ...more] = given;
  if (name.text === "uint" && bits !== undefined && more.length === 0) {
    const { value } = evaluate(context, scope, bits);
    if (value.kind === "wrong") return null;
    if (value.kind === "number" && value.real === null) return "u8";
    const found = packedTypes.find((each) => value.kind === "number" && each === `u${value.real}`);
    if (found) return found;
    const range = "a whole number from 1 to 8";
    report(context, {
      kind: "out-of-range",
      span: bits.span,
      what: "the bits of `uint`",
      value: showValue(value),
      range,
    });
    return null;
  }
  const hint = `there are uint(1) to uint(8), ${[...storedTypes.keys()].join(", ")}`;
  report(context, { kind: "not-supported", span: type.span, what: `the stored type \`${textAt(type.span)}\``, hint });
  return null;
}

/** What a format stores of a weight: of each field the type, and its dimensions in the order of memory. */
export interface StoredField {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly Dimension[];
}

/** The fields of a weight of some dimensions; null, and a problem, if it cannot have them. */
export function fieldsOf(
  call: Call,
  format: Format,
  weight: readonly Dimension[],
  evaluate: Evaluate,
): readonly StoredField[] | null {
  const { context } = call;
  const { fields } = format.declaration;
  const inside = dimensionsFor(call, format, weight, evaluate);
  if (!inside) return null;
  const stored = fields.flatMap(({ name, type }): readonly StoredField[] => {
    const dtype = storedType(context, inside, type, evaluate);
    const names = dimsOf(type).map((dim) => dim.name);
    const dims = names.flatMap(
      (each) =>
        dimensionOf(context, inside, each, `give it a size, as in \`${each.text}: 16\`, or name it in the header`) ??
        [],
    );
    return dtype && dims.length === names.length ? [{ name: name.text, dtype, dims }] : [];
  });
  const areWhole = stored.map((field) => isOfBytes(call, format, field)).every(Boolean);
  return areWhole && stored.length === fields.length ? stored : null;
}

/** Whether what a field has at each position of the dimension that fields lie by is whole bytes, where its size is known. */
function isOfBytes(
  { context, span }: Call,
  { declaration: { by } }: Format,
  { name, dtype, dims }: StoredField,
): boolean {
  const inner = by ? dims.slice(dims.findIndex((dim) => dim.name === by.text) + 1) : [];
  const bits = (known(volume(inner)) ?? 8) * bitsOf(dtype);
  if (!by || bits % 8 === 0) return true;
  const what = `the number of bits of \`${name}\` at each \`${by.text}\``;
  report(context, { kind: "out-of-range", span, what, value: String(bits), range: "a multiple of 8" });
  return false;
}

/** The dimensions that fields of a weight may have, by name: its own, the parts of one that is divided, and those that a field gives a size. */
function dimensionsFor(
  { context, scope, span }: Call,
  { declaration, scope: declaredIn }: Format,
  weight: readonly Dimension[],
  evaluate: Evaluate,
): Scope | null {
  const inside = scopeIn(declaredIn, new Set(scope.foreign));
  const call = { context, scope: inside, span };
  for (const dim of weight) inside.dims.set(dim.name, [dim]);
  for (const { name, parts } of dimsOf(declaration.of)) {
    const own = dimensionOf(context, inside, name, "a weight has `out` and `in`");
    if (!own || (parts && !divide(call, own, parts, evaluate))) return null;
  }
  const sized = declaration.fields
    .flatMap(({ type }) => dimsOf(type))
    .flatMap(({ name, size }) => (size ? [{ name, size }] : []));
  const areMade = sized.map(({ name, size }) => {
    const given = givenSize(context, name.text, evaluate(context, inside, size));
    return given && declarePart(call, name, given);
  });
  return areMade.every(Boolean) ? inside : null;
}

function dimensionOf(
  context: Context,
  { dims }: Scope,
  { text: name, span }: Ast.Name,
  hint: string,
): Dimension | null {
  const [found] = dims.get(name) ?? [];
  if (!found) report(context, { kind: "unknown-name", span, name, what: "dimension", known: [...dims.keys()], hint });
  return found ?? null;
}

/** The parts of a dimension in a scope: sizes as declared, and what is left for the one that has none. */
function divide(call: Call, whole: Dimension, parts: readonly Ast.NamedDim[], evaluate: Evaluate): boolean {
  const { context, scope, span } = call;
  const to = parts.map(({ name, size, span: at }) => ({
    name,
    size: size ? evaluate(context, scope, size) : null,
    span: at,
  }));
  const sizes = partSizes(call, whole, { from: [], to, span });
  return sizes !== null && parts.every(({ name }, i) => declarePart(call, name, sizes[i] ?? whole.size));
}

/** A dimension of that name and size in the scope; false, and a problem, where the name has another size. */
function declarePart({ context, scope }: Call, { text: name, span }: Ast.Name, size: Size): boolean {
  const made = makeDimension(context, scope, name, size, span);
  if (made) scope.dims.set(name, [{ ...made, span: made.span ?? span, source: "as the format says" }]);
  return made !== null;
}

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

/** A field as a program reads it. */
export function storedInput(context: Context, name: string, { dtype, dims }: StoredField, span: Span): Tensor {
  const type = { dtype, dims: graphDims(dims) };
  const node = context.maker.make("input", [], { name, type, role: "weight" }, span);
  return { kind: "tensor", dtype: readAs(dtype) === "f32" ? "f32" : "i32", dims, node };
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
  for (const { name } of dimsOf(type)) {
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
