/**
 * Which sums of products are contractions, and which name plays which role: in both factors and the result, batch; in one factor
 * and the result, M or N; in both factors and summed, K.
 */
import type { Node, NodeOf } from "../graph/ops.ts";
import { count, type Dim } from "../graph/type.ts";
import type { Roles } from "./group.ts";

/** The sizes of a contraction. */
export interface Extents {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

export const extentsOf = ({ batch, m, n, k }: Roles): Extents => ({
  batch: count({ dims: batch }),
  m: count({ dims: m }),
  n: count({ dims: n }),
  k: count({ dims: k }),
});

/** A sum of a product, with its factors in reading order; m are the dimensions of the first alone, n those of the second. */
export interface Product {
  readonly node: NodeOf<"reduce">;
  readonly factors: readonly [Node, Node];
  readonly roles: Roles;
}

/** Fewer terms stay a loop. */
const leastTerms = 4;

/** The contraction that a node is. Both factors must bring in dimensions: what only one has is summed before (see `sumsFirst`). */
export function productOf(node: Node): Product | undefined {
  if (node.op !== "reduce" || node.attrs.by !== "sum") return undefined;
  const [x] = node.inputs;
  if (x.op !== "mul" || node.type.dtype !== "f32") return undefined;
  const [a, b] = x.inputs;
  const roles = rolesOf(a.type.dims, b.type.dims, node.attrs.over);
  if (roles === undefined) return undefined;
  const { m, n, k } = extentsOf(roles);
  return m > 1 && n > 1 && k >= leastTerms ? { node, factors: [a, b], roles } : undefined;
}

function rolesOf(a: readonly Dim[], b: readonly Dim[], over: readonly string[]): Roles | undefined {
  const has = (dims: readonly Dim[], name: string): boolean => dims.some((dim) => dim.name === name);
  const k = over.flatMap((name) => a.filter((dim) => dim.name === name && has(b, name)));
  if (k.length !== over.length) return undefined;
  const rest = (dims: readonly Dim[]): readonly Dim[] => dims.filter(({ name }) => !over.includes(name));
  return {
    batch: rest(a).filter(({ name }) => has(b, name)),
    m: rest(a).filter(({ name }) => !has(b, name)),
    n: rest(b).filter(({ name }) => !has(a, name)),
    k,
  };
}

/** The same contraction with its factors exchanged. */
export const exchanged = ({ node, factors: [a, b], roles }: Product): Product => ({
  node,
  factors: [b, a],
  roles: { ...roles, m: roles.n, n: roles.m },
});

/** Whether one kernel can compute both: they have the first factor, and the names and sizes in each role. */
export const sharesFirst = (x: Product, y: Product): boolean =>
  x.factors[0] === y.factors[0] &&
  (["batch", "m", "n", "k"] as const).every((role) => show(x.roles[role]) === show(y.roles[role]));

const show = (dims: readonly Dim[]): string => dims.map(({ name, size }) => `${name}:${size}`).join(" ");
