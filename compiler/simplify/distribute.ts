/**
 * Σ a·b over d = a · Σ b where a lacks d: so the scale of a norm, of a softmax and of a group of weights leaves the inner loop.
 * It changes rounding, within the bound of the sum.
 */
import type { Node, NodeOf } from "../graph/ops.ts";
import { sameDims } from "../graph/result-type.ts";
import { sizeOf } from "../graph/type.ts";
import type { Rewriter } from "./rewrite.ts";

type Product = NodeOf<"mul"> | NodeOf<"div"> | NodeOf<"neg">;

interface Factor {
  readonly node: Node;
  readonly isDivisor: boolean;
}

interface Factors {
  /** Products that have one reader, each before its reader. */
  readonly products: readonly Product[];
  /** What they multiply and divide, in reading order. */
  readonly leaves: readonly Factor[];
}

/** Divides the factors of a product that only this sum reads into those that the sum needs and those that can leave. */
export function leaveSum({ inputs: [x], attrs, type }: NodeOf<"reduce">, around: Rewriter): Node | false {
  if (attrs.by !== "sum" || type.dtype !== "f32") return false;
  const factors = factorsOf(x, around);
  const isNeeded = (node: Node): boolean => attrs.over.some((name) => sizeOf(node.type, name) !== undefined);
  const leaving = factors.leaves.filter(({ node }) => !isNeeded(node));
  if (leaving.length === 0) return false;
  const kept = keep(x, factors.products, isNeeded, around);
  if (kept === undefined || attrs.over.some((name) => sizeOf(kept.type, name) === undefined)) return false;
  const sum: Factor = { node: around.make("reduce", [kept], attrs), isDivisor: false };
  const orders = [
    [sum, ...leaving],
    [...leaving, sum],
  ].map((order) => multiply(order, around));
  return orders.find((result) => result !== undefined && sameDims(result.type.dims, type.dims)) ?? false;
}

/** A sign is the factor -1. */
function factorsOf(root: Node, { make, isSingle }: Rewriter): Factors {
  const products: Product[] = [];
  const leaves: Factor[] = [];
  const pending: Factor[] = [{ node: root, isDivisor: false }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, isDivisor } = next;
    if (!isProduct(node) || !isSingle(node)) {
      leaves.push(next);
      continue;
    }
    products.unshift(node);
    if (node.op === "neg") leaves.push({ node: make("constant", [], { value: -1, dtype: "f32" }), isDivisor: false });
    else pending.push({ node: node.inputs[1], isDivisor: (node.op === "div") !== isDivisor });
    pending.push({ node: node.inputs[0], isDivisor });
  }
  return { products, leaves };
}

const isProduct = (node: Node): node is Product => ["mul", "div", "neg"].includes(node.op) && node.type.dtype === "f32";

/** The product without the factors that are not needed, associated as before; undefined if nothing but a divisor stays. */
function keep(
  root: Node,
  products: readonly Product[],
  isNeeded: (leaf: Node) => boolean,
  { make }: Rewriter,
): Node | undefined {
  const kept = new Map<Node, Node | undefined>();
  const keptOf = (node: Node): Node | undefined =>
    kept.has(node) ? kept.get(node) : isNeeded(node) ? node : undefined;
  for (const product of products) {
    const a = keptOf(product.inputs[0]);
    const b = product.op === "neg" ? undefined : keptOf(product.inputs[1]);
    if (product.op === "div" && a === undefined && b !== undefined) return undefined;
    const isWhole = product.op !== "neg" && a !== undefined && b !== undefined;
    kept.set(product, isWhole ? make(product.op, [a, b], {}) : (a ?? b));
  }
  return keptOf(root);
}

/** The factors multiplied in order; undefined if it begins with a divisor. */
function multiply([first, ...rest]: readonly Factor[], { make }: Rewriter): Node | undefined {
  if (first === undefined || first.isDivisor) return undefined;
  return rest.reduce(
    (product, { node, isDivisor }) => make(isDivisor ? "div" : "mul", [product, node], {}),
    first.node,
  );
}
