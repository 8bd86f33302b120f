/**
 * Σ a·b over d = a · Σ b where a lacks d: so the scale of a norm and of a softmax leaves the inner loop. It changes rounding,
 * within the bound of the sum; and it must not change what is too large or too small for f32, since people divide by a
 * maximum, or by 1e20, for that alone. So a factor leaves if what it scales is of moderate size without it, and no other.
 */
import type { Node, NodeOf } from "../graph/ops.ts";
import { sameDims } from "../graph/result-type.ts";
import { sizeOf } from "../graph/type.ts";
import { isConstant } from "./constants.ts";
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

/** Divides the factors of a product that only this sum reads into those that stay in it and those that leave. */
export function leaveSum({ inputs: [x], attrs, type }: NodeOf<"reduce">, around: Rewriter): Node | false {
  if (attrs.by !== "sum" || type.dtype !== "f32") return false;
  const factors = factorsOf(x, around);
  const isSummed = (node: Node): boolean => attrs.over.some((name) => sizeOf(node.type, name) !== undefined);
  const staying = new Set(
    factors.leaves.filter((leaf) => isSummed(leaf.node) || !isModerate(leaf, factors.leaves)).map(({ node }) => node),
  );
  const leaving = factors.leaves.filter(({ node }) => !staying.has(node));
  if (leaving.length === 0) return false;
  const kept = keep(x, factors.products, (node) => staying.has(node), around);
  if (kept === undefined || attrs.over.some((name) => sizeOf(kept.type, name) === undefined)) return false;
  const sum: Factor = { node: around.make("reduce", [kept], attrs), isDivisor: false };
  const orders = [
    [sum, ...leaving],
    [...leaving, sum],
  ].map((order) => multiply(order, around));
  return orders.find((result) => result !== undefined && sameDims(result.type.dims, type.dims)) ?? false;
}

/** Whether f32 holds the product without the factor if it holds it with: a sign, and what softmax and norms divide by. */
function isModerate({ node, isDivisor }: Factor, all: readonly Factor[]): boolean {
  const isScaled = (other: Node): boolean => all.some((factor) => factor.node === other && !factor.isDivisor);
  if (isConstant(node, -1)) return true;
  if (isDivisor && isSum(node)) return isAtMostOne(node.inputs[0]) && isScaled(node.inputs[0]);
  return node.op === (isDivisor ? "sqrt" : "rsqrt") && sumsSquare(node.inputs[0], isScaled);
}

const isSum = (node: Node): node is NodeOf<"reduce"> => node.op === "reduce" && node.attrs.by === "sum";

/** exp(x - max x), as softmax writes it. */
function isAtMostOne(node: Node): boolean {
  if (node.op !== "exp" || node.inputs[0].op !== "sub") return false;
  const [x, top] = node.inputs[0].inputs;
  return top.op === "reduce" && top.attrs.by === "max" && top.inputs[0] === x;
}

/** Whether there is a sum of squares in it, of what the root scales: where the squares are f32, that is far from where f32 ends. */
function sumsSquare(node: Node, isScaled: (node: Node) => boolean): boolean {
  if (isSum(node)) {
    const [square] = node.inputs;
    return square.op === "mul" && square.inputs[0] === square.inputs[1] && isScaled(square.inputs[0]);
  }
  if (node.op === "div") return sumsSquare(node.inputs[0], isScaled);
  return (node.op === "mul" || node.op === "add") && node.inputs.some((input) => sumsSquare(input, isScaled));
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

/** The product of the factors that stay, associated as before; undefined if nothing but a divisor stays. */
function keep(
  root: Node,
  products: readonly Product[],
  isStaying: (leaf: Node) => boolean,
  { make }: Rewriter,
): Node | undefined {
  const kept = new Map<Node, Node | undefined>();
  const keptOf = (node: Node): Node | undefined =>
    kept.has(node) ? kept.get(node) : isStaying(node) ? node : undefined;
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
