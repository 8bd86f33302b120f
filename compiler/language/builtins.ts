/** The functions that the language itself provides. What can be said with them stands in the library's prelude. */
import type { Span } from "../../grammar/source.ts";
import { erf } from "../graph/erf.ts";
import type { Node, UnaryOp } from "../graph/ops.ts";
import { rangeOf } from "../graph/range.ts";
import type { OfMatrix } from "../graph/routine.ts";
import { type Packed, readAs } from "../plan/dtype.ts";
import { type Context, report } from "./context.ts";
import {
  anything,
  dimension,
  form,
  givenSize,
  mapping,
  type Numbers,
  numbersOf,
  numbersOrCodes,
  numericOperand,
  over,
  row,
  takeNumber,
  tensorOperand,
  textOperand,
  whole,
} from "./kinds.ts";
import { isCounted, type Num, number, ofSize, unknownNumber, unknownWhole } from "./number.ts";
import { ofAllLayers } from "./observe.ts";
import { arithmeticOf, asTensor, comparisonOf, countReached, finite, reduceOf } from "./operations.ts";
import { makeDimension, reportAbsent, scopeIn } from "./scope.ts";
import { canBeEqual, isIntegral, known, showSize } from "./size.ts";
import { type Dimension, graphDim, graphDims, ids, showDimension, type Tensor, volume } from "./tensor.ts";
import {
  type Call,
  type Callable,
  type DimensionsGiven,
  type Form,
  type Operand,
  type Row,
  type Scope,
  type Value,
  wrong,
  wrongType,
} from "./value.ts";
import { concatenating, merging, renaming, splitting, stacking } from "./views.ts";

interface Real {
  readonly op: UnaryOp;
  readonly real: (x: number) => number;
}

const elementwise: Readonly<Record<string, Real>> = {
  exp: { op: "exp", real: Math.exp },
  log: { op: "log", real: Math.log },
  log2: { op: "log2", real: Math.log2 },
  sqrt: { op: "sqrt", real: Math.sqrt },
  rsqrt: { op: "rsqrt", real: (x) => 1 / Math.sqrt(x) },
  sin: { op: "sin", real: Math.sin },
  cos: { op: "cos", real: Math.cos },
  tanh: { op: "tanh", real: Math.tanh },
  erf: { op: "erf", real: erf },
  abs: { op: "abs", real: Math.abs },
  floor: { op: "floor", real: Math.floor },
  round: { op: "round", real: (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)) },
};

const kept: ReadonlySet<string> = new Set(["abs", "floor", "round"]);

const mathematics = ({ op, real }: Real): Form =>
  form({ x: numericOperand }, ({ x }, call) => {
    if (x.value.kind === "tensor") return applied(call, op, x);
    return x.value.real === null
      ? unknownUnder(op, x.value)
      : finite(call.context, number(real(x.value.real)), call.span);
  });

/** What is not known yet, and is whole after `floor` or `round`. */
function unknownUnder(op: UnaryOp, x: Num): Num {
  if (!kept.has(op) || (op === "abs" && !isCounted(x))) return unknownNumber;
  return op !== "abs" && x.size && isIntegral(x.size) ? x : unknownWhole;
}

/** Whole numbers stay so under `abs`, and as they are under `floor` and `round`; `floor` of a quotient of two is whole too. */
function applied({ context, span }: Call, op: UnaryOp, x: Operand): Value {
  const quotient = op === "floor" && x.value.kind === "tensor" ? wholeQuotient(context, x.value, span, "below") : null;
  if (quotient) return quotient;
  const isWhole = x.value.kind === "tensor" && x.value.dtype === "i32" && kept.has(op);
  const tensor = asTensor(context, x, isWhole ? "i32" : "f32");
  if (!tensor || (isWhole && op !== "abs")) return tensor ?? wrong;
  return { ...tensor, node: context.maker.make(op, [tensor.node], {}, span) };
}

/** The tensor's own of the dimensions that a call names; null, and a problem, if it lacks one. */
function ownDimensions(
  { context }: Call,
  x: { readonly value: Tensor; readonly span: Span },
  { dims, names }: DimensionsGiven,
): readonly Dimension[] | null {
  const own = dims.flatMap(({ id }) => x.value.dims.find((dim) => dim.id === id) ?? []);
  const absent = dims.findIndex(({ id }) => !x.value.dims.some((dim) => dim.id === id));
  const name = names[absent];
  if (name) reportAbsent(context, name, x.value, x.span);
  return name ? null : own;
}

const reducing = (by: "sum" | "max" | "min"): Form =>
  form({ x: numbersOf, d: over }, ({ x, d }, call) => {
    const dims = ownDimensions(call, x, d);
    return dims ? reduceOf(call.context, by, x.value, dims, call.span) : wrong;
  });

