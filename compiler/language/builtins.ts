/** The functions that the language itself provides: element-wise mathematics, reductions, views, and `best`. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { UnaryOp } from "../graph/ops.ts";
import { bindArguments, parameter } from "./call.ts";
import {
  type Context,
  dimensionsNamed,
  isWholeSize,
  makeDimension,
  report,
  reportDimension,
  reportSize,
  type Scope,
} from "./context.ts";
import { compileTimeNumber, operand } from "./expression.ts";
import { isIntegral, known, open, showSize } from "./size.ts";
import {
  arithmeticOf,
  asTensor,
  emit,
  finite,
  graphDim,
  ids,
  numeric,
  type Operand,
  reduceOf,
  volume,
} from "./tensor.ts";
import {
  type Callable,
  type Dimension,
  isCounted,
  type Num,
  number,
  ofSize,
  showDimension,
  showValue,
  type Tensor,
  unknownNumber,
  unknownWhole,
  type Value,
  wrong,
} from "./value.ts";
import { mergeOf, renameOf, splitOf, stackOf } from "./views.ts";

type Builtin = (context: Context, scope: Scope, call: Ast.Call) => Value;

const elementwise: Readonly<Record<string, { readonly op: UnaryOp; readonly real: (x: number) => number }>> = {
  exp: { op: "exp", real: Math.exp },
  log: { op: "log", real: Math.log },
  sqrt: { op: "sqrt", real: Math.sqrt },
  rsqrt: { op: "rsqrt", real: (x) => 1 / Math.sqrt(x) },
  sin: { op: "sin", real: Math.sin },
  cos: { op: "cos", real: Math.cos },
  tanh: { op: "tanh", real: Math.tanh },
  abs: { op: "abs", real: Math.abs },
  floor: { op: "floor", real: Math.floor },
  round: { op: "round", real: (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)) },
};

const kept: ReadonlySet<string> = new Set(["abs", "floor", "round"]);

function mathematics(
  name: string,
  { op, real }: { readonly op: UnaryOp; readonly real: (x: number) => number },
): Builtin {
  return (context, scope, call) => {
    const [x] = valuesOf(context, scope, name, call, "x");
    if (!x || !numeric(context, x)) return wrong;
    if (x.value.kind === "number")
      return x.value.real === null ? unknownUnder(op, x.value) : finite(context, number(real(x.value.real)), call.span);
    return applied(context, op, x, call.span);
  };
}

/** What is not known yet, and is whole after `floor` or `round`. */
function unknownUnder(op: UnaryOp, x: Num): Num {
  if (!kept.has(op) || (op === "abs" && !isCounted(x))) return unknownNumber;
  return op !== "abs" && x.size && isIntegral(x.size) ? x : unknownWhole;
}

/** Whole numbers stay so under `abs`, and as they are under `floor` and `round`. */
function applied(context: Context, op: UnaryOp, x: Operand, span: Span): Value {
  const isWhole = x.value.kind === "tensor" && x.value.dtype === "i32" && kept.has(op);
  const tensor = asTensor(context, x, isWhole ? "i32" : "f32");
  if (!tensor || (isWhole && op !== "abs")) return tensor ?? wrong;
  return { ...tensor, node: emit(context, op, [tensor.node], {}, span) };
}

/** The values of the parameters named, in their order, or a problem. */
function valuesOf(
  context: Context,
  scope: Scope,
  name: string,
  { arguments: given, span }: Ast.Call,
  ...names: readonly string[]
): Operand[] {
  const parameters = names.map((each) => parameter(each));
  const bound = bindArguments(context, scope, name, parameters, given, span);
  return bound ? names.flatMap((each) => bound.values.get(each) ?? []) : [];
}

/** The tensor and the dimensions of a call such as `sum(x, over d)`; each dimension must be the tensor's. */
function reduced(
  context: Context,
  scope: Scope,
  name: string,
  { arguments: given, span }: Ast.Call,
  ...more: readonly string[]
): {
  readonly x: Tensor;
  readonly over: readonly Dimension[];
  readonly more: readonly Operand[];
  readonly span: Span;
} | null {
  const parameters = ["x", ...more, "over d"].map((each) => parameter(each));
  const bound = bindArguments(context, scope, name, parameters, given, span);
  const over = given.find((argument) => argument.kind === "over");
  const [first, dims] = [bound?.values.get("x"), bound?.dims.get("d")?.dims];
  if (!bound || !first || !over || !dims || !numericOrTruth(context, first)) return null;
  const x = asTensor(context, first, first.value.kind === "tensor" && first.value.dtype === "i32" ? "i32" : "f32");
  if (!x) return null;
  const own: Dimension[] = [];
  for (const [i, dim] of dims.entries()) {
    const found = x.dims.find(({ id }) => id === dim.id);
    if (found) {
      own.push(found);
      continue;
    }
    report(context, {
      kind: "absent-dimension",
      span: over.dims[i]?.span ?? over.span,
      name: over.dims[i]?.text ?? dim.name,
      type: showValue(first.value),
      value: first.span,
      known: x.dims.map((d) => d.name),
    });
    return null;
  }
  return { x, over: own, more: more.flatMap((each) => bound.values.get(each) ?? []), span: first.span };
}

