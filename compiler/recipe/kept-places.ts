/** Which of a dimension are kept, by their scores, and tensors of which the rest is left out. */
import type { Span } from "../../grammar/source.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import type { Dim, TensorType } from "../graph/type.ts";
import { fixed } from "../language/size.ts";
import { graphDims, ids } from "../language/tensor.ts";
import type { Pieces } from "../language/trace.ts";
import { joined, pieceOf } from "../model/pieces.ts";

/**
 * The places of the `count` best scores along a dimension, i32 in ascending order along a dimension of the same name and of that
 * size. Of equal scores the first are kept.
 */
export function keptPlaces({ make }: Maker, scores: Node, dim: string, count: number, span: Span): Node {
  const size = scores.type.dims.find(({ name }) => name === dim)?.size ?? 0;
  const [other, kept]: readonly [Dim, Dim] = [
    { name: `${dim} before`, size },
    { name: `${dim} kept`, size: count },
  ];
  const zero = make("constant", [], { value: 0, dtype: "i32" }, span);
  const place = make("index", [], { dim: { name: dim, size } }, span);
  const isBest = make("best", [scores], { over: [dim], keep: count }, span);
  const earlier = make("less", [make("index", [], { dim: other }, span), place], {}, span);
  const ones = make("rename", [make("cast", [isBest], { dtype: "i32" }, span)], { from: dim, to: other.name }, span);
  const before = make(
    "reduce",
    [make("select", [earlier, ones, zero], {}, span)],
    { by: "sum", over: [other.name] },
    span,
  );
  const isNext = make("equal", [before, make("index", [], { dim: kept }, span)], {}, span);
  const chosen = make("select", [make("and", [isBest, isNext], {}, span), place, zero], {}, span);
  const places = make("reduce", [chosen], { by: "sum", over: [dim] }, span);
  return make("rename", [places], { from: kept.name, to: dim }, span);
}

/** What a program calls the places that are kept of a dimension. */
export const keptSlot = (name: string): string => `kept ${name}`;

/** A dimension of a tensor of which less is kept: `id` is its own, by `name` that of the model. */
export interface Kept {
  readonly id: string;
  readonly name: string;
  readonly size: number;
}

/** A tensor of which only the kept places of some dimensions are left, in the order of its dimensions. */
export function cut(
  maker: Maker,
  type: TensorType,
  kept: readonly Kept[],
  pieces: Pieces | undefined,
  span: Span,
): Node {
  const { make } = maker;
  const whole = make("input", [], { name: slotNames.weight, type, role: "weight" }, span);
  const less = (all: Node): Node =>
    kept.reduce((node, { id, name, size }) => {
      if (!node.type.dims.some((dim) => dim.name === id)) return node;
      const dims = [{ name, size }];
      const places = make("input", [], { name: keptSlot(name), type: { dims, dtype: "i32" }, role: "state" }, span);
      const at = id === name ? places : make("rename", [places], { from: name, to: id }, span);
      return make("gather", [node, at], { dim: id }, span);
    }, all);
  if (!pieces) return less(whole);
  const own = pieces.of.map((dims, i) => ({
    node: less(pieceOf(maker, whole, pieces, i, graphDims(dims), span)),
    rows: ids(dims),
  }));
  const within = pieces.within.map((dim) => {
    const less = kept.find(({ id }) => id === dim.id);
    return less ? { ...dim, size: fixed(less.size) } : dim;
  });
  return joined(maker, own, { rows: pieces.rows, within }, span);
}
