/**
 * Values that are too large are computed in strips of a dimension, and so is what follows from them row by row, until it is small
 * enough to be put together. Every sum keeps its terms and their order.
 */

import { type Product, productOf } from "../fuse/roles.ts";
import { isByRows, rowsOf } from "../fuse/sweep-bodies.ts";
import { isElementwise } from "../graph/elementwise.ts";
import type { Graph } from "../graph/graph.ts";
import { type Maker, maker } from "../graph/make.ts";
import type { Node, NodeOf } from "../graph/ops.ts";
import { isRoutine, takenWhole } from "../graph/routine.ts";
import { count, type Dim, sizeOf } from "../graph/type.ts";
import { beneathViews, isView } from "../graph/view.ts";
import { invariant } from "../invariant.ts";
import { sweptAt } from "./sweep-strips.ts";

/** What is computed in strips: nodes with the names by which they have the dimension. */
type Region = ReadonlyMap<Node, string>;

/** The graph with a value and what follows from it in strips; undefined where that leaves nothing smaller to put together. */
export function inStrips(graph: Graph, value: Node, strips: number): Graph | undefined {
  const node = sourceOf(value);
  const regions = divisible(node).map(({ name }) => regionFrom(graph, node, name));
  const [smallest] = regions.toSorted((a, b) => wholeOf(graph, a) - wholeOf(graph, b));
  const least = count(node.type);
  return smallest && wholeOf(graph, smallest) < least ? divided(graph, smallest, { strips, least }) : undefined;
}

/** The graph with a value in strips by itself: what reads it reads them all. */
export function inStripsAlone(graph: Graph, value: Node, strips: number): Graph | undefined {
  const node = sourceOf(value);
  const [first] = divisible(node);
  const together = graph.nodes.filter((each) => sourceOf(each) === node);
  return (
    first && divided(graph, new Map(together.map((each) => [each, first.name])), { strips, least: count(node.type) })
  );
}

/** What makes the value, together with others that are divided with it. */
const sourceOf = (node: Node): Node => (node.op === "part" ? node.inputs[0] : node);

/** Dimensions along which the node can be computed in strips. */
const divisible = (node: Node): readonly Dim[] =>
  node.type.dims.filter(({ name, size }) => size > 1 && (node.op === "gather" || isRowwise(node, name)));

/** The graph with a contraction in strips of the columns that it takes from this second factor. */
export function inColumnStrips(graph: Graph, factor: Node, strips: number): Graph | undefined {
  for (const product of graph.nodes.flatMap((node) => productOf(node) ?? [])) {
    const column = columnsOf(product, factor).find(({ size }) => size > 1);
    const least = Math.min(count(product.node.type), count(factor.type));
    if (column !== undefined) return divided(graph, new Map([[product.node, column.name]]), { strips, least });
  }
  return undefined;
}

const columnsOf = ({ factors: [a, b], roles: { m, n } }: Product, factor: Node): readonly Dim[] =>
  [b, beneathViews(b)].includes(factor) ? n : [a, beneathViews(a)].includes(factor) ? m : [];

/** The node and all that follows from it along the dimension. */
function regionFrom(graph: Graph, start: Node, dim: string): Region {
  const region = new Map([[start, dim]]);
  for (const node of graph.nodes.slice(start.id + 1)) {
    const found = followed(node, region);
    if (found !== undefined) region.set(node, found);
  }
  return region;
}

/** By which name the node has the dimension of its operands in the region; undefined if it needs all of it at once. */
function followed(node: Node, region: Region): string | undefined {
  const names = new Set(node.inputs.flatMap((x: Node) => region.get(x) ?? []));
  const [name] = names;
  if (name === undefined || names.size > 1 || wholeFor(node).includes(name)) return undefined;
  if (node.op === "rename" && node.attrs.from === name) return node.attrs.to;
  if (node.op !== "gather" || node.attrs.dim !== name) return name;
  const [x, at] = node.inputs;
  if (!region.has(x)) return name;
  return isSlice(node) && !region.has(at) ? at.type.dims[0]?.name : undefined;
}

