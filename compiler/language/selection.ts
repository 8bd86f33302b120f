/** Selections: `x[d: i]` gathers, `x[d: a .. b as step]` slices. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import { isWithin, reachOf } from "../graph/reach.ts";
import { type Context, makeDimension, report, type Scope } from "./context.ts";
import { dimensionIn, operand } from "./expression.ts";
import { known, minus, open, type Size, showSize } from "./size.ts";
import { asTensor, emit, graphDim, numeric } from "./tensor.ts";
import { type Dimension, showValue, type Tensor, type Value, wrong } from "./value.ts";

/** Several selections apply in turn. */
export function indexOf(context: Context, scope: Scope, { value, selections, span }: Ast.Index): Value {
  let x = operand(context, scope, value);
  for (const selection of selections) {
    if (x.value.kind === "wrong") return wrong;
    if (x.value.kind !== "tensor")
      return report(context, { kind: "wrong-type", span, expected: "a tensor", found: showValue(x.value) });
    const dimension = dimensionIn(context, scope, x.value, selection.dim, x.span);
    if (!dimension) return wrong;
    x = {
      span,
      value:
        selection.kind === "pick"
          ? pick(context, scope, x.value, dimension, selection)
          : slice(context, scope, x.value, dimension, selection),
    };
  }
  return x.value;
}

function pick(context: Context, scope: Scope, x: Tensor, dimension: Dimension, { at, span }: Ast.Pick): Value {
  const place = operand(context, scope, at);
  if (place.value.kind === "sparsity") {
    const hint = `a slice is \`x[${dimension.name}: 0 .. 4 as step]\``;
    const found = showValue(place.value);
    return report(context, { kind: "wrong-type", span: at.span, expected: "a position", found, hint });
  }
  if (!numeric(context, place)) return wrong;
  const last = known(dimension.size);
  if (
    place.value.kind === "number" &&
    place.value.real !== null &&
    (place.value.real < 0 || !Number.isInteger(place.value.real) || (last !== undefined && place.value.real >= last))
  )
    return report(context, {
      kind: "out-of-range",
      span: at.span,
      what: `the index into \`${dimension.name}\``,
      value: String(place.value.real),
      range: `a whole number below ${showSize(dimension.size)}`,
    });
  if (place.value.kind === "tensor" && place.value.dtype !== "i32")
    return report(context, {
      kind: "wrong-type",
      span: at.span,
      expected: "whole numbers (i32)",
      found: showValue(place.value),
      hint: "`i32(…)` makes whole numbers of others, as in `i32(floor(y))`",
    });
  const where = asTensor(context, place, "i32");
  if (!where || !isReached(context, where.node, dimension, at.span)) return wrong;
  const positions = place.value.kind === "tensor" ? place.value.dims : [];
  const made = positions.filter(({ id }) => id === dimension.id || !x.dims.some((dim) => dim.id === id));
  const dims = x.dims.flatMap((dim) => (dim.id === dimension.id ? made : [dim]));
  return {
    kind: "tensor",
    dtype: x.dtype,
    dims,
    node: emit(context, "gather", [x.node, where.node], { dim: dimension.id }, span),
  };
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

function slice(
  context: Context,
  scope: Scope,
  x: Tensor,
  dimension: Dimension,
  { from, to, as, span }: Ast.Slice,
): Value {
  const [first, end] = [operand(context, scope, from), operand(context, scope, to)];
  const [low, high] = [boundOf(first.value), boundOf(end.value)];
  if (low === undefined || high === undefined)
    return report(context, {
      kind: "wrong-type",
      span,
      expected: "a range of whole numbers known at compile time",
      found: `${showValue(first.value)} .. ${showValue(end.value)}`,
    });
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
  const index = emit(context, "index", [], { dim: graphDim(step) }, span);
  const at = a === 0 ? index : emit(context, "add", [index, start.node], {}, span);
  const dims = x.dims.map((dim) => (dim.id === dimension.id ? step : dim));
  return {
    kind: "tensor",
    dtype: x.dtype,
    dims,
    node: emit(context, "gather", [x.node, at], { dim: dimension.id }, span),
  };
}

/** One end of a range: null while it is unknown, undefined if it can be none. */
function boundOf(value: Value): Size | null | undefined {
  if (value.kind !== "number") return undefined;
  return value.size ?? (value.real === null ? null : undefined);
}
