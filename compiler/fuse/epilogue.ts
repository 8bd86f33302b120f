/**
 * How far what follows a contraction belongs to its kernel: element-wise nodes and views through which everything that reads the
 * sum must go. The furthest such node is the target.
 */
import { isElementwise } from "../graph/elementwise.ts";
import type { Node } from "../graph/ops.ts";
import { count } from "../graph/type.ts";
import { isView } from "../graph/view.ts";
import { mostSums } from "./cost.ts";
import { rankedQueue } from "./ranked-queue.ts";
import { exchanged, type Product, sharesFirst } from "./roles.ts";
import type { Surroundings } from "./surroundings.ts";

/** Contractions that one kernel computes: they share the first factor, and the nodes in `region` lead to `end`. */
export interface Ending {
  readonly products: Products;
  readonly end: Node;
  /** From the sums to the end. */
  readonly region: ReadonlySet<Node>;
}

type Products = readonly [Product, ...Product[]];

/** Groups the contractions of a graph by their ends. */
export function endings(products: readonly Product[], around: Surroundings): readonly Ending[] {
  const byNode = new Map<Node, Product>(products.map((product) => [product.node, product]));
  const taken = new Set<Node>();
  const result: Ending[] = [];
  for (const product of products) {
    if (taken.has(product.node)) continue;
    const ending = furthest(product, byNode, taken, around);
    for (const node of ending.region) taken.add(node);
    result.push(ending);
  }
  return result;
}

function furthest(
  product: Product,
  byNode: ReadonlyMap<Node, Product>,
  taken: ReadonlySet<Node>,
  around: Surroundings,
): Ending {
  let best: Ending = { products: [product], end: product.node, region: new Set([product.node]) };
  const region = new Set<Node>([product.node]);
  const sums: Node[] = [product.node];
  const productsOf = (nodes: readonly Node[]): readonly Product[] => nodes.flatMap((node) => byNode.get(node) ?? []);
  for (const node of following(product.node, around)) {
    if (region.size > longest) break;
    if (taken.has(node) || !node.inputs.some((x: Node) => region.has(x))) continue;
    const joined = siblings(node, byNode, region).filter((sum) => !taken.has(sum));
    region.add(node);
    if (
      joined.length > 0 &&
      sums.length + joined.length <= mostSums &&
      aligned(productsOf([...sums, ...joined])) !== undefined
    ) {
      for (const between of joined.flatMap((sum) => regionOf(sum, node, around))) region.add(between);
      sums.push(...joined);
    }
    const needed = leadingTo(node, region);
    const products = aligned(productsOf(sums.filter((sum) => needed.has(sum))));
    if (products !== undefined && !isView(node) && isClosed(needed, node, around))
      best = { products, end: node, region: needed };
  }
  return best;
}

/** Nodes after a sum, and before an operand, that are looked at. */
const longest = 64;

/** Whether nothing but `end` is read from outside. */
const isClosed = (region: ReadonlySet<Node>, end: Node, { isOutput, readers }: Surroundings): boolean =>
  [...region].every((x) => x === end || (!isOutput(x) && (readers[x.id] ?? []).every((reader) => region.has(reader))));

/** Nodes after the sum that could belong to its epilogue, in order. */
function* following(sum: Node, { readers }: Surroundings): Iterable<Node> {
  const seen = new Set<Node>();
  const next = rankedQueue<Node>(({ id }) => id);
  const add = (node: Node): void => {
    for (const reader of readers[node.id] ?? []) {
      if (seen.has(reader) || !continues(reader, sum)) continue;
      seen.add(reader);
      next.add(reader);
    }
  };
  add(sum);
  for (let node = next.take(); node !== undefined; node = next.take()) {
    add(node);
    yield node;
  }
}

const continues = (node: Node, sum: Node): boolean =>
  (isElementwise(node) || isView(node)) && count(node.type) === count(sum.type);

/** Contractions on which the node's other operands depend element by element, of the nearest nodes. */
function siblings(node: Node, byNode: ReadonlyMap<Node, Product>, region: ReadonlySet<Node>): readonly Node[] {
  const found: Node[] = [];
  const pending: Node[] = node.inputs.filter((x: Node) => !region.has(x));
  const seen = new Set<Node>();
  for (let next = pending.pop(); next !== undefined && seen.size < longest; next = pending.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    if (byNode.has(next) && count(next.type) === count(node.type)) found.push(next);
    else if (continues(next, node)) pending.push(...next.inputs.filter((x: Node) => !region.has(x)));
  }
  return found;
}

/** The nodes from `sum` to `to`, without the latter. */
function regionOf(sum: Node, to: Node, around: Surroundings): readonly Node[] {
  const result = [sum];
  for (const node of following(sum, around)) {
    if (node.id >= to.id) break;
    result.push(node);
  }
  return result;
}

function leadingTo(end: Node, region: ReadonlySet<Node>): ReadonlySet<Node> {
  const result = new Set<Node>([end]);
  const pending = [end];
  for (let node = pending.pop(); node !== undefined; node = pending.pop())
    for (const x of node.inputs)
      if (region.has(x) && !result.has(x)) {
        result.add(x);
        pending.push(x);
      }
  return result;
}

/** The products, each with the factor first that all of them have; undefined if there is none, or the roles of the others differ. */
function aligned([one, ...rest]: readonly Product[]): Products | undefined {
  if (one === undefined) return undefined;
  for (const first of [one, exchanged(one)]) {
    const others = rest.flatMap((other) => [other, exchanged(other)].find((each) => sharesFirst(first, each)) ?? []);
    if (others.length === rest.length) return [first, ...others];
  }
  return undefined;
}
