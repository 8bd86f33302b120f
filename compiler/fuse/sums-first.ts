/** Σ over k and j of a[m, k, j] · b[n, k] is Σ over k of (Σ over j of a) · b: what one factor alone is summed over goes first. */
import type { Graph } from "../graph/graph.ts";
import { maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { sizeOf } from "../graph/type.ts";

/** The graph with such sums taken apart. */
export function sumsFirst(graph: Graph): Graph {
  if (!graph.nodes.some((node) => alone(node).length > 0)) return graph;
  const { make, copy, graph: finish } = maker();
  const images = new Map<Node, Node>();
  const image = (node: Node): Node => images.get(node) ?? node;
  for (const node of graph.nodes) {
    const [over] = alone(node);
    if (node.op !== "reduce" || over === undefined) {
      images.set(node, copy(node, image));
      continue;
    }
    const [product] = node.inputs;
    const factors = product.inputs.map((x: Node) => {
      const own = node.attrs.over.filter((name) => isOnlyIn(name, x, product));
      return own.length === 0 ? image(x) : make("reduce", [image(x)], { by: "sum", over: own }, node.origin);
    });
    const rest = node.attrs.over.filter((name) =>
      product.inputs.every((x: Node) => sizeOf(x.type, name) !== undefined),
    );
    const whole = make("mul", factors as unknown as readonly [Node, Node], {}, product.origin);
    images.set(node, make("reduce", [whole], { by: "sum", over: rest }, node.origin));
  }
  return finish(
    graph.name,
    graph.outputs.map((output) => ({ ...output, node: image(output.node) })),
  );
}

const isOnlyIn = (name: string, x: Node, product: Node): boolean =>
  sizeOf(x.type, name) !== undefined && product.inputs.some((other: Node) => sizeOf(other.type, name) === undefined);

/** The dimensions that only one factor of the sum has, if both share others and each brings in some of its own. */
function alone(node: Node): readonly string[] {
  if (node.op !== "reduce" || node.attrs.by !== "sum" || node.inputs[0].op !== "mul" || node.type.dtype !== "f32")
    return [];
  const [product] = node.inputs;
  const names = node.attrs.over.filter((name) => product.inputs.some((x: Node) => isOnlyIn(name, x, product)));
  const bringsIn = (x: Node): boolean => node.type.dims.some(({ name }) => isOnlyIn(name, x, product));
  return names.length < node.attrs.over.length && product.inputs.every(bringsIn) ? names : [];
}
