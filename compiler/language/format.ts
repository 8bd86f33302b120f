/** Formats: how weights are stored. Of a record of what is stored one makes codes, which read as the weights that they stand for. */
import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import { readAs } from "../plan/dtype.ts";
import { type Context, report } from "./context.ts";
import {
  fieldsOf,
  hasSize,
  innerName,
  innerOf,
  namedDims,
  type StoredField,
  storedInput,
  storedType,
} from "./fields.ts";
import { identityOf } from "./identity.ts";
import { areDistinct } from "./names.ts";
import { asTensor, withDims } from "./operations.ts";
import { bindValue, makeDimension, scopeIn } from "./scope.ts";
import { type Evaluate, handOver, plainParameter } from "./signature.ts";
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
  record,
  type Scope,
  showFormat,
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
  const made = madeOf({ context, scope, span: record.span }, format, given, evaluate);
  if (!made) return wrong;
  const { stored, operands } = made;
  const value = decoded({ context, scope, span }, format, stored, evaluate);
  const wanted = value && fieldsOf({ context, scope: scopeIn(null), span: record.span }, format, value.dims, evaluate);
  if (!value || !wanted || !areOfSizes(context, wanted, stored, record.span)) return wrong;
  return { kind: "coded", format, fields: stored, operands, value };
}

/** The record with its dimensions under the names that those of a field have in the format that the field is in. */
function calledAsIn({ declaration }: Format, type: Ast.TypeExpression, { fields }: RecordValue): RecordValue {
  const header = namesIn(declaration.of);
  const names = new Map(namedDims(type).map(({ name }, i) => [name.text, header[i]?.text ?? name.text]));
  const called = (value: Value): Value =>
    value.kind === "tensor"
      ? { ...value, dims: value.dims.map((dim) => ({ ...dim, name: names.get(dim.name) ?? dim.name })) }
      : value;
  return record(new Map([...fields].map(([name, value]) => [name, called(value)])));
}

/** All that is stored of a record, and the numbers that it is made of. */
function madeOf(call: Call, format: Format, given: RecordValue, evaluate: Evaluate): MadeOf | null {
  const stored = new Map<string, Tensor>();
  const operands = new Map<string, Node>();
  let isWhole = true;
  for (const { name, type } of format.declaration.fields) {
    const value = given.fields.get(name.text) ?? wrong;
    const inner = innerOf(format.scope, type);
    const field = inner
      ? innerCodes(call, inner, { type, value }, evaluate)
      : fieldOf({ ...call, scope: format.scope }, { name, type }, value, evaluate);
    isWhole &&= field !== null;
    const called = (own: string): string => (inner ? innerName(name.text, own) : name.text);
    for (const [own, x] of field?.stored ?? []) stored.set(called(own), x);
    for (const [own, node] of field?.operands ?? []) operands.set(called(own), node);
  }
  if (!isWhole) return null;
  return format.declaration.fields.some(({ type }) => innerOf(format.scope, type))
    ? apart(call, format, { stored, operands })
    : { stored, operands };
}

