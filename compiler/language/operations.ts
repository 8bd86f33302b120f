/** Operations on tensors and numbers known at compile time, with the nodes that they make. */
import type { Span } from "../../grammar/source.ts";
import { isZeroWithout } from "../effects/zeros.ts";
import type { BinaryOp, Node } from "../graph/ops.ts";
import type { Dim } from "../graph/type.ts";
import { isStacked, valueAt } from "../graph/value-at.ts";
import { type Aligned, align } from "./align.ts";
import { type Context, report } from "./context.ts";
import { heldRange, isCounted, isHeld, type Num, number, numbers, ofSize } from "./number.ts";
import { observed } from "./observe.ts";
import { known } from "./size.ts";
import { type Dimension, graphDim, graphDims, ids, type Tensor, volume } from "./tensor.ts";
import { type Bool, isUnknown, type Operand, type Value, type Wrong, wrong, wrongType } from "./value.ts";

/** A number or truth value as a scalar tensor of the dtype; a tensor in that dtype. What is not known yet, but whole, stays known to be. */
export function asTensor(context: Context, { value, span }: Operand, dtype: Tensor["dtype"]): Tensor | null {
  if (value.kind === "number") {
    const real = value.real ?? Number.NaN;
    if (value.real === null && dtype === "f32" && isCounted(value))
      return asTensor(context, { value: constant(context, real, "i32", span), span }, dtype);
    return isHeldBy(context, real, dtype, span) ? constant(context, real, dtype, span) : null;
  }
  if (value.kind === "boolean")
    return constant(context, value.value === null ? Number.NaN : Number(value.value), "bool", span);
  if (value.kind !== "tensor") return null;
  if (value.dtype === dtype) return value;
  return { ...value, dtype, node: context.maker.make("cast", [value.node], { dtype }, span) };
}

/** The value with other dimensions in the place of its own, each of the same size. */
export function withDims({ maker }: Context, x: Tensor, dims: readonly Dimension[], span: Span): Tensor {
  const rename = (node: Node, from: string, to: string): Node =>
    from === to ? node : maker.make("rename", [node], { from, to }, span);
  // By way of names that nothing has, since two dimensions may have each other's.
  const apart = dims.map(({ id }, i) => (id === x.dims[i]?.id ? id : `${id} of ${i}`));
  const first = x.dims.reduce((node, { id }, i) => rename(node, id, apart[i] ?? id), x.node);
  return { ...x, dims, node: dims.reduce((node, { id }, i) => rename(node, apart[i] ?? id, id), first) };
}

const constant = ({ maker }: Context, value: number, dtype: Tensor["dtype"], span: Span): Tensor => ({
  ...{ kind: "tensor", dtype, dims: [] },
  node: maker.make("constant", [], { value, dtype }, span),
});

/** What the runtime gives. */
export const dataInput = (
  context: Context,
  name: string,
  dtype: Tensor["dtype"],
  dims: readonly Dimension[],
  span: Span,
): Tensor => ({
  ...{ kind: "tensor", dtype, dims },
  node: context.maker.make("input", [], { name, type: { dtype, dims: graphDims(dims) }, role: "data" }, span),
});

/** Complains unless such a tensor holds the number. */
function isHeldBy(context: Context, value: number, dtype: Tensor["dtype"], span: Span): boolean {
  const isInt = Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31;
  if (Number.isNaN(value) || (dtype === "i32" ? isInt : isHeld(value))) return true;
  const range = dtype === "i32" ? `a whole number (i32) from ${-(2 ** 31)} to ${2 ** 31 - 1}` : heldRange;
  report(context, { kind: "out-of-range", span, what: "this number", value: String(value), range });
  return false;
}

/** A number known before the run; an infinity, or what is no number, is a mistake already. */
export function finite(context: Context, value: Num, span: Span): Num | Wrong {
  if (value.real === null || Number.isFinite(value.real)) return value;
  const hint = Number.isNaN(value.real) ? "" : "`lowest` is the least number that there is, and `-lowest` the greatest";
  const [what, found, range] = ["this number", String(value.real), "finite"];
  return report(context, { kind: "out-of-range", span, what, value: found, range, hint });
}

const nodeOf = (context: Context, operand: Operand, dtype: Tensor["dtype"]): Node | null =>
  asTensor(context, operand, dtype)?.node ?? null;

/** Complains unless the value is a tensor or a number. */
export function numeric(context: Context, operand: Operand): operand is Operand & { readonly value: Tensor | Num } {
  const { value } = operand;
  if (value.kind === "tensor" || value.kind === "number") return true;
  wrongType(context, operand, "a tensor or a number", numericHint(value));
  return false;
}

