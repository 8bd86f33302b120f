/** Views: `rename`, `split`, `merge`, `stack`. They cost nothing; a kernel reads through them. */
import type * as Ast from "../../grammar/ast.ts";
import type { Node } from "../graph/ops.ts";
import { type Context, findDimension, makeDimension, report, type Scope } from "./context.ts";
import { compileTimeNumber, dimensionIn, operand } from "./expression.ts";
import { areDistinct } from "./names.ts";
import { divided, fixed, known, open, type Size, showSize, times } from "./size.ts";
import { align, asTensor, emit, graphDim, graphDims, isReal, numeric, type Operand } from "./tensor.ts";
import { type Dimension, showValue, type Tensor, type Value, wrong } from "./value.ts";

/** The tensor and the mapping of `view(x, a -> b)`. */
function viewed(
  context: Context,
  scope: Scope,
  name: keyof typeof forms,
  { arguments: given, span }: Ast.Call,
): { readonly x: Tensor; readonly at: Operand; readonly mapping: Ast.MappingArgument } | null {
  const [first, mapping] = given;
  if (first?.kind !== "value" || mapping?.kind !== "mapping" || given.length !== 2) {
    report(context, { kind: "wrong-arguments", span, of: name, form: forms[name] });
    return null;
  }
  const made = mapping.to.map(({ name: each }) => each);
  if (![mapping.from, made].every((names) => areDistinct(context, names))) return null;
  const at = operand(context, scope, first.value);
  if (at.value.kind === "tensor") return { x: at.value, at, mapping };
  if (at.value.kind !== "wrong")
    report(context, { kind: "wrong-type", span: at.span, expected: "a tensor", found: showValue(at.value) });
  return null;
}

const forms = {
  rename: "rename(x, in -> in')",
  split: "split(x, in -> (block, lane: 128))",
  merge: "merge(x, (block, lane) -> in)",
};

/** `rename(x, token -> seen)`; several names may change at once: `(a, b) -> (c, d)`. */
export function renameOf(context: Context, scope: Scope, call: Ast.Call): Value {
  const view = viewed(context, scope, "rename", call);
  if (!view) return wrong;
  const { from, to, span } = view.mapping;
  if (from.length !== to.length)
    return report(context, {
      kind: "wrong-type",
      span,
      expected: "as many names as before",
      found: `${from.length} -> ${to.length}`,
    });
  const { x } = view;
  const pairs: Pair[] = [];
  for (const [i, name] of from.entries()) {
    const target = to[i];
    const old = dimensionIn(context, scope, x, name, view.at.span);
    if (!old || !target) return wrong;
    if (old.streamed) return report(context, { kind: "not-supported", span, what: `renaming \`${old.name}\`` });
    const { text } = target.name;
    if (keeps(scope, x, text, from) || pairs.some(({ made }) => made.name === text))
      return report(context, { kind: "duplicate-name", span: target.span, name: text, first: view.at.span });
    const made = makeDimension(context, scope, text, old.size, target.span);
    if (!made) return wrong;
    pairs.push({ old, made });
  }
  const dims = x.dims.map((dim) => pairs.find(({ old }) => old.id === dim.id)?.made ?? dim);
  return { ...x, dims, node: renamed(context, x, pairs, span) };
}

/** Whether the tensor has a dimension of that name already, which the view does not take away. */
function keeps(scope: Scope, { dims }: Tensor, name: string, leaving: readonly Ast.Name[]): boolean {
  const idOf = (text: string): string | undefined => findDimension(scope, text)?.id;
  const id = idOf(name);
  return dims.some((dim) => dim.id === id) && !leaving.some(({ text }) => idOf(text) === id);
}

interface Pair {
  readonly old: Dimension;
  readonly made: Dimension;
}

/** All at once: those that take the name of another that changes go aside first. */
function renamed(context: Context, x: Tensor, pairs: readonly Pair[], span: Ast.Call["span"]): Tensor["node"] {
  const moving = pairs.filter(({ old, made }) => old.id !== made.id);
  const aside = moving.filter(({ made }) => x.dims.some(({ id }) => id === made.id));
  const steps = [
    ...aside.map(({ old }) => [old.id, `${old.id} aside`]),
    ...moving.filter((pair) => !aside.includes(pair)).map(({ old, made }) => [old.id, made.id]),
    ...aside.map(({ old, made }) => [`${old.id} aside`, made.id]),
  ] as const;
  return steps.reduce((node, [from = "", to = ""]) => emit(context, "rename", [node], { from, to }, span), x.node);
}

/** `split(x, in -> (block, lane: 128))`: at most one part may be left without a size. */
export function splitOf(context: Context, scope: Scope, call: Ast.Call): Value {
  const view = viewed(context, scope, "split", call);
  if (!view) return wrong;
  const {
    from: [name, ...more],
    to,
    span,
  } = view.mapping;
  const old = name && more.length === 0 ? dimensionIn(context, scope, view.x, name, view.at.span) : null;
  if (!old)
    return more.length > 0
      ? report(context, { kind: "wrong-type", span, expected: "one dimension to split", found: `${more.length + 1}` })
      : wrong;
  if (old.streamed) return report(context, { kind: "not-supported", span, what: `splitting \`${old.name}\`` });
  const sizes = partSizes(context, scope, old, to, span);
  if (!sizes) {
    for (const { name: part, span: place } of to)
      if (!findDimension(scope, part.text)) makeDimension(context, scope, part.text, open(part.text), place);
    return wrong;
  }
  const clash = to.find((part) => name && keeps(scope, view.x, part.name.text, [name]));
  if (clash)
    return report(context, { kind: "duplicate-name", span: clash.span, name: clash.name.text, first: view.at.span });
  const made = to.flatMap(
    (part, i) => makeDimension(context, scope, part.name.text, sizes[i] ?? fixed(1), part.span) ?? [],
  );
  if (made.length < to.length) return wrong;
  const dims = view.x.dims.flatMap((dim) => (dim.id === old.id ? made : [dim]));
  return { ...view.x, dims, node: emit(context, "split", [view.x.node], { dim: old.id, into: graphDims(made) }, span) };
}