const choosing = (by: "max" | "min"): Form =>
  form({ a: anything, b: anything }, ({ a, b }, { context, span }) => arithmeticOf(context, by, a, b, span));

/** One dimension that does not stream; null, and a problem, for others. */
function oneDimension({ context, span }: Call, name: string, dims: readonly Dimension[]): Dimension | null {
  const [only, ...more] = dims;
  if (only && more.length === 0 && !only.streamed) return only;
  if (more.length > 0)
    report(context, { kind: "wrong-type", span, expected: "one dimension", found: dims.map(showDimension).join(", ") });
  else report(context, { kind: "not-supported", span, what: `\`${name}\` over \`${only?.name}\`` });
  return null;
}

const placing = (by: "argmax" | "argmin"): Form =>
  form({ x: numbersOf, d: over }, ({ x, d }, call) => {
    const { context, span } = call;
    const dims = ownDimensions(call, x, d);
    const only = dims && oneDimension(call, by, dims);
    if (!only) return wrong;
    const operand = by === "argmin" ? context.maker.make("neg", [x.value.node], {}, span) : x.value.node;
    const node = context.maker.make("reduce", [operand], { by: "argmax", over: [only.id] }, span);
    return { kind: "tensor", dtype: "i32", dims: x.value.dims.filter(({ id }) => id !== only.id), node };
  });

/** Of a quotient of whole numbers the greatest whole number that is not above it, or the one towards 0; null for what is none. */
function wholeQuotient(context: Context, { dims, node }: Tensor, span: Span, to: "below" | "zero"): Tensor | null {
  const { make } = context.maker;
  if (node.op !== "div") return null;
  const [a, b] = node.inputs.map((x: Node) => {
    if (x.op === "cast" && readAs(x.inputs[0].type.dtype) === "i32") return x.inputs[0];
    const isWhole = x.op === "constant" && Number.isInteger(x.attrs.value) && Math.abs(x.attrs.value) < 2 ** 31;
    return isWhole ? make("constant", [], { value: x.attrs.value, dtype: "i32" }, span) : undefined;
  });
  if (!a || !b) return null;
  const below = make("div", [a, b], {}, span);
  const isBoth = to === "below" || (rangeOf(a).low >= 0 && rangeOf(b).low >= 0);
  return { kind: "tensor", dtype: "i32", dims, node: isBoth ? below : towardsZero(context, below, [a, b], span) };
}

/** One more than the quotient below, where that is negative and leaves a remainder. */
function towardsZero({ maker: { make } }: Context, below: Node, [a, b]: readonly [Node, Node], span: Span): Node {
  const none = make("constant", [], { value: 0, dtype: "i32" }, span);
  const isWhole = make("equal", [make("mod", [a, b], {}, span), none], {}, span);
  const isBelow = make("and", [make("less", [below, none], {}, span), make("not", [isWhole], {}, span)], {}, span);
  return make("add", [below, make("cast", [isBelow], { dtype: "i32" }, span)], {}, span);
}

/** The places along d in ascending order of their numbers. */
const order: Form = form({ x: numbersOf, d: over }, ({ x, d }, call) => ordered(call, x, d) ?? wrong);

function ordered(call: Call, x: Numbers, d: DimensionsGiven): Tensor | null {
  const { context, span } = call;
  const dims = ownDimensions(call, x, d);
  const along = dims && oneDimension(call, "order", dims);
  const real = asTensor(context, x, "f32");
  if (!along || !real) return null;
  return { ...real, dtype: "i32", node: context.maker.make("order", [real.node], { over: along.id }, span) };
}

/** True for the n greatest along d; n may be a tensor of whole numbers. */
const best: Form = form({ x: numbersOf, n: anything, d: over }, ({ x, n, d }, call) =>
  n.value.kind === "tensor" ? bestOfEach(call, x, n, d) : bestOf(call, x, n, d),
);

/** Those whose rank, which is where they come in order, is among the last n. */
function bestOfEach(call: Call, x: Numbers, n: Operand, d: DimensionsGiven): Value {
  const { context, span } = call;
  if (n.value.kind !== "tensor" || n.value.dtype !== "i32")
    return wrongType(context, n, "whole numbers (i32)", "`i32(…)` makes whole numbers of others");
  const places = ordered(call, x, d);
  const ranks = places && ordered(call, { value: places, span }, d);
  if (!ranks) return wrong;
  const count = { value: ofSize(volume(d.dims)), span };
  const from = { value: arithmeticOf(context, "-", count, n, span), span };
  return comparisonOf(context, ">=", { value: ranks, span }, from, span);
}