/** How to come to numbers from what holds some. */
function numericHint(value: Value): string {
  if (value.kind === "sparsity")
    return "how many stay along d is `sparsity.keep(d)`, of each `sparsity.cell(d)`; a share by itself is a `Fraction`";
  const [field] = value.kind === "record" ? value.fields.keys() : [];
  return field === undefined ? "" : `take one of its fields, as in \`.${field}\``;
}

/** The dimensions of operands that align; null, and a problem, of others. */
export function aligned(context: Context, found: Aligned): readonly Dimension[] | null {
  if ("dims" in found) return found.dims;
  report(context, found.problem);
  return null;
}

type Arithmetic = { readonly op: BinaryOp; readonly outer: boolean; readonly real: (a: number, b: number) => number };

const arithmetic: ReadonlyMap<string, Arithmetic> = new Map<string, Arithmetic>([
  ["+", { op: "add", outer: false, real: (a, b) => a + b }],
  ["-", { op: "sub", outer: false, real: (a, b) => a - b }],
  ["*", { op: "mul", outer: true, real: (a, b) => a * b }],
  ["/", { op: "div", outer: true, real: (a, b) => a / b }],
  ["%", { op: "mod", outer: true, real: (a, b) => a - b * Math.floor(a / b) }],
  ["^", { op: "pow", outer: true, real: (a, b) => a ** b }],
  ["min", { op: "min", outer: false, real: Math.min }],
  ["max", { op: "max", outer: false, real: Math.max }],
]);

/** `a + b` and its like; numbers known at compile time stay so. */
export function arithmeticOf(context: Context, op: string, a: Operand, b: Operand, span: Span): Value {
  const rule = arithmetic.get(op);
  if (!rule || !numeric(context, a) || !numeric(context, b)) return wrong;
  if (a.value.kind === "number" && b.value.kind === "number")
    return finite(context, numbers(op, rule.real, a.value, b.value), span);
  const dims = aligned(context, align(op, a, b, rule.outer));
  if (!dims) return wrong;
  const real = op === "/" || op === "^" || isReal(a.value) || isReal(b.value);
  const dtype = real ? "f32" : "i32";
  const [x, y] = [nodeOf(context, a, dtype), nodeOf(context, b, dtype)];
  return x && y ? { kind: "tensor", dtype, dims, node: context.maker.make(rule.op, [x, y], {}, span) } : wrong;
}

/** A literal that is a whole number takes the type that it meets; one that cannot be counted is real. */
export const isReal = (value: Tensor | Num): boolean =>
  value.kind === "tensor" ? value.dtype === "f32" : !isCounted(value);

interface Comparison {
  readonly op: "less" | "lessEqual" | "equal";
  readonly swap?: true;
  readonly not?: true;
  readonly real: (a: number, b: number) => boolean;
}

const comparisons: ReadonlyMap<string, Comparison> = new Map<string, Comparison>([
  ["<", { op: "less", real: (a, b) => a < b }],
  ["<=", { op: "lessEqual", real: (a, b) => a <= b }],
  [">", { op: "less", swap: true, real: (a, b) => a > b }],
  [">=", { op: "lessEqual", swap: true, real: (a, b) => a >= b }],
  ["==", { op: "equal", real: (a, b) => a === b }],
  ["!=", { op: "equal", not: true, real: (a, b) => a !== b }],
]);

/** `a < b` and its like: true or false at compile time, or a tensor of truth values. */
export function comparisonOf(context: Context, op: string, a: Operand, b: Operand, span: Span): Value {
  const rule = comparisons.get(op);
  if (!rule) return wrong;
  const early = compareTexts(op, a.value, b.value);
  if (early) return early;
  if (!numeric(context, a) || !numeric(context, b)) return wrong;
  if (a.value.kind === "number" && b.value.kind === "number") {
    const [x, y] = [a.value.real, b.value.real];
    return { kind: "boolean", value: x === null || y === null ? null : rule.real(x, y) };
  }
  return compareTensors(context, op, rule, a, b, span);
}

type Numeric = Operand & { readonly value: Tensor | Num };

function compareTensors(context: Context, op: string, rule: Comparison, a: Numeric, b: Numeric, span: Span): Value {
  if (rule.op === "equal" && (isNeverWhole(a.value, b.value) || isNeverWhole(b.value, a.value)))
    return report(context, { kind: "wrong-type", span, ...neverEqual });
  const dims = aligned(context, align(op, a, b, true));
  if (!dims) return wrong;
  const dtype = isReal(a.value) || isReal(b.value) ? "f32" : "i32";
  const [x, y] = [nodeOf(context, a, dtype), nodeOf(context, b, dtype)];
  if (!x || !y) return wrong;
  const made = context.maker.make(rule.op, rule.swap ? [y, x] : [x, y], {}, span);
  return { kind: "tensor", dtype: "bool", dims, node: rule.not ? context.maker.make("not", [made], {}, span) : made };
}

const neverEqual = { expected: "a comparison that can be true", found: "one of whole numbers and a fraction" };

