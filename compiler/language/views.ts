/** Views: `rename`, `split`, `merge`, `stack`. They cost nothing; a kernel reads through them. */
import type { Name } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import { align } from "./align.ts";
import { type Context, report } from "./context.ts";
import { givenSize, type Numbers } from "./kinds.ts";
import { number, ofSize } from "./number.ts";
import { aligned, arithmeticOf, asTensor, comparisonOf, isReal, numeric, selectOf, stacked } from "./operations.ts";
import { dimensionsNamed, findDimension, makeDimension, noteUse, reportAbsent } from "./scope.ts";
import { pick } from "./selection.ts";
import { divided, fixed, known, minus, plus, type Size, showSize, times } from "./size.ts";
import { type Dimension, graphDim, graphDims, type Tensor } from "./tensor.ts";
import { type Call, type Mapping, type Operand, type Row, type Scope, type Value, wrong } from "./value.ts";

interface Viewed {
  readonly x: { readonly value: Tensor; readonly span: Span };
  readonly names: Mapping;
}

/** The tensor's dimension of that name, or a problem. */
export function dimensionIn(context: Context, scope: Scope, x: Tensor, name: Name, at: Span): Dimension | null {
  const meant = findDimension(scope, name.text);
  const found = x.dims.find(({ id }) => id === meant?.id);
  if (found) {
    noteUse(context, scope, name);
    return found;
  }
  const several = (dimensionsNamed(scope, name.text) ?? []).map((dim) => dim.name);
  if (several.length > 1) {
    const what = `${several.map((each) => `\`${each}\``).join(", ")} together, where \`${name.text}\` is one dimension,`;
    const hint = `make one of them first: \`merge(x, (${several.join(", ")}) -> all)\``;
    report(context, { kind: "not-supported", span: name.span, what, hint });
  } else reportAbsent(context, name, x, at);
  return null;
}

/** The dimensions that a view takes away, all of which the tensor has and none of which streams. */
function taken({ context, scope }: Call, { x, names }: Viewed, verb: string): readonly Dimension[] | null {
  const found: Dimension[] = [];
  for (const name of names.from) {
    const dim = dimensionIn(context, scope, x.value, name, x.span);
    if (!dim) return null;
    if (dim.streamed) {
      report(context, { kind: "not-supported", span: names.span, what: `${verb} \`${dim.name}\`` });
      return null;
    }
    found.push(dim);
  }
  return found;
}

/** Whether each name that a view makes is new to the tensor, but for those that it takes away. */
function areNew({ context, scope }: Call, { x, names }: Viewed, leaving: readonly Dimension[]): boolean {
  const staying = x.value.dims.filter(({ id }) => !leaving.some((dim) => dim.id === id));
  const clash = names.to.find(({ name }) => {
    const id = findDimension(scope, name.text)?.id;
    return staying.some((dim) => dim.id === id);
  });
  if (clash) report(context, { kind: "duplicate-name", span: clash.span, name: clash.name.text, first: x.span });
  return !clash;
}

/** `rename(x, token -> seen)`; several names may change at once: `(a, b) -> (c, d)`. */
export function renaming(view: Viewed, call: Call): Value {
  const { context, scope } = call;
  const { from, to, span } = view.names;
  if (from.length !== to.length) {
    const found = `${from.length} -> ${to.length}`;
    return report(context, { kind: "wrong-type", span, expected: "as many names as before", found });
  }
  const leaving = taken(call, view, "renaming");
  if (!leaving || !areNew(call, view, leaving)) return wrong;
  const pairs: Pair[] = [];
  for (const [i, old] of leaving.entries()) {
    const target = to[i];
    const made = target && makeDimension(context, scope, target.name.text, old.size, target.span);
    if (!made) return wrong;
    pairs.push({ old, made });
  }
  const x = view.x.value;
  const dims = x.dims.map((dim) => pairs.find(({ old }) => old.id === dim.id)?.made ?? dim);
  return { ...x, dims, node: renamed(context, x, pairs, span) };
}

