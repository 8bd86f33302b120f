/** Operations on tensors and numbers known at compile time: alignment by name, and the graph nodes that follow from it. */
import { type Span, textAt } from "../../grammar/source.ts";
import type { BinaryOp, Node, OpName, Ops } from "../graph/ops.ts";
import type { Dim } from "../graph/type.ts";
import { type Context, report } from "./context.ts";
import { compareNumbers, heldRange, isHeld, numbers } from "./number.ts";
import { fixed, known, times } from "./size.ts";
import {
  type Bool,
  type Dimension,
  isCounted,
  isUnknown,
  type Num,
  showValue,
  type Tensor,
  type Value,
  type Wrong,
  wrong,
} from "./value.ts";

/** A value and where it was written. */
export interface Operand {
  readonly value: Value;
  readonly span: Span;
}

/** Makes a node. While sizes are symbols, it has them open: so what is accepted without a model fits together with one. */
export const emit = <K extends OpName>(
  { maker }: Context,
  op: K,
  inputs: Ops[K]["inputs"],
  attrs: Ops[K]["attrs"],
  span: Span,
): Node => maker.make(op, inputs, attrs, span);

/** The graph's dimensions: those that stream are not in a node's type. */
export const graphDims = (dims: readonly Dimension[]): Dim[] => dims.filter((dim) => !dim.streamed).map(graphDim);

export const graphDim = ({ id, size }: Dimension): Dim => ({ name: id, size: known(size) ?? Number.NaN });

export const ids = (dims: readonly Dimension[]): string[] => dims.filter((dim) => !dim.streamed).map(({ id }) => id);

/** A number or truth value as a scalar tensor of the dtype; a tensor in that dtype. */
export function asTensor(context: Context, { value, span }: Operand, dtype: Tensor["dtype"]): Tensor | null {
  if (value.kind === "number") {
    const real = value.real ?? Number.NaN;
    if (dtype === "i32" && !isWhole(context, real, span)) return null;
    if (dtype === "f32" && !isReal32(context, real, span)) return null;
    return { kind: "tensor", dtype, dims: [], node: emit(context, "constant", [], { value: real, dtype }, span) };
  }
  if (value.kind === "boolean")
    return {
      kind: "tensor",
      dtype: "bool",
      dims: [],
      node: emit(
        context,
        "constant",
        [],
        { value: value.value === null ? Number.NaN : Number(value.value), dtype: "bool" },
        span,
      ),
    };
  if (value.kind !== "tensor") return null;
  if (value.dtype === dtype) return value;
  return { ...value, dtype, node: emit(context, "cast", [value.node], { dtype }, span) };
}

/** Complains unless i32 holds the number. */
function isWhole(context: Context, value: number, span: Span): boolean {
  if (Number.isNaN(value) || (Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31)) return true;
  const range = `a whole number (i32) from ${-(2 ** 31)} to ${2 ** 31 - 1}`;
  report(context, { kind: "out-of-range", span, what: "this number", value: String(value), range });
  return false;
}

/** Complains unless f32 holds the number. */
function isReal32(context: Context, value: number, span: Span): boolean {
  if (Number.isNaN(value) || isHeld(value)) return true;
  report(context, { kind: "out-of-range", span, what: "this number", value: String(value), range: heldRange });
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
  const { value, span } = operand;
  if (value.kind === "tensor" || value.kind === "number") return true;
  if (value.kind === "absent") report(context, { kind: "config-missing", span, field: value.name, known: [] });
  else if (value.kind !== "wrong")
    report(context, { kind: "wrong-type", span, expected: "a tensor or a number", found: showValue(value) });
  return false;
}

const contains = (a: readonly Dimension[], b: readonly Dimension[]) =>
  b.every(({ id }) => a.some((dim) => dim.id === id));

/**
 * The dimensions of a result: the union, the first operand's first. Unless `outer`, one operand's names must contain the other's,
 * so that a forgotten rename is an error and no bigger tensor.
 */
export function align(context: Context, op: string, a: Operand, b: Operand, outer: boolean): Dimension[] | null {
  const left = a.value.kind === "tensor" ? a.value.dims : [];
  const right = b.value.kind === "tensor" ? b.value.dims : [];
  if (outer || contains(left, right) || contains(right, left)) return united(context, left, right, b.span);
  const [x, y] = namesakes(left, right);
  if (x && y) {
    const show = (dim: Dimension) => `${known(dim.size) ?? dim.name} (${dim.source})`;
    const because = `${y.name} is ${show(y)}`;
    const sizes = { found: show(x), expected: show(y) };
    report(context, { kind: "dimension-mismatch", span: a.span, name: x.name, ...sizes, other: b.span, because });
    return null;
  }
  const lacks = [
    ...left.filter(({ id }) => !right.some((dim) => dim.id === id)),
    ...right.filter(({ id }) => !left.some((dim) => dim.id === id)),
  ];
  report(context, {
    kind: "not-aligned",
    span: a.span,
    op,
    left: showValue(a.value),
    right: showValue(b.value),
    leftSpan: a.span,
    rightSpan: b.span,
    lacks: lacks.map(({ name }) => name),
    pairs: pairsOf(op, a, b),
  });
  return null;
}