function bestOf(call: Call, x: Numbers, operand: Operand, d: DimensionsGiven): Value {
  const n = takeNumber(call, operand);
  if (!n) return wrong;
  const { context, span } = call;
  const dims = ownDimensions(call, x, d);
  if (!dims) return wrong;
  const [keep, size] = [n.value.real ?? Number.NaN, known(volume(dims))];
  if (!Number.isNaN(keep) && (!Number.isInteger(keep) || keep < 0 || (size !== undefined && keep > size)))
    return report(context, {
      kind: "out-of-range",
      span: n.span,
      what: `how many of \`${dims.map(({ name }) => name).join(", ")}\` to keep`,
      value: String(keep),
      range: `a whole number from 0 to ${showSize(volume(dims))}${context.where}`,
      hint: keep > 0 && keep < 1 ? `a share of them is \`floor(${keep} * size(d))\`` : "",
    });
  const streamed = dims.find((dim) => dim.streamed);
  if (streamed) return report(context, { kind: "not-supported", span, what: `\`best\` over \`${streamed.name}\`` });
  const real = asTensor(context, x, "f32");
  if (!real) return wrong;
  const node = context.maker.make("best", [real.node], { keep, over: ids(dims) }, span);
  return { kind: "tensor", dtype: "bool", dims: real.dims, node };
}

/** A function of square matrices, in the dimensions that a call names; for each element of all others there is one. */
const ofMatrix = (name: string, op: OfMatrix["op"]): Form =>
  form({ x: numbersOf, rows: dimension, columns: dimension }, ({ x, rows, columns }, call) => {
    const { context } = call;
    const own = [rows, columns].map((given) => {
      const dims = ownDimensions(call, x, given);
      return dims && oneDimension(call, name, dims);
    });
    const real = asTensor(context, x, "f32");
    const [down, across] = own;
    if (!down || !across || !real) return wrong;
    if (down.id === across.id || !canBeEqual(down.size, across.size)) {
      const [height, width] = [down, across].map(({ size }) => showSize(size)) as [string, string];
      const names = { rows: down.name, columns: across.name };
      return report(context, { kind: "not-square", span: columns.span, ...names, height, width, where: context.where });
    }
    const attrs = { rows: down.id, columns: across.id };
    return { ...real, node: context.maker.make(op, [real.node], attrs, call.span) };
  });

/** 0, 1, 2 … along a dimension. */
const counting: Form = form({ d: dimension }, ({ d }, call) => {
  const only = oneDimension(call, "index", d.dims);
  return only ? indexAlong(call, only) : wrong;
});

/** `index(ratio: 20)` makes the dimension `ratio`. */
const countingAnew: Form = form({ d: row }, ({ d }, call) => {
  const made = newDimension(call, d);
  return made ? indexAlong(call, made) : wrong;
});

const indexAlong = ({ context, span }: Call, dim: Dimension): Tensor => ({
  kind: "tensor",
  dtype: "i32",
  dims: [dim],
  node: context.maker.make("index", [], { dim: graphDim(dim) }, span),
});

function newDimension({ context, scope, span }: Call, { name, items: [item, ...more] }: Row): Dimension | null {
  if (!item || more.length > 0) {
    report(context, { kind: "wrong-arguments", span, of: "index", form: "index(d: n)" });
    return null;
  }
  const size = givenSize(context, name.text, item);
  return size && makeDimension(context, scope, name.text, size, name.span);
}

/** Numbers evenly from 0 to below 1, one for each position along the dimensions taken together. */
const random: Form = form({ seed: whole("a seed", 0), d: over }, ({ seed, d: { dims } }, { context, span }) => {
  const { make } = context.maker;
  const streamed = dims.find((dim) => dim.streamed);
  if (streamed) return report(context, { kind: "not-supported", span, what: `\`random\` over \`${streamed.name}\`` });
  const constant = (value: number): Node => make("constant", [], { value, dtype: "i32" }, span);
  const at = graphDims(dims).reduce((before, dim) => {
    const index = make("index", [], { dim }, span);
    return make("add", [make("mul", [before, constant(dim.size)], {}, span), index], {}, span);
  }, constant(0));
  return { kind: "tensor", dtype: "f32", dims, node: make("random", [at, constant(seed)], {}, span) };
});

const size: Form = form({ d: dimension }, ({ d }, { context, span }) =>
  d.dims.some(({ reached }) => reached) ? countReached(context, d.dims, span) : ofSize(volume(d.dims)),
);

const detach: Form = form({ x: tensorOperand }, ({ x }, { context, span }) => ({
  ...x.value,
  node: context.maker.make("detach", [x.value.node], {}, span),
}));

