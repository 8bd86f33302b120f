/** Selections: `x[d: i]` gathers, `x[d: a .. b as step]` slices. */
import type { Name } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import { isWithin, reachOf } from "../graph/reach.ts";
import { passingProblem } from "./align.ts";
import { type Context, report } from "./context.ts";
import { asTensor, numeric } from "./operations.ts";
import { makeDimension } from "./scope.ts";
import { known, minus, open, type Size, showSize } from "./size.ts";
import { type Dimension, graphDim, type Tensor } from "./tensor.ts";
import { type Call, type Operand, showValue, type Value, wrong } from "./value.ts";

/** The elements at a position, or at each of a tensor of positions, whose dimensions take the place of the one that is read. */
export function pick({ context, span }: Call, x: Tensor, dimension: Dimension, place: Operand): Value {
  if (place.value.kind === "sparsity") {
    const hint = `a slice is \`x[${dimension.name}: 0 .. 4 as step]\``;
    const found = showValue(place.value);
    return report(context, { kind: "wrong-type", span: place.span, expected: "a position", found, hint });
  }
  if (!numeric(context, place) || !isPosition(context, place, dimension)) return wrong;
  const passing = passingProblem({ value: x, span }, place);
  if (passing) return report(context, passing);
  const where = asTensor(context, place, "i32");
  if (!where || !isReached(context, where.node, dimension, place.span)) return wrong;
  const made = where.dims.filter(({ id }) => id === dimension.id || !x.dims.some((dim) => dim.id === id));
  const dims = x.dims.flatMap((dim) => (dim.id === dimension.id ? made : [dim]));
  // A field of codes is read as whole numbers.
  const at = context.maker.make("cast", [where.node], { dtype: "i32" }, span);
  const node = context.maker.make("gather", [x.node, at], { dim: dimension.id }, span);
  return { kind: "tensor", dtype: x.dtype, dims, node };
}

/** Whole numbers; one that is known before the run, on the dimension. */
function isPosition(context: Context, { value, span }: Operand, { name, size }: Dimension): boolean {
  if (value.kind === "tensor" && value.dtype !== "i32") {
    const hint = "`i32(…)` makes whole numbers of others, as in `i32(floor(y))`";
    const found = showValue(value);
    report(context, { kind: "wrong-type", span, expected: "whole numbers (i32)", found, hint });
    return false;
  }
  const place = value.kind === "number" ? value.real : null;
  if (place === null || (Number.isInteger(place) && place >= 0 && place < (known(size) ?? Number.POSITIVE_INFINITY)))
    return true;
  const [what, range] = [`the index into \`${name}\``, `a whole number below ${showSize(size)}`];
  report(context, { kind: "out-of-range", span, what, value: String(place), range });
  return false;
}

/** False, and a problem, for positions that are known before the run and lie outside of the dimension. */
function isReached(context: Context, node: Node, { name, size }: Dimension, span: Span): boolean {
  const [reach, count] = [reachOf(node), known(size)];
  if (reach === undefined || Number.isNaN(reach.high - reach.low) || count === undefined) return true;
  if (isWithin(reach, count)) return true;
  const [what, value] = reach.low < 0 ? ["least", reach.low] : ["greatest", reach.high];
  report(context, {
    kind: "out-of-range",
    span,
    what: `the ${what} of these positions along \`${name}\``,
    value: String(value),
    range: `from 0 to ${count - 1}${context.where}`,
    hint: `\`clamp(…, 0, size(${name}) - 1)\` takes the nearest there is, \`… % size(${name})\` begins again`,
  });
  return false;
}

/** `from .. to` along a dimension, which then has another name. */
export function slice(
  { context, scope, span }: Call,
  x: Tensor,
  dimension: Dimension,
  [first, end]: readonly [Operand, Operand],
  as: Name,
): Value {
  if (first.value.kind === "wrong" || end.value.kind === "wrong") return wrong;
  const [low, high] = [boundOf(first.value), boundOf(end.value)];
  if (low === undefined || high === undefined) {
    const found = `${showValue(first.value)} .. ${showValue(end.value)}`;
    const expected = "a range of whole numbers known at compile time";
    return report(context, { kind: "wrong-type", span, expected, found });
  }
  const [a, b, n] = [low && known(low), high && known(high), known(dimension.size)];
  if (typeof a === "number" && typeof b === "number" && (a < 0 || b <= a || (n !== undefined && b > n)))
    return report(context, {
      kind: "out-of-range",
      span,
      what: `the range of \`${dimension.name}\``,
      value: `${a} .. ${b}`,
      range: `within 0 .. ${showSize(dimension.size)} and not empty`,
    });
  const length = low && high ? minus(high, low) : open(as.text);
  const step = makeDimension(context, scope, as.text, length, as.span);
  const start = asTensor(context, first, "i32");
  if (!step || !start) return wrong;
  const index = context.maker.make("index", [], { dim: graphDim(step) }, span);
  const at = a === 0 ? index : context.maker.make("add", [index, start.node], {}, span);
  const dims = x.dims.map((dim) => (dim.id === dimension.id ? step : dim));
  return {
    kind: "tensor",
    dtype: x.dtype,
    dims,
    node: context.maker.make("gather", [x.node, at], { dim: dimension.id }, span),
  };
}

/** One end of a range: null while it is unknown, undefined if it can be none. */
function boundOf(value: Value): Size | null | undefined {
  if (value.kind !== "number") return undefined;
  return value.size ?? (value.real === null ? null : undefined);
}
