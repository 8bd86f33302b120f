/** Σ over k and j of a[m, k, j] · b[n, k] is Σ over k of (Σ over j of a) · b: what one factor alone is summed over goes first. */
import type { Graph } from "../graph/graph.ts";
import { maker } from "../graph/make.ts";
import type { Node, NodeOf } from "../graph/ops.ts";
import { sizeOf } from "../graph/type.ts";

/** The graph with such sums taken apart. */
export function sumsFirst(graph: Graph): Graph {
  if (!graph.nodes.some((node) => separable(node))) return graph;
  const { make, copy, graph: finish } = maker();
  const images = new Map<Node, Node>();
  const image = (node: Node): Node => images.get(node) ?? node;
  for (const node of graph.nodes) {
    const sum = separable(node);
    if (sum === undefined) {
      images.set(node, copy(node, image));
      continue;
    }
    const { product, over } = sum;
    const factor = (x: Node): Node => {
      const own = over.filter((name) => isOnlyIn(name, x, product));
      return own.length === 0 ? image(x) : make("reduce", [image(x)], { by: "sum", over: own }, node.origin);
    };
    const [a, b] = product.inputs;
    const whole = make("mul", [factor(a), factor(b)], {}, product.origin);
    const rest = over.filter((name) => [a, b].every((x) => sizeOf(x.type, name) !== undefined));
    images.set(node, make("reduce", [whole], { by: "sum", over: rest }, node.origin));
  }
  return finish(
    graph.name,
    graph.outputs.map((output) => ({ ...output, node: image(output.node) })),
  );
}

const isOnlyIn = (name: string, x: Node, { inputs }: NodeOf<"mul">): boolean =>
  sizeOf(x.type, name) !== undefined && inputs.some((other) => sizeOf(other.type, name) === undefined);

/** The product and the dimensions of a sum that goes over some of one factor alone, if both share others and each brings in some. */
function separable(node: Node): { readonly product: NodeOf<"mul">; readonly over: readonly string[] } | undefined {
  if (node.op !== "reduce" || node.attrs.by !== "sum" || node.type.dtype !== "f32") return undefined;
  const [product] = node.inputs;
  if (product.op !== "mul") return undefined;
  const { over } = node.attrs;
  const isAlone = (name: string): boolean => product.inputs.some((x) => isOnlyIn(name, x, product));
  const bringsIn = (x: Node): boolean => node.type.dims.some(({ name }) => isOnlyIn(name, x, product));
  return over.some(isAlone) && !over.every(isAlone) && product.inputs.every(bringsIn) ? { product, over } : undefined;
}
