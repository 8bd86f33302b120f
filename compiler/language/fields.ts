/** The fields of a format: the types that they are stored in, and the dimensions that those of a weight have. */
import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import { bitsOf, type DType, packedTypes, readAs } from "../plan/dtype.ts";
import { type Context, report } from "./context.ts";
import { givenSize } from "./kinds.ts";
import { findValue, makeDimension, scopeIn } from "./scope.ts";
import type { Evaluate } from "./signature.ts";
import { known, type Size } from "./size.ts";
import { type Dimension, graphDims, ids, type Tensor, volume } from "./tensor.ts";
import { type Call, type Format, type Scope, showValue } from "./value.ts";
import { partSizes } from "./views.ts";

/** The dimensions of a type, in the order in which it has them. */
export const namedDims = (type: Ast.TypeExpression): readonly Ast.NamedDim[] =>
  type.kind === "tensor-type" ? type.dims.flatMap((dim) => (dim.kind === "rest" ? [] : [dim])) : [];

/** Stored types by their names in the language; `uint(n)` apart. */
const storedTypes: ReadonlyMap<string, DType> = new Map<string, DType>([
  ...(["f32", "f16", "bf16", "e4m3", "e2m1", "e8m0"] as const).map((name) => [name, name] as const),
  ["int8", "i8"],
  ["int32", "i32"],
]);

const wider = "greater whole numbers are `int32`, or two fields: `floor(x / 256)` and `x % 256`";

/** The format that a field is stored in, where its type is the name of one. */
export function innerOf(scope: Scope, type: Ast.TypeExpression): Format | null {
  const named = type.kind === "tensor-type" && type.arguments.length === 0 ? findValue(scope, type.element.text) : null;
  return named?.kind === "format" ? named : null;
}

/** The format that a field of this name is stored in; null where it has none. */
export function formatOfField({ declaration, scope }: Format, field: string): Format | null {
  const declared = declaration.fields.find(({ name }) => name.text === field);
  return declared ? innerOf(scope, declared.type) : null;
}

/** What is stored of the field of a field. */
export const innerName = (field: string, inner: string): string => `${field}.${inner}`;

/** The field that what is called so is stored of; null where it is one itself. */
export const outerName = (name: string): string | null => (name.includes(".") ? (name.split(".")[0] ?? null) : null);

/** The types of all that a format stores, as they are written, by the names of the fields. */
export const storedTypesOf = ({ declaration, scope }: Format): ReadonlyMap<string, string> =>
  new Map(
    declaration.fields.flatMap(({ name: { text }, type }): (readonly [string, string])[] => {
      const inner = innerOf(scope, type);
      if (!inner) return [[text, textAt(type.span)]];
      return [...storedTypesOf(inner)].map(([own, stored]) => [innerName(text, own), stored] as const);
    }),
  );

/** The dimensions as a format calls those of its weight, one after the other. */
const asWeightOf = ({ declaration }: Format, dims: readonly Dimension[]): readonly Dimension[] =>
  namedDims(declaration.of).flatMap(({ name: { text } }, i) => (dims[i] ? [{ ...dims[i], name: text }] : []));

/** The type that a field is stored in. While its bits are not known, one that holds all that it may. */
export function storedType(context: Context, scope: Scope, type: Ast.TypeExpression, evaluate: Evaluate): DType | null {
  const [name, given] = type.kind === "tensor-type" ? [type.element, type.arguments] : [type.name, type.arguments];
  const plain = given.length === 0 ? storedTypes.get(name.text) : undefined;
  if (plain !== undefined) return plain;
  if (findValue(scope, name.text)?.kind === "wrong") return null;
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
      hint: wider,
    });
    return null;
  }
  const hint = `there are uint(1) to uint(8), ${[...storedTypes.keys()].join(", ")}`;
  report(context, { kind: "not-supported", span: type.span, what: `the stored type \`${textAt(type.span)}\``, hint });
  return null;
}

/** What a format stores of a weight: of each field the type, and its dimensions in the order of memory. Fields of a field are called after both. */
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
  const stored: StoredField[] = [];
  for (const { name, type } of fields) {
    const names = namedDims(type).map((dim) => dim.name);
    const dims = names.flatMap(
      (each) =>
        dimensionOf(context, inside, each, `give it a size, as in \`${each.text}: 16\`, or name it in the header`) ??
        [],
    );
    if (dims.length < names.length) return null;
    const inner = innerOf(inside, type);
    if (inner) {
      const taken = [...inside.foreign, ...ids([...weight, ...dims, ...stored.flatMap((field) => field.dims)])];
      const within = { ...call, scope: scopeIn(null, new Set(taken)) };
      const own = innerFields(within, format, { inner, type, dims }, evaluate);
      if (!own) return null;
      stored.push(...own.map((field) => ({ ...field, name: innerName(name.text, field.name) })));
      continue;
    }
    const dtype = storedType(context, inside, type, evaluate);
    if (!dtype) return null;
    stored.push({ name: name.text, dtype, dims });
  }
  return stored.map((field) => isOfBytes(call, format, field)).every(Boolean) ? stored : null;
}

interface InnerField {
  readonly inner: Format;
  readonly type: Ast.TypeExpression;
  readonly dims: readonly Dimension[];
}

/** What the format of a field stores of it. */
function innerFields(
  call: Call,
  { declaration: { by } }: Format,
  { inner, type, dims }: InnerField,
  evaluate: Evaluate,
): readonly StoredField[] | null {
  const { context } = call;
  const { of } = inner.declaration;
  const expected = `as many dimensions as ${textAt(of.span)}, of which the format is`;
  const what = "a field in a format, where fields lie by a dimension,";
  if (by) report(context, { kind: "not-supported", span: type.span, what });
  else if (dims.length !== namedDims(of).length)
    report(context, { kind: "wrong-type", span: type.span, expected, found: textAt(type.span) });
  else return fieldsOf(call, inner, asWeightOf(inner, dims), evaluate);
  return null;
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
  for (const { name, parts } of namedDims(declaration.of)) {
    const own = dimensionOf(context, inside, name, "a weight has `out` and `in`");
    if (!own || (parts && !divide(call, own, parts, evaluate))) return null;
  }
  const sized = declaration.fields
    .flatMap(({ type }) => namedDims(type))
    .flatMap(({ name, size }) => (size ? [{ name, size }] : []));
  return sized.map((dim) => hasSize(call, dim, evaluate)).every(Boolean) ? inside : null;
}

/** Makes the scope's dimension of the size that is written beside its name; false, and a problem, where it cannot have it. */
export function hasSize(
  call: Call,
  { name, size }: { readonly name: Ast.Name; readonly size: Ast.Expression },
  evaluate: Evaluate,
): boolean {
  const given = givenSize(call.context, name.text, evaluate(call.context, call.scope, size));
  return given !== null && declarePart(call, name, given);
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

/** A field as a program reads it. */
export function storedInput(context: Context, name: string, { dtype, dims }: StoredField, span: Span): Tensor {
  const type = { dtype, dims: graphDims(dims) };
  const node = context.maker.make("input", [], { name, type, role: "weight" }, span);
  return { kind: "tensor", dtype: readAs(dtype) === "f32" ? "f32" : "i32", dims, node };
}