/** Whether a gather takes some of the positions along a dimension and not, as one that joins strips, the same ones again. */
const isSlice = ({ inputs: [x, at], attrs: { dim } }: NodeOf<"gather">): boolean =>
  at.type.dims.length === 1 && count(at.type) <= (sizeOf(x.type, dim) ?? 0);

/** Dimensions of its operand that the node needs as a whole. */
function wholeFor(node: Node): readonly string[] {
  if (node.op === "reduce") return node.attrs.over;
  if (node.op === "feedback" || node.op === "part") return wholeForSweep(node);
  if (isRoutine(node)) return takenWhole(node);
  if (node.op === "merge") return node.attrs.dims;
  return node.op === "split" ? [node.attrs.dim] : [];
}

/** All that it and its operands have but the rows, if they are swept each by itself. */
function wholeForSweep(node: NodeOf<"feedback"> | NodeOf<"part">): readonly string[] {
  const of = sourceOf(node);
  const rows = of.op === "feedback" && isByRows(of) ? rowsOf(of).map(({ name }) => name) : [];
  const all = [node, ...node.inputs].flatMap(({ type }: Pick<Node, "type">) => type.dims.map(({ name }) => name));
  return all.filter((name) => !rows.includes(name));
}

/** Nodes of the region that something outside of it needs. */
function endsOf({ nodes, outputs }: Graph, region: Region): ReadonlySet<Node> {
  const read = nodes.filter((node) => !region.has(node)).flatMap((node): readonly Node[] => node.inputs);
  return new Set([...read, ...outputs.map(({ node }) => node)].filter((node) => region.has(node)));
}

const wholeOf = (graph: Graph, region: Region): number =>
  [...endsOf(graph, region)].reduce((sum, { type }) => sum + count(type), 0);

interface Division {
  readonly strips: number;
  /** Elements from which on an operand is computed in strips as well. */
  readonly least: number;
}

function divided(graph: Graph, region: Region, { strips, least }: Division): Graph {
  const made = maker();
  const images = new Map<Node, Node>();
  const image = (node: Node): Node => {
    const found = images.get(node);
    invariant(found !== undefined, `%${node.id} is in strips only`);
    return found;
  };
  const wide = wideNodes(graph, least);
  const isInside: Stripping["isInside"] = (node, dim) => (region.has(node) ? region.get(node) === dim : wide.has(node));
  const take = stripper({ ...made, image, isInside });
  const ends = endsOf(graph, region);
  for (const node of graph.nodes) {
    const dim = node.type.dims.find(({ name }) => name === region.get(node));
    if (dim === undefined) images.set(node, made.copy(node, image));
    else if (ends.has(node)) images.set(node, joined(node, stripsOf(dim, strips), made, take));
  }
  return made.graph(
    graph.name,
    graph.outputs.map((output) => ({ ...output, node: image(output.node) })),
  );
}

/** Nodes with so many elements, and what makes them up: operands that are no smaller, or that are read in their place. */
function wideNodes({ nodes }: Graph, least: number): ReadonlySet<Node> {
  const wide = new Set<Node>();
  for (const node of nodes.toReversed()) {
    if (!wide.has(node) && count(node.type) < least) continue;
    wide.add(node);
    const [first]: readonly (Node | undefined)[] = node.inputs;
    for (const x of node.inputs)
      if (count(x.type) >= count(node.type) || (node.op === "gather" && x === first)) wide.add(x);
  }
  return wide;
}

/** A part of a dimension, which is a dimension of its own: the same part has the same name, and no other has it. */
interface Strip {
  readonly of: string;
  readonly dim: Dim;
  readonly start: number;
}

function stripsOf({ name, size }: Dim, strips: number): readonly Strip[] {
  const step = Math.ceil(size / strips);
  return Array.from({ length: Math.ceil(size / step) }, (_, i) => {
    const [start, length] = [i * step, Math.min(step, size - i * step)];
    return { of: name, dim: { name: `${name}@${start}+${length}`, size: length }, start };
  });
}