const numericOrTruth = (context: Context, x: Operand): boolean =>
  (x.value.kind === "tensor" && x.value.dtype === "bool") || numeric(context, x);

/** `max(x, over d)` reduces; `max(a, b)` takes the greater of two. */
function extreme(by: "max" | "min"): Builtin {
  return (context, scope, call) => {
    if (call.arguments.length === 1 || call.arguments.some(({ kind }) => kind === "over")) {
      const of = reduced(context, scope, by, call);
      return of ? reduceOf(context, by, of.x, of.over, call.span) : wrong;
    }
    const [a, b] = valuesOf(context, scope, by, call, "a", "b");
    return a && b ? arithmeticOf(context, by, a, b, call.span) : wrong;
  };
}

const sum: Builtin = (context, scope, call) => {
  const of = reduced(context, scope, "sum", call);
  return of ? reduceOf(context, "sum", of.x, of.over, call.span) : wrong;
};

/** Sum over the number of terms. */
const mean: Builtin = (context, scope, call) => {
  const of = reduced(context, scope, "mean", call);
  if (!of) return wrong;
  const real = asTensor(context, { value: of.x, span: of.span }, "f32");
  if (!real) return wrong;
  const total = reduceOf(context, "sum", real, of.over, call.span);
  return arithmeticOf(
    context,
    "/",
    { value: total, span: call.span },
    { value: ofSize(volume(of.over)), span: call.span },
    call.span,
  );
};

/** Euclidean norm. */
const norm: Builtin = (context, scope, call) => {
  const of = reduced(context, scope, "norm", call);
  if (!of) return wrong;
  const x = { value: of.x, span: of.span };
  const square = arithmeticOf(context, "*", x, x, call.span);
  if (square.kind !== "tensor") return wrong;
  const total = asTensor(
    context,
    { value: reduceOf(context, "sum", square, of.over, call.span), span: call.span },
    "f32",
  );
  return total ? { ...total, node: emit(context, "sqrt", [total.node], {}, call.span) } : wrong;
};

function argument(by: "argmax" | "argmin"): Builtin {
  return (context, scope, call) => {
    const of = reduced(context, scope, by, call);
    if (!of) return wrong;
    const [only] = of.over;
    if (!only || of.over.length > 1 || only.streamed)
      return report(context, {
        kind: "wrong-type",
        span: call.span,
        expected: "one dimension",
        found: of.over.map(({ name }) => name).join(", "),
      });
    const x = by === "argmin" ? emit(context, "neg", [of.x.node], {}, call.span) : of.x.node;
    const node = emit(context, "reduce", [x], { by: "argmax", over: [only.id] }, call.span);
    return { kind: "tensor", dtype: "i32", dims: of.x.dims.filter(({ id }) => id !== only.id), node };
  };
}

/** `best(score, n, over d)`: true for the n greatest along d. */
const best: Builtin = (context, scope, call) => {
  const of = reduced(context, scope, "best", call, "n");
  const [many] = of?.more ?? [];
  if (!of || !many) return wrong;
  const keep = compileTimeNumber(context, many);
  const size = known(volume(of.over));
  if (!keep) return wrong;
  if (keep.real !== null && (!Number.isInteger(keep.real) || keep.real < 0 || (size !== undefined && keep.real > size)))
    return report(context, {
      kind: "out-of-range",
      span: many.span,
      what: `how many of \`${of.over.map(({ name }) => name).join(", ")}\` to keep`,
      value: String(keep.real),
      range: `a whole number from 0 to ${showSize(volume(of.over))}${context.where}`,
    });
  const streamed = of.over.find((dim) => dim.streamed);
  if (streamed)
    return report(context, { kind: "not-supported", span: call.span, what: `\`best\` over \`${streamed.name}\`` });
  const x = asTensor(context, { value: of.x, span: of.span }, "f32");
  const attrs = { keep: keep.real ?? Number.NaN, over: ids(of.over) };
  return x
    ? { kind: "tensor", dtype: "bool", dims: of.x.dims, node: emit(context, "best", [x.node], attrs, call.span) }
    : wrong;
};

/** The one argument of `size(d)` and `index(d)`: a dimension here, or a new one in `index(d: n)`. */
function dimensionArgument(
  context: Context,
  scope: Scope,
  name: string,
  { arguments: given, span }: Ast.Call,
): readonly Dimension[] | null {
  const [first] = given;
  if (first?.kind === "value" && given.length === 1) {
    if (first.name && name === "index") return newDimension(context, scope, first.name, first.value);
    if (first.value.kind === "name") {
      const { text: dim, span: place } = first.value;
      const found = dimensionsNamed(scope, dim);
      if (!found) reportDimension(context, scope, dim, place);
      return found;
    }
  }
  report(context, {
    kind: "wrong-arguments",
    span,
    of: name,
    form: name === "index" ? "index(d)` or `index(d: n)" : "size(d)",
  });
  return null;
}

