/** Facts about a graph that fusion asks for again and again. */
import type { Graph } from "../graph/graph.ts";
import type { Node, OpName } from "../graph/ops.ts";

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

/** Total over the primitives: does each element of the result depend on one element of each operand, in place? */
const elementwise: Readonly<Record<OpName, boolean>> = {
  constant: false,
  input: false,
  index: false,
  reduce: false,
  rename: false,
  split: false,
  merge: false,
  gather: false,
  best: false,
  order: false,
  cholesky: false,
  triangularInverse: false,
  eigenvectors: false,
  feedback: false,
  part: false,
  detach: false,
  neg: true,
  abs: true,
  exp: true,
  log: true,
  log2: true,
  sqrt: true,
  rsqrt: true,
  sin: true,
  cos: true,
  tanh: true,
  erf: true,
  floor: true,
  round: true,
  not: true,
  cast: true,
  add: true,
  sub: true,
  mul: true,
  div: true,
  pow: true,
  min: true,
  max: true,
  mod: true,
  random: true,
  less: true,
  lessEqual: true,
  equal: true,
  and: true,
  or: true,
  select: true,
};

/** Whether each element depends on one element of each operand. */
export const isElementwise = ({ op }: Node): boolean => elementwise[op];
