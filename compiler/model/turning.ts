/**
 * What an orthogonal matrix turns with an activation, found in the forward pass. What is added to a turned value is turned with it, down
 * to weights; a sum over the dimension of a product of two turned values is what it was, since the matrix is orthogonal, and so is the
 * mean of squares; what acts on each place by itself, or tells places apart, cannot be turned.
 */

import { coneOf } from "../graph/cone.ts";
import type { Node, OpName } from "../graph/ops.ts";
import { sizeOf } from "../graph/type.ts";
import { isOfWeights } from "./weight-path.ts";

/** A value, and its dimension that is turned. */
export interface Along {
  readonly node: Node;
  readonly dim: string;
}

/** Where a value cannot be turned, and why; `gain` is what multiplies places where that is what nothing takes over. */
export interface Unturned {
  readonly at: Node;
  readonly because: string;
  readonly gain?: Node;
}

/** What a turned value is multiplied with, place by place: weights alone, which other weights take over. */
export interface Gain extends Along {
  readonly of: Node;
  readonly by: Node;
}

/** What is turned of a part of a forward pass. */
export interface Turned {
  /** By values, their dimensions that are turned. */
  readonly dims: ReadonlyMap<Node, ReadonlySet<string>>;
  /** Products of two turned values that are summed over the dimension; of one with itself, its square. */
  readonly products: readonly (Along & { readonly of: readonly Node[] })[];
  readonly gains: readonly Gain[];
  readonly usersOf: (node: Node) => readonly Node[];
}

export const isUnturned = (found: object): found is Unturned => "because" in found;

/** All that is turned with some values, where `results` are handed on and `leaves` are weights as they are read. */
export function turnedWith(
  seeds: readonly Along[],
  results: readonly Node[],
  leaves: ReadonlySet<Node>,
): Turned | Unturned {
  const users = new Map<Node, Node[]>();
  for (const node of coneOf(results))
    for (const input of new Set<Node>(node.inputs)) users.set(input, [...(users.get(input) ?? []), node]);
  const usersOf = (node: Node): readonly Node[] => users.get(node) ?? [];
  const at: Turning = { usersOf, results: new Set(results), products: new Map(), gains: new Map() };
  const dims = new Map<Node, Set<string>>();
  const queue = [...seeds];
  for (let next = queue.pop(); next; next = queue.pop()) {
    const { node, dim } = next;
    const known = dims.get(node) ?? new Set();
    if (known.has(dim)) continue;
    dims.set(node, known.add(dim));
    const below = leaves.has(node) ? [] : around(at, node, beneath(node, dim));
    const all = [below, ...usersOf(node).map((user) => around(at, user, dim))];
    for (const each of all) if (isUnturned(each)) return each;
    queue.push(...all.flatMap((each) => (isUnturned(each) ? [] : each)));
  }
  return { dims, products: [...at.products.values()], gains: [...at.gains.values()], usersOf };
}

interface Turning extends Pick<Turned, "usersOf"> {
  readonly results: ReadonlySet<Node>;
  readonly products: Map<Node, Turned["products"][number]>;
  readonly gains: Map<Node, Gain>;
}

/** What goes together at a node, of whose operands some have the dimension. */
type Together = readonly Along[] | Unturned;

const has = ({ type }: Node, dim: string): boolean => sizeOf(type, dim) !== undefined;

/** The dimension of a value as its operand calls it. */
const beneath = (node: Node, dim: string): string =>
  node.op === "rename" && dim === node.attrs.to ? node.attrs.from : dim;

function around(at: Turning, node: Node, dim: string): Together {
  const rule = rules[node.op] as ((at: Turning, node: Node, dim: string) => Together) | undefined;
  if (rule) return rule(at, node, dim);
  const isPlace = node.op === "index" || node.op === "random";
  return {
    at: node,
    because: isPlace ? "places are told apart here" : `\`${node.op}\` is taken of each place by itself`,
  };
}

type Of<K extends OpName> = Extract<Node, { readonly op: K }>;
type Rule<K extends OpName> = (at: Turning, node: Of<K>, dim: string) => Together;

const along = (dim: string, ...nodes: readonly Node[]): readonly Along[] => nodes.map((node) => ({ node, dim }));

const first = (_: Turning, node: Of<"neg" | "detach">, dim: string): Together => along(dim, node, node.inputs[0]);

const isZero = ({ op, attrs }: Node): boolean => op === "constant" && attrs.value === 0;

/** Both have the dimension, or one is 0. */
function terms(node: Node, [a, b]: readonly [Node, Node], dim: string): Together {
  const lacking = [a, b].find((x) => !has(x, dim) && !isZero(x));
  if (lacking) return { at: node, because: "this is the same for all places" };
  return along(dim, node, ...[a, b].filter((x) => has(x, dim)));
}

