/**
 * A greatest, a least or an integer sum of much, of which there are few, goes in two steps, so that there is enough to do at the
 * same time: its order changes nothing.
 */

import { isParallel } from "../fuse/draft.ts";
import type { Graph } from "../graph/graph.ts";
import { type Maker, maker } from "../graph/make.ts";
import type { Node, NodeOf } from "../graph/ops.ts";
import { count, type Dim } from "../graph/type.ts";

/** The graph with such reductions taken apart. */
export function inTwoSteps(graph: Graph): Graph {
  if (!graph.nodes.some(isLong)) return graph;
  const made = maker();
  const images = new Map<Node, Node>();
  const image = (node: Node): Node => images.get(node) ?? node;
  for (const node of graph.nodes) {
    const parted = isLong(node) ? part(made, node, image(node.inputs[0])) : undefined;
    images.set(node, parted ?? made.copy(node, image));
  }
  return made.graph(
    graph.name,
    graph.outputs.map((output) => ({ ...output, node: image(output.node) })),
  );
}

const isLong = (node: Node): node is NodeOf<"reduce"> =>
  node.op === "reduce" &&
  (node.attrs.by === "max" || node.attrs.by === "min" || (node.attrs.by === "sum" && node.type.dtype !== "f32")) &&
  !isParallel(node.type.dims, count(node.inputs[0].type));

/** Along the last of its dimensions first; one that is alone is divided. Undefined where that gives too few parts. */
function part({ make }: Maker, { attrs, origin }: NodeOf<"reduce">, x: Node): Node | undefined {
  const over = x.type.dims.filter(({ name }) => attrs.over.includes(name));
  const last = over.at(-1);
  if (last === undefined) return undefined;
  const twice = (from: Node, first: string, rest: readonly string[]): Node =>
    make(
      "reduce",
      [make("reduce", [from], { by: attrs.by, over: [first] }, origin)],
      { by: attrs.by, over: rest },
      origin,
    );
  const rest = over.filter((dim) => dim !== last);
  if (isParallel(rest, Number.POSITIVE_INFINITY))
    return twice(
      x,
      last.name,
      rest.map(({ name }) => name),
    );
  const parts = halved(last);
  if (parts === undefined) return undefined;
  const [outer, inner] = parts.map(({ name }) => name) as [string, string];
  const divided = make("split", [x], { dim: last.name, into: parts }, origin);
  return twice(divided, inner, [...rest.map(({ name }) => name), outer]);
}

/** As two dimensions of about the same size. */
function halved({ name, size }: Dim): readonly [Dim, Dim] | undefined {
  for (let outer = Math.floor(Math.sqrt(size)); outer > 1; outer--)
    if (size % outer === 0 && isParallel([{ name, size: outer }], Number.POSITIVE_INFINITY))
      return [
        { name: `${name}.outer`, size: outer },
        { name: `${name}.inner`, size: size / outer },
      ];
  return undefined;
}