/** The same with identities for dimensions that are the format's: codes that were made apart may have each other's. */
function apart({ context, span }: Call, { declaration, scope }: Format, { stored, operands }: MadeOf): MadeOf {
  const own = (x: Tensor, field: string): Tensor => {
    const written = declaration.fields.find(
      ({ name }) => field === name.text || field.startsWith(innerName(name.text, "")),
    );
    const inner = written && innerOf(scope, written.type);
    const header = inner ? namesIn(inner.declaration.of).map(({ text }) => text) : [];
    const dims = x.dims.map((dim) => {
      const at = inner ? header.indexOf(dim.name) : -1;
      const shared = inner ? (written && at >= 0 ? namedDims(written.type)[at]?.name.text : undefined) : dim.name;
      return { ...dim, id: `stored ${shared ?? `${written?.name.text} ${dim.name}`}` };
    });
    return withDims(context, x, dims, span);
  };
  const moved = new Map([...stored].map(([field, x]) => [field, own(x, field)]));
  const numbers = [...operands].map(([field, node]): [string, Node] => {
    const x = stored.get(field);
    return [field, x ? own({ ...x, node }, field).node : node];
  });
  return { stored: moved, operands: new Map(numbers) };
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

/** What is stored of a field's value, and the numbers that it is made of: by the names of its own fields if it is in a format. */
interface MadeOf {
  readonly stored: ReadonlyMap<string, Tensor>;
  readonly operands: ReadonlyMap<string, Node>;
}

/** Codes of the format, or a record to make them of, in which dimensions are called as the field's. */
function innerCodes(
  call: Call,
  format: Format,
  { type, value }: { readonly type: Ast.TypeExpression; readonly value: Value },
  evaluate: Evaluate,
): MadeOf | null {
  const { context, span } = call;
  const own = value.kind === "record" ? { value: calledAsIn(format, type, value), span } : null;
  const made = own ? codesOf(call, { value: format, span }, own, evaluate) : value;
  if (made.kind === "coded" && identityOf(made.format) === identityOf(format))
    return { stored: made.fields, operands: made.operands };
  wrongType(context, { value: made, span }, `codes in ${showFormat(format)}, or a record of what it stores`);
  return null;
}

function fieldOf(
  { context, scope, span }: Call,
  { name, type }: Field,
  value: Value,
  evaluate: Evaluate,
): MadeOf | null {
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
  const stored: Tensor = { kind: "tensor", dtype: read, dims, node };
  return { stored: new Map([["", stored]]), operands: new Map([["", x.node]]) };
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
  call: Call,
  format: Format,
  fields: ReadonlyMap<string, Tensor>,
  evaluate: Evaluate,
): Tensor | null {
  const { of, decode } = format.declaration;
  const inside = withFields(call, format, fields, evaluate);
  if (!inside) return null;
  const { value } = evaluate(call.context, inside, decode);
  if (value.kind === "wrong") return null;
  const weight = value.kind === "tensor" && value.dtype === "f32" ? asHeader(call, format, value) : undefined;
  if (weight !== undefined) return weight;
  wrongType(call.context, { value, span: decode.span }, textAt(of.span));
  return null;
}

/** What `decode` sees: fields in a format as what they stand for, and parts of the header that none of them has. Null where fields do not have the dimensions that the format declares. */
export function withFields(
  { context, span }: Call,
  { declaration, scope: declaredIn }: Format,
  fields: ReadonlyMap<string, Tensor>,
  evaluate: Evaluate,
): Scope | null {
  const inside = scopeIn(declaredIn, new Set([...fields.values()].flatMap((field) => ids(field.dims))));
  const call = { context, scope: inside, span };
  for (const { name, type } of declaration.fields) {
    const inner = innerOf(declaredIn, type);
    const field = inner ? innerWeight(call, { inner, name, type }, fields, evaluate) : fields.get(name.text);
    if (!field || !agree(call, type, field)) return null;
    bindValue(context, inside, name, field);
  }
  const parts = namedDims(declaration.of).flatMap((dim) => dim.parts ?? []);
  const isSized = ({ name, size }: Ast.NamedDim): boolean =>
    !size || inside.dims.has(name.text) || hasSize(call, { name, size }, evaluate);
  return parts.every(isSized) ? inside : null;
}

/** The value with the dimensions of the format's header; undefined if it has others, and null where that was said. */
function asHeader(call: Call, { declaration, scope }: Format, value: Tensor): Tensor | null | undefined {
  const header = namedDims(declaration.of);
  const whole = header.reduce<Tensor | null>((x, dim) => (x && dim.parts ? putTogether(call, x, dim) : x), value);
  if (!whole) return null;
  const isOf =
    whole.dims.length === header.length && whole.dims.every((dim) => header.some(({ name }) => name.text === dim.name));
  if (!isOf) return undefined;
  return declaration.fields.some(({ type }) => innerOf(scope, type)) ? handedOver(call, whole) : whole;
}

/** The weight with its dimensions as those of the caller. */
const handedOver = (call: Call, weight: Tensor): Tensor | null =>
  weight.dims.reduce<Tensor | null>((found, dim) => found && handOver(call, found, dim), weight);

/** The weight that a field in a format stands for, with the names and the dimensions that it has as a field. */
function innerWeight(
  { context, scope, span }: Call,
  { inner, name, type }: Field & { readonly inner: Format },
  fields: ReadonlyMap<string, Tensor>,
  evaluate: Evaluate,
): Tensor | null {
  const prefix = innerName(name.text, "");
  const stored = [...fields].flatMap(([each, x]) =>
    each.startsWith(prefix) ? [[each.slice(prefix.length), x] as const] : [],
  );
  const inside = scopeIn(null, new Set([...scope.foreign, ...[...scope.dims.values()].flatMap(ids)]));
  const weight = decoded({ context, scope: inside, span }, inner, new Map(stored), evaluate);
  const named = new Map(
    namesIn(inner.declaration.of).map(({ text }, i) => [text, namedDims(type)[i]?.name.text ?? text]),
  );
  const dims = weight?.dims.map((dim): Dimension => {
    const text = named.get(dim.name) ?? dim.name;
    const [old] = scope.dims.get(text) ?? [];
    return old && same(old.size, dim.size) ? old : { ...dim, name: text };
  });
  return weight && dims ? withDims(context, weight, dims, span) : null;
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
