/** Parts of a stored tensor that are layers of their own, one after the other along its rows, and the tensor put together of them. */
import type { Span } from "../../grammar/source.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { type Dim, sizeOf } from "../graph/type.ts";
import { known } from "../language/size.ts";
import { graphDims, volume } from "../language/tensor.ts";
import type { Pieces } from "../language/trace.ts";
import { type DeclaredTensor, tensorName } from "./declared-tensor.ts";
import { orderNode } from "./linear.ts";
import { dtypeOf, type ModelType, type Part } from "./value.ts";

/** What the rows of one piece are called between the stored tensor and the dimensions of its layer. */
export const pieceRow = "row of one";

/** The runs of a stored tensor, in each of which the pieces lie one after the other. */
const run = "run of all";

/** How many runs there are. */
const runsIn = ({ within }: Pick<Pieces, "within">): number => known(volume(within)) ?? 1;

/** The rows of one of the pieces, split into the dimensions of its layer. */
export function pieceOf(
  maker: Pick<Maker, "make">,
  whole: Node,
  { rows, within, of }: Pieces,
  place: number,
  into: readonly Dim[],
  span: Span,
): Node {
  const { make } = maker;
  const runs = runsIn({ within });
  const sizes = of.map((dims) => (known(volume(dims)) ?? 0) / runs);
  const from = sizes.slice(0, place).reduce((sum, size) => sum + size, 0);
  const index = make("index", [], { dim: { name: pieceRow, size: sizes[place] ?? 0 } }, span);
  const start = make("constant", [], { value: from, dtype: "i32" }, span);
  const at = make("add", [index, start], {}, span);
  const own = make("gather", [inRuns(maker, whole, rows.id, runs, span), at], { dim: rows.id }, span);
  return make("split", [withoutRuns(maker, own, pieceRow, runs, span)], { dim: pieceRow, into }, span);
}

/** Rows as so many runs of them. */
const inRuns = ({ make }: Pick<Maker, "make">, node: Node, rows: string, runs: number, span: Span): Node => {
  const into = [run, rows].map((name, i) => ({ name, size: i === 0 ? runs : (sizeOf(node.type, rows) ?? 0) / runs }));
  return runs === 1 ? node : make("split", [node], { dim: rows, into }, span);
};

/** Rows of all runs, one run after the other. */
const withoutRuns = ({ make }: Pick<Maker, "make">, node: Node, rows: string, runs: number, span: Span): Node =>
  runs === 1 ? node : make("merge", [node], { dims: [run, rows], into: rows }, span);

/** The tensor in which pieces lie one after the other in each of some runs, each piece with its rows made of some dimensions. */
export function joined(
  maker: Pick<Maker, "make">,
  pieces: readonly { readonly node: Node; readonly rows: readonly string[] }[],
  { rows: { id }, within }: Pick<Pieces, "rows" | "within">,
  span: Span,
): Node {
  const { make } = maker;
  const runs = runsIn({ within });
  const own = pieces.map(({ node, rows }) =>
    inRuns(maker, make("merge", [node], { dims: rows, into: pieceRow }, span), pieceRow, runs, span),
  );
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
  return withoutRuns(maker, orderNode(maker, result, order, span), id, runs, span);
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