/** `a + b` for all pairs of elements: the first is given the dimensions that it lacks by a factor of ones. */
function pairsOf(op: string, a: Operand, b: Operand): string | undefined {
  if ((op !== "+" && op !== "-") || a.value.kind !== "tensor" || b.value.kind !== "tensor") return undefined;
  const own = new Set(a.value.dims.map(({ id }) => id));
  const lacking = b.value.dims.filter(({ id }) => !own.has(id));
  if (lacking.some(({ streamed }) => streamed)) return undefined;
  const [left, right] = [a, b].map(({ span }, i) => {
    const text = textAt(span);
    return /^[\w'.]+$/.test(text) ? text : i === 0 ? "a" : "b";
  });
  return `${left} * (1 where ${lacking.map(({ name }) => `index(${name}) >= 0`).join(" and ")}) ${op} ${right}`;
}

/** One on each side with the same name, made in different places: a name made in a body is not its caller's of that name. */
function namesakes(left: readonly Dimension[], right: readonly Dimension[]): readonly (Dimension | undefined)[] {
  const isNamesake = (x: Dimension, y: Dimension) => x.name === y.name && x.id !== y.id;
  const x = left.find((dim) => right.some((other) => isNamesake(dim, other)));
  return [x, right.find((other) => x && isNamesake(x, other))];
}

/** The union, the first's first. Of two that are the same, what streams through a model knows more than what merely streams. */
function united(
  context: Context,
  left: readonly Dimension[],
  right: readonly Dimension[],
  span: Span,
): Dimension[] | null {
  const both: Dimension[] = [];
  for (const x of left) {
    const y = right.find(({ id }) => id === x.id);
    const [one, other] = [x.streamed?.model?.name, y?.streamed?.model?.name];
    if (one && other && one !== other) {
      const what = `one observation of \`${one}\` and \`${other}\``;
      report(context, { kind: "not-supported", span, what, hint: "observe each by itself, then compare what is kept" });
      return null;
    }
    both.push(y && other ? y : x);
  }
  return [...both, ...right.filter(({ id }) => !left.some((dim) => dim.id === id))];
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
  const dims = align(context, op, a, b, rule.outer);
  if (!dims) return wrong;
  const real = op === "/" || op === "^" || isReal(a.value) || isReal(b.value);
  const dtype = real ? "f32" : "i32";
  const [x, y] = [nodeOf(context, a, dtype), nodeOf(context, b, dtype)];
  return x && y ? { kind: "tensor", dtype, dims, node: emit(context, rule.op, [x, y], {}, span) } : wrong;
}

/** A literal that is a whole number takes the type that it meets; one that cannot be counted is real. */
export const isReal = (value: Tensor | Num): boolean =>
  value.kind === "tensor" ? value.dtype === "f32" : !isCounted(value);

type Comparison = { readonly op: "less" | "lessEqual" | "equal"; readonly swap: boolean; readonly not: boolean };

const comparisons: ReadonlyMap<string, Comparison> = new Map<string, Comparison>([
  ["<", { op: "less", swap: false, not: false }],
  ["<=", { op: "lessEqual", swap: false, not: false }],
  [">", { op: "less", swap: true, not: false }],
  [">=", { op: "lessEqual", swap: true, not: false }],
  ["==", { op: "equal", swap: false, not: false }],
  ["!=", { op: "equal", swap: false, not: true }],
]);

/** `a < b` and its like: true or false at compile time, or a tensor of truth values. */
export function comparisonOf(context: Context, op: string, a: Operand, b: Operand, span: Span): Value {
  const rule = comparisons.get(op);
  if (!rule) return wrong;
  const early = compareTexts(op, a.value, b.value);
  if (early) return early;
  if (!numeric(context, a) || !numeric(context, b)) return wrong;
  if (a.value.kind === "number" && b.value.kind === "number")
    return { kind: "boolean", value: compareNumbers(op, a.value, b.value) };
  return compareTensors(context, op, rule, a, b, span);
}

type Numeric = Operand & { readonly value: Tensor | Num };

function compareTensors(context: Context, op: string, rule: Comparison, a: Numeric, b: Numeric, span: Span): Value {
  if (rule.op === "equal" && (isNeverWhole(a.value, b.value) || isNeverWhole(b.value, a.value)))
    return report(context, { kind: "wrong-type", span, ...neverEqual });
  const dims = align(context, op, a, b, true);
  if (!dims) return wrong;
  const dtype = isReal(a.value) || isReal(b.value) ? "f32" : "i32";
  const [x, y] = [nodeOf(context, a, dtype), nodeOf(context, b, dtype)];
  if (!x || !y) return wrong;
  const made = emit(context, rule.op, rule.swap ? [y, x] : [x, y], {}, span);
  return { kind: "tensor", dtype: "bool", dims, node: rule.not ? emit(context, "not", [made], {}, span) : made };
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

/** `and`, `or`, `not` on truth values. */
export function logicOf(context: Context, op: "and" | "or", a: Operand, b: Operand, span: Span): Value {
  for (const operand of [a, b]) if (!truth(context, operand)) return wrong;
  if (a.value.kind === "boolean" && b.value.kind === "boolean") return both(op, a.value.value, b.value.value);
  const dims = align(context, op, a, b, true);
  if (!dims) return wrong;
  const [x, y] = [nodeOf(context, a, "bool"), nodeOf(context, b, "bool")];
  return x && y ? { kind: "tensor", dtype: "bool", dims, node: emit(context, op, [x, y], {}, span) } : wrong;
}

function both(op: "and" | "or", a: boolean | null, b: boolean | null): Bool {
  const decided = op === "or";
  if (a === decided || b === decided) return { kind: "boolean", value: decided };
  return { kind: "boolean", value: a === null || b === null ? null : !decided };
}

/** Complains unless the value is a truth value or a tensor of them. */
export function truth(context: Context, { value, span }: Operand): boolean {
  if (value.kind === "boolean" || (value.kind === "tensor" && value.dtype === "bool")) return true;
  const hint = value.kind === "tensor" || value.kind === "number" ? "compare it, as in `x > 0` or `x != 0`" : "";
  if (value.kind !== "wrong")
    report(context, { kind: "wrong-type", span, expected: "a condition", found: showValue(value), hint });
  return false;
}

/** `value where condition else otherwise`; operands align as in a sum. */
export function selectOf(context: Context, condition: Operand, value: Operand, otherwise: Operand, span: Span): Value {
  if (!truth(context, condition) || !operands(context, value, otherwise)) return wrong;
  const dtype = pairType(value.value, otherwise.value);
  const both = align(context, "where … else", value, otherwise, false);
  const choice = nodeOf(context, condition, "bool");
  const [x, y] = [nodeOf(context, value, dtype), nodeOf(context, otherwise, dtype)];
  if (!both || !choice || !x || !y) return wrong;
  const merged: Operand = { value: { kind: "tensor", dtype, dims: both, node: x }, span: value.span };
  const dims = align(context, "where", merged, condition, false);
  return dims ? { kind: "tensor", dtype, dims, node: emit(context, "select", [choice, x, y], {}, span) } : wrong;
}

function operands(context: Context, a: Operand, b: Operand): boolean {
  const isTruth = ({ value }: Operand) =>
    value.kind === "boolean" || (value.kind === "tensor" && value.dtype === "bool");
  if (isTruth(a) && isTruth(b)) return true;
  return numeric(context, a) && numeric(context, b);
}

const pairType = (a: Value, b: Value): Tensor["dtype"] => {
  const typeOf = (x: Value) =>
    x.kind === "tensor" ? x.dtype : x.kind === "boolean" ? "bool" : x.kind === "number" && isReal(x) ? "f32" : null;
  const [x, y] = [typeOf(a), typeOf(b)];
  if (x === "f32" || y === "f32") return "f32";
  return x ?? y ?? "f32";
};

/** Reduces over dimensions that the tensor has; over `sample` it becomes an observation. */
export function reduceOf(
  context: Context,
  by: "sum" | "max" | "min",
  x: Tensor,
  over: readonly Dimension[],
  span: Span,
): Tensor {
  const dims = x.dims.filter(({ id }) => !over.some((dim) => dim.id === id));
  const real = over.filter((dim) => !dim.streamed);
  const stream = over.find((dim) => dim.streamed)?.streamed;
  let node = real.length > 0 ? emit(context, "reduce", [x.node], { by, over: ids(real) }, span) : x.node;
  if (stream && context.observer) node = context.observer.accumulate(node, by, stream, context.observing ?? "");
  return { kind: "tensor", dtype: x.dtype, dims, node };
}

/** The product of sizes of dimensions. */
export const volume = (dims: readonly Dimension[]) => dims.reduce((n, { size }) => times(n, size), fixed(1));