/** A node at the positions along a dimension. */
type Take = (node: Node, dim: string, at: Node) => Node;

/** The node from its strips. */
function joined(node: Node, strips: readonly Strip[], { make }: Maker, take: Take): Node {
  const { origin, type } = node;
  const constant = (value: number): Node => make("constant", [], { value, dtype: "i32" }, origin);
  const added = (x: Node, value: number): Node => (value === 0 ? x : make("add", [x, constant(value)], {}, origin));
  let whole: Node | undefined;
  for (const { of, dim, start } of strips.toReversed()) {
    const along = make("index", [], { dim: { name: of, size: sizeOf(type, of) ?? 0 } }, origin);
    const own = take(node, of, added(make("index", [], { dim }, origin), start));
    const last = make("min", [added(along, -start), constant(dim.size - 1)], {}, origin);
    const at = start === 0 ? last : make("max", [last, constant(0)], {}, origin);
    const part = make("gather", [own, at], { dim: dim.name }, origin);
    const isBefore = make("less", [along, constant(start + dim.size)], {}, origin);
    whole = whole === undefined ? part : make("select", [isBefore, part, whole], {}, origin);
  }
  invariant(whole !== undefined, `%${node.id} has no strips`);
  return whole.type.dtype === type.dtype ? whole : make("cast", [whole], { dtype: type.dtype }, origin);
}

interface Stripping extends Maker {
  readonly image: (node: Node) => Node;
  /** Whether the node is to be computed at positions along the dimension, and not as a whole. */
  readonly isInside: (node: Node, dim: string) => boolean;
}

/** A gather, applied to the operands of the nodes inside instead of to themselves. */
function stripper({ make, copy, image, isInside }: Stripping): Take {
  const known = new Map<string, Node>();
  const take: Take = (node, dim, at) => {
    if (sizeOf(node.type, dim) === undefined) return image(node);
    const key = `${node.id} ${dim} ${at.id}`;
    const made = known.get(key) ?? taken(node, dim, at);
    known.set(key, made);
    return made;
  };
  const gathered = (node: NodeOf<"gather">, dim: string, at: Node): Node => {
    const [x, place] = node.inputs;
    const { dim: along } = node.attrs;
    const moved = take(place, dim, at);
    const isAlone = dim === along || sizeOf(x.type, dim) === undefined;
    if (isAlone && isSlice(node) && isInside(x, along)) return take(x, along, moved);
    return make("gather", [dim === along ? image(x) : take(x, dim, at), moved], { dim: along }, node.origin);
  };
  const swept = (node: NodeOf<"feedback">, dim: string, at: Node): Node => {
    const [x, u, ...given] = node.inputs;
    const own = [take(x, dim, at), take(u, dim, at), ...given.map((each) => take(each, dim, at))] as const;
    return sweptAt(node, own, { dim, at, make });
  };
  const taken: Take = (node, dim, at) => {
    if (node.op === "index") return at;
    const isWhole = node.op === "part" && !isInside(node.inputs[0], dim);
    if (isWhole || !isInside(node, dim)) return make("gather", [image(node), at], { dim }, node.origin);
    if (node.op === "gather") return gathered(node, dim, at);
    if (node.op === "rename" && node.attrs.to === dim) return take(node.inputs[0], node.attrs.from, at);
    if (!isRowwise(node, dim)) return make("gather", [image(node), at], { dim }, node.origin);
    if (node.op === "feedback") return swept(node, dim, at);
    return copy(node, (x) => take(x, dim, at));
  };
  return take;
}

/** Whether the node has the dimension just as its operands have it. */
function isRowwise(node: Node, dim: string): boolean {
  if (isView(node)) return sizeOf(node.inputs[0].type, dim) === sizeOf(node.type, dim);
  const isAlone = isRoutine(node) || node.op === "part";
  return isElementwise(node) || node.op === "reduce" || (isAlone && !wholeFor(node).includes(dim));
}