const isNeverWhole = (x: Value, y: Value): boolean =>
  x.kind === "tensor" && x.dtype === "i32" && y.kind === "number" && y.real !== null && !Number.isInteger(y.real);

/** Texts, or a text and a value of the config that is not known yet; null for anything else. */
function compareTexts(op: string, a: Value, b: Value): Bool | null {
  if (op !== "==" && op !== "!=") return null;
  if (a.kind === "string" && b.kind === "string") {
    if (a.value === null || b.value === null) return { kind: "boolean", value: null };
    return { kind: "boolean", value: op === "!=" ? a.value !== b.value : a.value === b.value };
  }
  const isOpen = (a.kind === "string" && isUnknown(b)) || (b.kind === "string" && isUnknown(a));
  return isOpen ? { kind: "boolean", value: null } : null;
}

/** `-a` */
export function negative(context: Context, x: Operand, span: Span): Value {
  if (!numeric(context, x)) return wrong;
  if (x.value.kind === "number") return arithmeticOf(context, "-", { value: number(0), span }, x, span);
  const signed = asTensor(context, x, x.value.dtype === "f32" ? "f32" : "i32");
  return signed ? { ...signed, node: context.maker.make("neg", [signed.node], {}, span) } : wrong;
}

/** 0, along all dimensions that a value has. */
export function zeros(context: Context, like: Value, span: Span): Value {
  if (like.kind !== "tensor" || like.dims.length === 0) return number(0);
  const node = zerosAlong(context.maker, graphDims(like.dims), span);
  return asTensor(context, { value: { ...like, dtype: "i32", node }, span }, like.dtype) ?? wrong;
}

/** i32 0 along dimensions. */
export const zerosAlong = ({ make }: Context["maker"], dims: readonly Dim[], span: Span): Node =>
  dims.reduce(
    (sum, dim) => make("mul", [sum, make("index", [], { dim }, span)], {}, span),
    make("constant", [], { value: 0, dtype: "i32" }, span) as Node,
  );

export function notOf(context: Context, x: Operand, span: Span): Value {
  if (!truth(context, x)) return wrong;
  if (x.value.kind === "boolean") return { kind: "boolean", value: x.value.value === null ? null : !x.value.value };
  return x.value.kind === "tensor" ? { ...x.value, node: context.maker.make("not", [x.value.node], {}, span) } : wrong;
}

/** `and`, `or` on truth values. */
export function logicOf(context: Context, op: "and" | "or", a: Operand, b: Operand, span: Span): Value {
  for (const operand of [a, b]) if (!truth(context, operand)) return wrong;
  if (a.value.kind === "boolean" && b.value.kind === "boolean") return both(op, a.value.value, b.value.value);
  const dims = aligned(context, align(op, a, b, true));
  if (!dims) return wrong;
  const [x, y] = [nodeOf(context, a, "bool"), nodeOf(context, b, "bool")];
  return x && y ? { kind: "tensor", dtype: "bool", dims, node: context.maker.make(op, [x, y], {}, span) } : wrong;
}

function both(op: "and" | "or", a: boolean | null, b: boolean | null): Bool {
  const decided = op === "or";
  if (a === decided || b === decided) return { kind: "boolean", value: decided };
  return { kind: "boolean", value: a === null || b === null ? null : !decided };
}

const isTruth = (value: Value): boolean =>
  value.kind === "boolean" || (value.kind === "tensor" && value.dtype === "bool");

/** Complains unless the value is a truth value or a tensor of them. */
export function truth(context: Context, operand: Operand): boolean {
  const { value } = operand;
  if (isTruth(value)) return true;
  const hint = value.kind === "tensor" || value.kind === "number" ? "compare it, as in `x > 0` or `x != 0`" : "";
  wrongType(context, operand, "a condition", hint);
  return false;
}

/** `value where condition else otherwise`; operands align as in a sum. */
export function selectOf(context: Context, condition: Operand, value: Operand, otherwise: Operand, span: Span): Value {
  if (!truth(context, condition)) return wrong;
  const areTruths = isTruth(value.value) && isTruth(otherwise.value);
  if (!areTruths && !(numeric(context, value) && numeric(context, otherwise))) return wrong;
  const dtype = pairType(value.value, otherwise.value);
  const both = aligned(context, align("where … else", value, otherwise, false));
  const choice = nodeOf(context, condition, "bool");
  const [x, y] = [nodeOf(context, value, dtype), nodeOf(context, otherwise, dtype)];
  if (!both || !choice || !x || !y) return wrong;
  const merged: Tensor = { kind: "tensor", dtype, dims: both, node: x };
  const dims = aligned(context, align("where", { ...value, value: merged }, condition, false));
  return dims ? { kind: "tensor", dtype, dims, node: context.maker.make("select", [choice, x, y], {}, span) } : wrong;
}