/** Rounds to a stored type and reads it back. */
const stored = (dtype: Packed): Form =>
  form({ x: numericOperand }, ({ x }, { context, span }) => {
    const tensor = asTensor(context, x, "f32");
    return tensor ? { ...tensor, node: context.maker.make("cast", [tensor.node], { dtype }, span) } : wrong;
  });

/** The real numbers that whole numbers are; of truth values, 0 and 1; of codes, the weights that they stand for. */
const toReal: Form = form({ x: numbersOrCodes }, ({ x }, { context }) => asTensor(context, x, "f32") ?? wrong);

/** `i32(x)`: the whole number on the side of 0, of what i32 does not hold the nearest that it does, of NaN and of a whole number by 0, 0. */
const toWhole: Form = form({ x: anything }, ({ x }, { context, span }) => {
  const quotient = x.value.kind === "tensor" ? wholeQuotient(context, x.value, span, "zero") : null;
  if (quotient) return quotient;
  if (x.value.kind !== "number") return asTensor(context, x, "i32") ?? wrong;
  return x.value.real === null ? unknownUnder("floor", x.value) : number(Math.trunc(x.value.real));
});

/** `collect(x)`: a number of each layer of the stage. */
const collect: Form = form({ x: numbersOf }, ({ x }, { context }) => {
  const real = asTensor(context, x, "f32");
  return real ? ofAllLayers(context, { value: real, span: x.span }) : wrong;
});

/** `refuse("…")`: what a definition does not cover; reached only where a condition known at compile time leads there. */
const refuse: Form = form({ reason: textOperand }, ({ reason }, { context, span }) =>
  context.isOpen ? wrong : report(context, { kind: "not-supported", span, what: reason }),
);

/** `missing(config.field)`: whether config.json has no such field, which null is. */
const missing: Form = form({ field: anything }, ({ field: { value } }) => {
  const isOpen = value.kind === "number" && value.real === null;
  return { kind: "boolean", value: isOpen ? null : value.kind === "absent" && !value.isNull };
});

/** Reduces with `over`; without, the greater or less of two. */
const extreme =
  (by: "max" | "min"): Callable["form"] =>
  (given) =>
    given.length === 1 || given.some(({ kind }) => kind === "over") ? reducing(by) : choosing(by);

const table: Readonly<Record<string, Form | Callable["form"]>> = {
  ...Object.fromEntries(Object.entries(elementwise).map(([name, rule]) => [name, mathematics(rule)])),
  sum: reducing("sum"),
  max: extreme("max"),
  min: extreme("min"),
  argmax: placing("argmax"),
  argmin: placing("argmin"),
  best: best,
  order: order,
  random: random,
  cholesky: ofMatrix("cholesky", "cholesky"),
  triangular_inverse: ofMatrix("triangular_inverse", "triangularInverse"),
  eigenvectors: ofMatrix("eigenvectors", "eigenvectors"),
  size: size,
  index: ([first]) => (first?.kind === "value" && first.name ? countingAnew : counting),
  rename: form({ x: tensorOperand, names: mapping }, renaming),
  split: form({ x: tensorOperand, names: mapping }, splitting),
  merge: form({ x: tensorOperand, names: mapping }, merging),
  stack: form({ d: row }, stacking),
  concat: form({ a: tensorOperand, b: tensorOperand, names: mapping }, concatenating),
  detach: detach,
  collect: collect,
  f32: toReal,
  i32: toWhole,
  ...Object.fromEntries((["f16", "bf16", "e4m3", "e2m1", "e8m0"] as const).map((dtype) => [dtype, stored(dtype)])),
  refuse: refuse,
  missing: missing,
};

/** How the calls look whose arguments are more than values. */
export const written: Readonly<Record<string, string>> = {
  size: "size(d)",
  index: "index(d)` or `index(d: n)",
  rename: "rename(x, in -> in')",
  split: "split(x, in -> (block, lane: 128))",
  merge: "merge(x, (block, lane) -> in)",
  stack: "stack(half: a, b)",
  concat: "concat(a, b, (early, late) -> token)",
  cholesky: "cholesky(x, rows: in, columns: in')",
  triangular_inverse: "triangular_inverse(x, rows: in, columns: in')",
  eigenvectors: "eigenvectors(x, rows: in, columns: in')",
};

/** The outermost scope: builtin functions, and `lowest`, the least number that is not infinite. */
export function builtinScope(): Scope {
  const scope = scopeIn(null);
  for (const [name, one] of Object.entries(table))
    scope.values.set(name, { kind: "callable", name, form: typeof one === "function" ? one : () => one });
  scope.values.set("lowest", number(-3.4028234663852886e38));
  return scope;
}