interface Pair {
  readonly old: Dimension;
  readonly made: Dimension;
}

/** All at once: those that take the name of another that changes go aside first. */
function renamed(context: Context, x: Tensor, pairs: readonly Pair[], span: Span): Node {
  const moving = pairs.filter(({ old, made }) => old.id !== made.id);
  const aside = moving.filter(({ made }) => x.dims.some(({ id }) => id === made.id));
  const steps = [
    ...aside.map(({ old }) => [old.id, `${old.id} aside`]),
    ...moving.filter((pair) => !aside.includes(pair)).map(({ old, made }) => [old.id, made.id]),
    ...aside.map(({ old, made }) => [`${old.id} aside`, made.id]),
  ] as const;
  return steps.reduce((node, [from = "", to = ""]) => context.maker.make("rename", [node], { from, to }, span), x.node);
}

/** `split(x, in -> (block, lane: 128))`: at most one part may be left without a size. */
export function splitting(view: Viewed, call: Call): Value {
  const { context, scope } = call;
  const { from, to, span } = view.names;
  if (from.length > 1)
    return report(context, { kind: "wrong-type", span, expected: "one dimension to split", found: `${from.length}` });
  const leaving = taken(call, view, "splitting");
  const [old] = leaving ?? [];
  const sizes = old && partSizes(call, old, view.names);
  if (!leaving || !sizes || !areNew(call, view, leaving)) return wrong;
  const made = to.flatMap(
    (part, i) => makeDimension(context, scope, part.name.text, sizes[i] ?? fixed(1), part.span) ?? [],
  );
  if (made.length < to.length) return wrong;
  const x = view.x.value;
  const dims = x.dims.flatMap((dim) => (dim.id === old.id ? made : [dim]));
  return { ...x, dims, node: context.maker.make("split", [x.node], { dim: old.id, into: graphDims(made) }, span) };
}

/** The size of each part: given, known from the same name in this scope, or what is left. */
export function partSizes({ context, scope }: Call, old: Dimension, { to, span }: Mapping): Size[] | null {
  const given = to.map(({ name, size }) => size && givenSize(context, name.text, size));
  if (to.some(({ size }, i) => size && !given[i])) return null;
  const open = openParts(scope, to, given);
  if (open.length > 1) {
    const found = `${open.length} without`;
    report(context, { kind: "wrong-type", span, expected: "a size for all parts but one", found });
    return null;
  }
  const product = given.reduce<Size>((n, size) => (size ? times(n, size) : n), fixed(1));
  const quotient = divided(old.size, product);
  const whole = quotient ? known(quotient) : undefined;
  if (whole === undefined || (open.length === 1 ? Number.isInteger(whole) : whole === 1))
    return given.map((size) => size ?? quotient ?? old.size);
  const sizes = { size: showSize(old.size), by: showSize(product), beside: context.layerSizes.get(old.name) ?? [] };
  report(context, { kind: "does-not-divide", span, name: old.name, ...sizes, where: context.where });
  return null;
}

/** The parts whose size must follow; of several, those that the scope knows already take their size from there. */
function openParts(scope: Scope, parts: Mapping["to"], given: (Size | null)[]): number[] {
  const sizeOf = (part: number) => findDimension(scope, parts[part]?.name.text ?? "")?.size;
  const open = parts.flatMap((_, i) => (given[i] === null ? [i] : []));
  const settled = open.filter(sizeOf).slice(0, open.length - 1);
  for (const part of settled) given[part] = sizeOf(part) ?? null;
  return open.filter((part) => !settled.includes(part));
}