const pairType = (a: Value, b: Value): Tensor["dtype"] => {
  const typeOf = (x: Value) =>
    x.kind === "tensor" ? x.dtype : x.kind === "boolean" ? "bool" : x.kind === "number" && isReal(x) ? "f32" : null;
  const [x, y] = [typeOf(a), typeOf(b)];
  if (x === "f32" || y === "f32") return "f32";
  return x ?? y ?? "f32";
};

const combining = { sum: "add", max: "max", min: "min" } as const;

/** The same of what was stacked along a dimension, one position after the other from the last on, so that none waits for all others. */
function reduceEach(
  context: Context,
  by: keyof typeof combining,
  x: Tensor,
  along: Dimension,
  over: readonly Dimension[],
  span: Span,
): Tensor | Wrong {
  const { maker } = context;
  const rest = over.filter(({ id }) => id !== along.id);
  const dims = x.dims.filter(({ id }) => id !== along.id);
  const all = Array.from({ length: known(along.size) ?? 0 }, (_, at) => valueAt(maker, x.node, along.id, at));
  const node = all.reduceRight((later, one) => maker.make(combining[by], [one, later], {}, span));
  const made: Tensor = { ...x, dims, node };
  return rest.length > 0 ? reduceOf(context, by, made, rest, span) : made;
}

/** What changes no such reduction. */
const neutral = { sum: 0, max: -3.4028234663852886e38, min: 3.4028234663852886e38 } as const;

/** The terms of a reduction, without those that do not reach the layer: a sum is left as it is where they are 0. */
function reaching({ maker }: Context, by: keyof typeof neutral, terms: Node, reached: Node, span: Span): Node {
  if (by === "sum" && isZeroWithout(reached, terms)) return terms;
  const { dtype } = terms.type;
  const value = dtype === "i32" ? Math.max(-(2 ** 31), Math.min(neutral[by], 2 ** 31 - 1)) : neutral[by];
  return maker.make("select", [reached, terms, maker.make("constant", [], { value, dtype }, span)], {}, span);
}

/**
 * `size(d)` where some tokens reach the layer at hand: how many do, which is observed where `d` has `sample`. It is 1 at least, so
 * that a mean of none is 0.
 */
export function countReached(context: Context, dims: readonly Dimension[], span: Span): Value {
  const { maker } = context;
  const [reached] = dims.flatMap((dim) => dim.reached ?? []);
  if (!reached || context.observing === null)
    return report(context, { kind: "not-supported", span, what: "the number of tokens outside of `observe`" });
  const node = maker.make("cast", [reached], { dtype: "f32" }, span);
  const counted = dims.filter((dim) => dim.streamed || dim.reached);
  const some = reduceOf(context, "sum", { kind: "tensor", dtype: "f32", dims: counted, node }, counted, span);
  if (some.kind === "wrong") return some;
  const value = arithmeticOf(context, "max", { value: some, span }, { value: number(1), span }, span);
  const others = ofSize(volume(dims.filter((dim) => !counted.includes(dim))));
  return arithmeticOf(context, "*", { value, span }, { value: others, span }, span);
}

/** Reduces over dimensions that the tensor has; over `sample` it becomes an observation. */
export function reduceOf(
  context: Context,
  by: "sum" | "max" | "min",
  x: Tensor,
  over: readonly Dimension[],
  span: Span,
): Tensor | Wrong {
  const apart = over.find((dim) => dim.isOfLayers && isStacked(x.node, dim.id));
  if (apart) return reduceEach(context, by, x, apart, over, span);
  const left = x.dims.filter(({ id }) => !over.some((dim) => dim.id === id));
  const real = ids(over);
  const stream = over.find((dim) => dim.streamed)?.streamed;
  const dims = stream?.layers ? [stream.layers, ...left] : left;
  const all = over.reduce((node, { reached }) => (reached ? reaching(context, by, node, reached, span) : node), x.node);
  const inside = real.length > 0 ? context.maker.make("reduce", [all], { by, over: real }, span) : all;
  const node = stream ? observed(context, inside, by, stream) : inside;
  return node ? { kind: "tensor", dtype: x.dtype, dims, node } : wrong;
}

/** One operand per position: a chain of selections on the index, which gives the dimension to a single operand too. */
export function stacked({ maker }: Context, nodes: readonly Node[], along: Dimension, span: Span): Node {
  const index = maker.make("index", [], { dim: graphDim(along) }, span);
  const last = nodes.at(-1) as Node;
  return nodes.slice(0, Math.max(1, nodes.length - 1)).reduceRight((rest, node, i) => {
    const at = maker.make("constant", [], { value: i, dtype: "i32" }, span);
    return maker.make("select", [maker.make("equal", [index, at], {}, span), node, rest], {}, span);
  }, last);
}
