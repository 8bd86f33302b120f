/** What it costs to compute and to move, in operations: one multiplication is 1. Only ratios count, and only roughly. */
import { dispatch, type Node, type Rules } from "../graph/ops.ts";
import { count } from "../graph/type.ts";

/** Four bytes from memory, or from a cache if they are read again. */
export const loaded = 8;

/** The same, when another kernel has just written them; a factor of a contraction is read by tiles. */
export const readBack = 16;

/** Four bytes to memory. */
export const written = 32;

/** Starting a kernel. */
export const launch = 50_000;

/** At most this many sums share a kernel: registers are few. */
export const mostSums = 3;

const cheap = (): number => 1;
const some = (): number => 4;
const many = (): number => 20;
const nothing = (): number => 0;

/** One evaluation of the primitive alone; a reduction counts its terms. */
const own: Rules<readonly [], number> = {
  constant: nothing,
  input: () => loaded,
  index: nothing,
  neg: cheap,
  abs: cheap,
  exp: many,
  log: many,
  log2: many,
  sqrt: some,
  rsqrt: some,
  sin: many,
  cos: many,
  tanh: many,
  erf: () => 50,
  floor: cheap,
  round: cheap,
  not: cheap,
  cast: cheap,
  detach: nothing,
  add: cheap,
  sub: cheap,
  mul: cheap,
  div: some,
  pow: () => 50,
  min: cheap,
  max: cheap,
  mod: some,
  random: () => 100,
  less: cheap,
  lessEqual: cheap,
  equal: cheap,
  and: cheap,
  or: cheap,
  select: cheap,
  reduce: (node) => termsOf(node),
  rename: nothing,
  split: nothing,
  merge: nothing,
  gather: some,
  best: () => loaded,
  order: () => loaded,
  cholesky: () => loaded,
  triangularInverse: () => loaded,
  eigenvectors: () => loaded,
  feedback: () => loaded,
  part: () => loaded,
};

export interface Cost {
  /** One evaluation by itself, with all that it needs, down to what is in memory. */
  readonly alone: number;
  /** One of many, where what has fewer dimensions is computed once for all that share it. */
  readonly shared: number;
}

/** The number of terms of each result of a reduction. */
export const termsOf = (node: Node): number =>
  node.op === "reduce"
    ? count({ dims: node.inputs[0].type.dims.filter(({ name }) => node.attrs.over.includes(name)) })
    : 1;

/** By node id; nodes in `stored` are read from memory. Common parts count for each use, so this is an upper bound. */
export function costs(nodes: readonly Node[], stored: ReadonlySet<Node>): readonly Cost[] {
  const result: Cost[] = [];
  for (const node of nodes) result.push(stored.has(node) ? { alone: loaded, shared: loaded } : costOf(node, result));
  return result;
}

const limit = 1e9;

function costOf(node: Node, known: readonly Cost[]): Cost {
  const inputs: readonly Node[] = node.inputs;
  const terms = termsOf(node);
  const each = dispatch(own, node);
  const elements = count(node.type) * terms;
  const of = (x: Node): Cost => known[x.id] ?? { alone: 0, shared: 0 };
  const alone = inputs.reduce((sum, x) => sum + of(x).alone, 0) * terms + each;
  const shared =
    inputs.reduce((sum, x) => sum + of(x).shared * Math.min(1, count(x.type) / elements), 0) * terms + each;
  return { alone: Math.min(alone, limit), shared: Math.min(shared, limit) };
}