/** The size of each part: given, known from the same name in this scope, or what is left. */
function partSizes(
  context: Context,
  scope: Scope,
  old: Dimension,
  parts: readonly Ast.NamedDim[],
  span: Ast.Call["span"],
): Size[] | null {
  const found = parts.map((part) => givenSize(context, scope, part));
  if (found.includes(undefined)) return null;
  const given = found.map((size) => size ?? null);
  const open = openParts(scope, parts, given);
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
  const sizes = { size: showSize(old.size), by: showSize(product) };
  report(context, { kind: "does-not-divide", span, name: old.name, ...sizes, where: context.where });
  return null;
}

/** Null where none is written, undefined where it is wrong. */
function givenSize(context: Context, scope: Scope, { size, name }: Ast.NamedDim): Size | null | undefined {
  if (!size) return null;
  const value = compileTimeNumber(context, operand(context, scope, size));
  if (!value) return undefined;
  if (value.real === null) return value.size ?? open(name.text);
  if (Number.isInteger(value.real) && value.real >= 1) return value.size;
  const what = `the size of \`${name.text}\``;
  report(context, { kind: "not-whole", span: size.span, what, value: String(value.real), where: context.where });
  return undefined;
}

/** The parts whose size must follow; of several, those that the scope knows already take their size from there. */
function openParts(scope: Scope, parts: readonly Ast.NamedDim[], given: (Size | null)[]): number[] {
  const sizeOf = (part: number) => findDimension(scope, parts[part]?.name.text ?? "")?.size;
  const open = parts.flatMap((_, i) => (given[i] === null ? [i] : []));
  const settled = open.filter(sizeOf).slice(0, open.length - 1);
  for (const part of settled) given[part] = sizeOf(part) ?? null;
  return open.filter((part) => !settled.includes(part));
}

/** `merge(x, (block, lane) -> in)`: the first named varies slowest. */
export function mergeOf(context: Context, scope: Scope, call: Ast.Call): Value {
  const view = viewed(context, scope, "merge", call);
  if (!view) return wrong;
  const {
    from,
    to: [into, ...more],
    span,
  } = view.mapping;
  if (!into || more.length > 0)
    return report(context, {
      kind: "wrong-type",
      span,
      expected: "one name to merge into",
      found: `${more.length + 1}`,
    });
  const parts: Dimension[] = [];
  for (const name of from) {
    const part = dimensionIn(context, scope, view.x, name, view.at.span);
    if (!part) return wrong;
    if (part.streamed) return report(context, { kind: "not-supported", span, what: `merging \`${part.name}\`` });
    parts.push(part);
  }
  if (keeps(scope, view.x, into.name.text, from))
    return report(context, { kind: "duplicate-name", span: into.span, name: into.name.text, first: view.at.span });
  const made = makeDimension(
    context,
    scope,
    into.name.text,
    parts.map(({ size }) => size).reduce(times, fixed(1)),
    into.span,
  );
  if (!made) return wrong;
  const others = view.x.dims.filter(({ id }) => !parts.some((part) => part.id === id));
  const first = view.x.dims.findIndex(({ id }) => parts.some((part) => part.id === id));
  const dims = [...others.slice(0, first), made, ...others.slice(first)];
  return {
    ...view.x,
    dims,
    node: emit(context, "merge", [view.x.node], { dims: parts.map(({ id }) => id), into: made.id }, span),
  };
}

/** `stack(half: a, b)`: a new dimension, along which the operands lie. */
export function stackOf(context: Context, scope: Scope, { arguments: given, span }: Ast.Call): Value {
  const [first, ...more] = given.filter((argument) => argument.kind === "value");
  if (!first?.name || more.some(({ name }) => name) || 1 + more.length < given.length)
    return report(context, { kind: "wrong-arguments", span, of: "stack", form: "stack(half: a, b)" });
  const items = [first, ...more].map(({ value }) => operand(context, scope, value));
  if (!items.every((item) => numeric(context, item))) return wrong;
  const made = makeDimension(context, scope, first.name.text, fixed(items.length), first.name.span);
  const dtype = items.some(({ value }) => isReal(value)) ? "f32" : "i32";
  const [head, ...tail] = items.map((item) => asTensor(context, item, dtype));
  if (!made || !head) return wrong;
  let { dims } = head;
  for (const [i, item] of tail.entries()) {
    const united = item && align(context, "stack", { value: { ...head, dims }, span }, items[i + 1] as Operand, false);
    if (!united) return wrong;
    dims = united;
  }
  const nodes = [head, ...tail].flatMap((item) => item?.node ?? []);
  return { kind: "tensor", dtype, dims: [...dims, made], node: stackNodes(context, nodes, made, span) };
}

/** One operand per position: a chain of selections on the index, which gives the dimension to a single operand too. */
function stackNodes(context: Context, nodes: readonly Node[], along: Dimension, span: Ast.Call["span"]): Node {
  const index = emit(context, "index", [], { dim: graphDim(along) }, span);
  const last = nodes.at(-1) as Node;
  return nodes.slice(0, Math.max(1, nodes.length - 1)).reduceRight((rest, node, i) => {
    const at = emit(context, "constant", [], { value: i, dtype: "i32" }, span);
    return emit(context, "select", [emit(context, "equal", [index, at], {}, span), node, rest], {}, span);
  }, last);
}