const sums = (_: Turning, node: Of<"add" | "sub">, dim: string): Together => terms(node, node.inputs, dim);

const product: Rule<"mul"> = (at, node, dim) => {
  const [a, b] = node.inputs;
  if (!has(a, dim) || !has(b, dim)) return along(dim, node, has(a, dim) ? a : b);
  if (isSummed(at, node, dim)) {
    at.products.set(node, { node, dim, of: [a, b] });
    return along(dim, a, b);
  }
  const [by, other] = [a, b].filter(isOfWeights);
  if (!by || other) return { at: node, because: "this multiplies each place by itself" };
  const of = by === a ? b : a;
  at.gains.set(node, { node, dim, of, by });
  return along(dim, node, of);
};

const power: Rule<"pow"> = (at, node, dim) => {
  const [base, { op, attrs }] = node.inputs;
  const isSquare = op === "constant" && attrs.value === 2 && isSummed(at, node, dim);
  if (!isSquare) return { at: node, because: "`pow` is taken of each place by itself" };
  at.products.set(node, { node, dim, of: [base] });
  return along(dim, base);
};

/** Whether nothing is made of a product but its sum over the dimension. */
function isSummed(at: Turning, node: Node, dim: string): boolean {
  const users = at.usersOf(node);
  return !at.results.has(node) && users.length > 0 && users.every((user) => isSummedIn(at, user, node, dim));
}

function isSummedIn(at: Turning, user: Node, node: Node, dim: string): boolean {
  switch (user.op) {
    case "reduce":
      return user.attrs.by === "sum" && (user.attrs.over.includes(dim) || isSummed(at, user, dim));
    case "neg":
    case "detach":
      return isSummed(at, user, dim);
    case "cast":
      return user.attrs.dtype === "f32" && isSummed(at, user, dim);
    case "mul":
    case "div":
      return user.inputs.filter((x) => has(x, dim)).length === 1 && user.inputs[0] !== user.inputs[1]
        ? (user.op === "mul" || user.inputs[0] === node) && isSummed(at, user, dim)
        : false;
    default:
      return false;
  }
}

const apart = "places are told apart here";

/** What goes together at each primitive; what is not here acts on each place by itself. */
const rules: { readonly [K in OpName]?: Rule<K> } = {
  ...{ neg: first, detach: first, add: sums, sub: sums, mul: product, pow: power },
  cast: (_, node, dim) =>
    node.attrs.dtype === "f32" ? along(dim, node, node.inputs[0]) : { at: node, because: "this is rounded" },
  div: (_, node, dim) => {
    const [a, b] = node.inputs;
    return has(b, dim) ? { at: node, because: "this divides each place by itself" } : along(dim, node, a);
  },
  select: (_, node, dim) => {
    const [condition, a, b] = node.inputs;
    return has(condition, dim) ? { at: node, because: apart } : terms(node, [a, b], dim);
  },
  reduce: (_, node, dim) => {
    const { by, over } = node.attrs;
    if (by !== "sum") return { at: node, because: `\`${by}\` is taken of each place by itself` };
    return over.includes(dim)
      ? { at: node, because: "this adds all places up, as a mean does" }
      : along(dim, node, node.inputs[0]);
  },
  rename: (_, node, dim) => {
    const to = dim === node.attrs.from ? node.attrs.to : dim;
    return [...along(to, node), ...along(dim, node.inputs[0])];
  },
  split: (_, node, dim) => {
    const [x] = node.inputs;
    if (isReordered(node)) return along(dim, node, x.inputs[0] as Node);
    const isApart = dim === node.attrs.dim || node.attrs.into.some(({ name }) => name === dim);
    return isApart ? { at: node, because: apart } : along(dim, node, x);
  },
  merge: (at, node, dim) => {
    if (!node.attrs.dims.includes(dim)) return along(dim, node, node.inputs[0]);
    const users = at.usersOf(node);
    const isWhole = users.every((user) => user.op === "split" && isReordered(user));
    return isWhole ? along(dim, node.inputs[0], ...users) : { at: node, because: apart };
  },
  gather: (_, node, dim) => {
    const [x, places] = node.inputs;
    return node.attrs.dim === dim || has(places, dim) ? { at: node, because: apart } : along(dim, node, x);
  },
  input: (_, node, dim) =>
    node.attrs.role === "data"
      ? along(dim, node)
      : { at: node, because: "what is read here is none of this part's weights" },
};

/** A split that gives a merged value its dimensions again, in an order of memory. */
function isReordered({ inputs: [x], attrs: { dim, into } }: Of<"split">): boolean {
  return (
    x.op === "merge" && x.attrs.into === dim && into.every(({ name, size }) => sizeOf(x.inputs[0].type, name) === size)
  );
}
