/** Facts about a graph that fusion asks for again and again. */
import type { Graph } from "../graph/graph.ts";
import type { Node } from "../graph/ops.ts";

export interface Surroundings {
  readonly graph: Graph;
  /** The nodes that read a node, by its id, each once. */
  readonly readers: readonly (readonly Node[])[];
  /** Whether a node depends on weights, states and constants alone, where the graph has data as well. */
  readonly isSetup: (node: Node) => boolean;
  readonly isOutput: (node: Node) => boolean;
}

export function surroundings(graph: Graph): Surroundings {
  const readers: Node[][] = graph.nodes.map(() => []);
  const isData: boolean[] = [];
  for (const node of graph.nodes) {
    const inputs: readonly Node[] = node.inputs;
    for (const x of new Set(inputs)) readers[x.id]?.push(node);
    isData.push((node.op === "input" && node.attrs.role === "data") || inputs.some((x) => isData[x.id]));
  }
  const outputs = new Set(graph.outputs.map(({ node }) => node));
  const hasData = isData.includes(true);
  return { graph, readers, isSetup: ({ id }) => hasData && !isData[id], isOutput: (node) => outputs.has(node) };
}