/** `index(ratio: 20)` makes the dimension `ratio`. */
function newDimension(
  context: Context,
  scope: Scope,
  { text: name, span }: Ast.Name,
  value: Ast.Expression,
): readonly Dimension[] | null {
  const given = compileTimeNumber(context, operand(context, scope, value));
  if (!given) return null;
  const size = given.size ?? (given.real === null ? open(name) : null);
  if (!size || !isWholeSize(context, size, value.span, name)) {
    if (!size) reportSize(context, value.span, name, given.real ?? Number.NaN);
    return null;
  }
  const made = makeDimension(context, scope, name, size, span);
  return made && [made];
}

const size: Builtin = (context, scope, call) => {
  const dims = dimensionArgument(context, scope, "size", call);
  return dims ? ofSize(volume(dims)) : wrong;
};

/** 0, 1, 2 … along a dimension. */
const index: Builtin = (context, scope, call) => {
  const dims = dimensionArgument(context, scope, "index", call);
  const [only] = dims ?? [];
  if (!only) return wrong;
  if (dims && dims.length > 1)
    return report(context, {
      kind: "wrong-type",
      span: call.span,
      expected: "one dimension",
      found: dims.map(showDimension).join(", "),
    });
  if (only.streamed)
    return report(context, { kind: "not-supported", span: call.span, what: `\`index(${only.name})\`` });
  return {
    kind: "tensor",
    dtype: "i32",
    dims: [only],
    node: emit(context, "index", [], { dim: graphDim(only) }, call.span),
  };
};

const clamp: Builtin = (context, scope, call) => {
  const [x, low, high] = valuesOf(context, scope, "clamp", call, "x", "low", "high");
  if (!x || !low || !high) return wrong;
  const raised = arithmeticOf(context, "max", x, low, call.span);
  return arithmeticOf(context, "min", { value: raised, span: call.span }, high, call.span);
};

const detach: Builtin = (context, scope, call) => {
  const [x] = valuesOf(context, scope, "detach", call, "x");
  if (x?.value.kind !== "tensor") return x?.value ?? wrong;
  return { ...x.value, node: emit(context, "detach", [x.value.node], {}, call.span) };
};

/** Rounds to a stored type and reads it back. */
function stored(dtype: "f16" | "bf16"): Builtin {
  return (context, scope, call) => {
    const [x] = valuesOf(context, scope, dtype, call, "x");
    const tensor = x && numeric(context, x) ? asTensor(context, x, "f32") : null;
    return tensor ? { ...tensor, node: emit(context, "cast", [tensor.node], { dtype }, call.span) } : wrong;
  };
}

/** `i32(x)`: the whole number on the side of 0, of what i32 does not hold the nearest that it does, of NaN 0. */
const toWhole: Builtin = (context, scope, call) => {
  const [x] = valuesOf(context, scope, "i32", call, "x");
  if (!x || !numeric(context, x)) return wrong;
  if (x.value.kind === "tensor") return asTensor(context, x, "i32") ?? wrong;
  if (x.value.real !== null) return number(Math.trunc(x.value.real));
  return unknownUnder("floor", x.value);
};

/** `refuse("…")`: what a definition does not cover; reached only where a condition known at compile time leads there. */
const refuse: Builtin = (context, scope, call) => {
  const [what] = valuesOf(context, scope, "refuse", call, "reason");
  if (what?.value.kind !== "string" || context.isOpen) return wrong;
  return report(context, { kind: "not-supported", span: call.span, what: what.value.value ?? "this" });
};

/** `missing(config.field)`: whether config.json has no such field, which null is. */
const missing: Builtin = (context, scope, call) => {
  const [field] = valuesOf(context, scope, "missing", call, "field");
  if (!field || field.value.kind === "wrong") return wrong;
  const { value } = field;
  const isOpen = value.kind === "number" && value.real === null;
  return { kind: "boolean", value: isOpen ? null : value.kind === "absent" && !value.isNull };
};

const table: Readonly<Record<string, Builtin>> = {
  ...Object.fromEntries(Object.entries(elementwise).map(([name, rule]) => [name, mathematics(name, rule)])),
  sum,
  mean,
  norm,
  best,
  size,
  index,
  clamp,
  detach,
  refuse,
  missing,
  max: extreme("max"),
  min: extreme("min"),
  argmax: argument("argmax"),
  argmin: argument("argmin"),
  rename: renameOf,
  split: splitOf,
  merge: mergeOf,
  stack: stackOf,
  i32: toWhole,
  f16: stored("f16"),
  bf16: stored("bf16"),
};

/** The outermost scope: builtin functions, and `lowest`, the least number that is not infinite. */
export function builtinScope(): Scope {
  const values = new Map<string, Value>();
  for (const [name, run] of Object.entries(table))
    values.set(name, { kind: "callable", name, call: run } satisfies Callable);
  values.set("lowest", number(-3.4028234663852886e38));
  return { values, dims: new Map(), parent: null, taken: new Set(), made: new Set() };
}