/** `merge(x, (block, lane) -> in)`: the first named varies slowest. */
export function merging(view: Viewed, call: Call): Value {
  const { context, scope } = call;
  const { to, span } = view.names;
  const [into, ...more] = to;
  if (!into || more.length > 0)
    return report(context, { kind: "wrong-type", span, expected: "one name to merge into", found: `${to.length}` });
  const parts = taken(call, view, "merging");
  if (!parts || !areNew(call, view, parts)) return wrong;
  const size = parts.map((part) => part.size).reduce(times, fixed(1));
  const made = makeDimension(context, scope, into.name.text, size, into.span);
  if (!made) return wrong;
  const x = view.x.value;
  const isPart = ({ id }: Dimension): boolean => parts.some((part) => part.id === id);
  const first = x.dims.findIndex(isPart);
  const dims = x.dims.flatMap((dim, i) => (i === first ? [made] : isPart(dim) ? [] : [dim]));
  const attrs = { dims: parts.map(({ id }) => id), into: made.id };
  return { ...x, dims, node: context.maker.make("merge", [x.node], attrs, span) };
}

/** `stack(half: a, b)`: a new dimension, along which the operands lie. */
export function stacking({ d: { name, items } }: { readonly d: Row }, { context, scope, span }: Call): Value {
  if (!items.every((item) => numeric(context, item))) return wrong;
  const along = makeDimension(context, scope, name.text, fixed(items.length), name.span);
  const dtype = items.some(({ value }) => isReal(value)) ? "f32" : "i32";
  const tensors = items.flatMap((item) => asTensor(context, item, dtype) ?? []);
  const [first] = tensors;
  if (!along || !first || tensors.length < items.length) return wrong;
  let { dims } = first;
  for (const { value, span: place } of items) {
    const merged = { value: { ...first, dims }, span };
    const both = aligned(context, align("stack", merged, { value, span: place }, false));
    if (!both) return wrong;
    dims = both;
  }
  const nodes = tensors.map(({ node }) => node);
  return { kind: "tensor", dtype, dims: [...dims, along], node: stacked(context, nodes, along, span) };
}

interface Joined {
  readonly a: Numbers;
  readonly b: Numbers;
  readonly names: Mapping;
}

/** `concat(a, b, (early, late) -> token)`: what lies along one dimension of the first, then what lies along one of the second. */
export function concatenating({ a, b, names }: Joined, call: Call): Value {
  const { context, scope, span } = call;
  const [early, late, ...others] = names.from;
  const [into, ...more] = names.to;
  if (!early || !late || !into || others.length + more.length > 0)
    return report(context, {
      kind: "wrong-arguments",
      span,
      of: "concat",
      form: "concat(a, b, (early, late) -> token)",
    });
  const [first] = taken(call, { x: a, names: { ...names, from: [early] } }, "joining") ?? [];
  const [second] = taken(call, { x: b, names: { ...names, from: [late] } }, "joining") ?? [];
  if (!first || !second) return wrong;
  if (![[a, first] as const, [b, second] as const].every(([x, leaving]) => areNew(call, { x, names }, [leaving])))
    return wrong;
  const made = makeDimension(context, scope, into.name.text, plus(first.size, second.size), into.span);
  if (!made) return wrong;
  const node = context.maker.make("index", [], { dim: graphDim(made) }, span);
  const at: Operand = { value: { kind: "tensor", dtype: "i32", dims: [made], node }, span };
  const count: Operand = { value: ofSize(first.size), span };
  const last: Operand = { value: ofSize(minus(first.size, fixed(1))), span };
  const nothing: Operand = { value: number(0), span };
  const before = arithmeticOf(context, "min", at, last, span);
  const behind = { value: arithmeticOf(context, "-", at, count, span), span };
  const [x, y] = [
    pick(call, a.value, first, { value: before, span }),
    pick(call, b.value, second, { value: arithmeticOf(context, "max", behind, nothing, span), span }),
  ];
  const isEarly = { value: comparisonOf(context, "<", at, count, span), span };
  return selectOf(context, isEarly, { value: x, span: a.span }, { value: y, span: b.span }, span);
}
