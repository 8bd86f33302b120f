/** Parts of a stored tensor that are layers of their own, one after the other along its rows, and the tensor put together of them. */
import type { Span } from "../../grammar/source.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { type Dim, sizeOf } from "../graph/type.ts";
import { known } from "../language/size.ts";
import { type Dimension, graphDims, volume } from "../language/tensor.ts";
import type { Pieces } from "../language/trace.ts";
import { type DeclaredTensor, tensorName } from "./declared-tensor.ts";
import { orderNode } from "./linear.ts";
import { dtypeOf, type ModelType, type Part } from "./value.ts";

/** What the rows of one piece are called between the stored tensor and the dimensions of its layer. */
export const pieceRow = "row of one";

/** The rows of one of the pieces, split into the dimensions of its layer. */
export function pieceOf(
  { make }: Maker,
  whole: Node,
  { rows, of }: Pieces,
  place: number,
  into: readonly Dim[],
  span: Span,
): Node {
  const sizes = of.map((dims) => known(volume(dims)) ?? 0);
  const from = sizes.slice(0, place).reduce((sum, size) => sum + size, 0);
  const index = make("index", [], { dim: { name: pieceRow, size: sizes[place] ?? 0 } }, span);
  const start = make("constant", [], { value: from, dtype: "i32" }, span);
  const own = make("gather", [whole, make("add", [index, start], {}, span)], { dim: rows.id }, span);
  return make("split", [own], { dim: pieceRow, into }, span);
}

/** The tensor in which pieces lie one after the other, each with its rows made of some dimensions. */
export function joined(
  { make }: Maker,
  pieces: readonly { readonly node: Node; readonly rows: readonly string[] }[],
  { id }: Dimension,
  span: Span,
): Node {
  const own = pieces.map(({ node, rows }) => make("merge", [node], { dims: rows, into: pieceRow }, span));
  const sizes = own.map((node) => sizeOf(node.type, pieceRow) ?? 0);
  const index = make("index", [], { dim: { name: id, size: sizes.reduce((sum, size) => sum + size, 0) } }, span);
  const number = (value: number): Node => make("constant", [], { value, dtype: "i32" }, span);
  let end = 0;
  const placed = own.map((node, i) => {
    const at = make("sub", [index, number(end)], {}, span);
    end += sizes[i] ?? 0;
    return { end, node: make("gather", [node, at], { dim: pieceRow }, span) };
  });
  const [last, ...before] = placed.toReversed();
  const result = before.reduce(
    (after, piece) => make("select", [make("less", [index, number(piece.end)], {}, span), piece.node, after], {}, span),
    last?.node as Node,
  );
  const order = own
    .flatMap(({ type }, i) => (i === 0 ? type.dims : []))
    .map(({ name }) => (name === pieceRow ? id : name));
  return orderNode({ make }, result, order, span);
}

/** What a forward pass reads of a stored tensor: all of it, or the part of each layer that lies in it. */
export function readOf(
  maker: Maker,
  type: ModelType,
  layer: Part["layer"],
  { name, dims, pieces, span }: DeclaredTensor,
): readonly Node[] {
  const dtype = dtypeOf(type, tensorName(name, layer));
  const attrs = { name, type: { dtype, dims: graphDims(dims.flat()) }, role: "weight" } as const;
  const stored = maker.make("input", [], attrs, span);
  return pieces ? pieces.of.map((to, i) => pieceOf(maker, stored, pieces, i, graphDims(to), span)) : [stored];
}
