/**
 * Σ over d of x · (q + Σ over t of l · r) is Σ x · q + Σ over t of l · (Σ over d of x · r), where l lacks d: a product with thin factors of
 * a weight goes through them one after the other, and the weight itself is never made. It changes rounding, within the bound of the sums.
 */
import type { Node, NodeOf } from "../graph/ops.ts";
import { isRoutine } from "../graph/routine.ts";
import { count, sizeOf } from "../graph/type.ts";
import type { Rewriter } from "./rewrite.ts";

/** A sum of what is given and a product of two factors, over what both have. */
interface Thin {
  readonly rest?: Node;
  readonly factors: readonly [Node, Node];
  readonly over: readonly string[];
}

/** The sum by way of the factors of what is multiplied, if they hold fewer numbers than their product. */
export function throughThin(
  { inputs: [product], attrs, type }: NodeOf<"reduce">,
  { make, isSingle }: Rewriter,
): Node | false {
  if (attrs.by !== "sum" || type.dtype !== "f32" || product.op !== "mul" || !isSingle(product)) return false;
  for (const [x, w] of [product.inputs, product.inputs.toReversed() as [Node, Node]]) {
    const thin = isOfWeights(w) ? thinIn(w, make) : undefined;
    const [left, right] = thin?.factors.every(isStored) ? inOrder(thin, attrs.over) : [];
    if (!thin || !left || !right || thin.over.some((name) => has(x, name))) continue;
    if (count(left.type) + count(right.type) >= count(w.type)) continue;
    const sum = (a: Node, b: Node, over: readonly string[]): Node =>
      make("reduce", [make("mul", [a, b], {})], { by: "sum", over });
    const way = sum(sum(x, right, attrs.over), left, thin.over);
    return thin.rest ? make("add", [sum(x, thin.rest, attrs.over), way], {}) : way;
  }
  return false;
}

const has = (x: Node, name: string): boolean => sizeOf(x.type, name) !== undefined;

/** The factor that lacks what is summed over, and the other, which has all of it. */
const inOrder = ({ factors }: Thin, over: readonly string[]): readonly Node[] => {
  const left = factors.find((factor) => !over.some((name) => has(factor, name)));
  const right = factors.find((factor) => over.every((name) => has(factor, name)));
  return left && right ? [left, right] : [];
};

/** The thin factors beneath sums and views of a weight. */
function thinIn(w: Node, make: Rewriter["make"]): Thin | undefined {
  if (w.type.dtype !== "f32") return undefined;
  switch (w.op) {
    case "add":
      return inSum(w, make);
    case "reduce":
      return inProduct(w);
    case "split":
      return moved(thinIn(w.inputs[0], make), w, [w.attrs.dim], (x) => make("split", [x], w.attrs));
    case "rename":
      return moved(thinIn(w.inputs[0], make), w, [w.attrs.from], (x) => make("rename", [x], w.attrs));
    case "merge":
      return moved(thinIn(w.inputs[0], make), w, w.attrs.dims, (x) => make("merge", [x], w.attrs));
    case "gather": {
      const [x, at] = w.inputs;
      const meets = at.type.dims.some(({ name }) => has(x, name));
      return meets ? undefined : moved(thinIn(x, make), w, [w.attrs.dim], (own) => make("gather", [own, at], w.attrs));
    }
    default:
      return undefined;
  }
}

function inSum({ inputs: [a, b] }: NodeOf<"add">, make: Rewriter["make"]): Thin | undefined {
  const inA = thinIn(a, make);
  if (inA) return { ...inA, rest: inA.rest ? make("add", [inA.rest, b], {}) : b };
  const inB = thinIn(b, make);
  return inB && { ...inB, rest: inB.rest ? make("add", [a, inB.rest], {}) : a };
}

function inProduct({ inputs: [product], attrs: { by, over } }: NodeOf<"reduce">): Thin | undefined {
  if (by !== "sum" || product.op !== "mul") return undefined;
  const { inputs: factors } = product;
  return over.every((name) => factors.every((factor) => has(factor, name))) ? { factors, over } : undefined;
}

/** The view of each part that has its dimensions; undefined where one has some of them, or both have, or the rest lacks them, or what it makes has a name of theirs. */
function moved(
  thin: Thin | undefined,
  { type }: Node,
  dims: readonly string[],
  view: (x: Node) => Node,
): Thin | undefined {
  if (!thin || thin.over.some((name) => sizeOf(type, name) !== undefined)) return undefined;
  const { factors, over, rest } = thin;
  const owners = factors.filter((factor) => dims.some((name) => has(factor, name)));
  const [owner] = owners;
  const owns = (of: Node): boolean => dims.every((name) => has(of, name));
  if (owners.length !== 1 || !owner || !owns(owner) || dims.some((name) => over.includes(name))) return undefined;
  if (rest && !owns(rest)) return undefined;
  const [a, b] = factors;
  return { over, factors: [a === owner ? view(a) : a, b === owner ? view(b) : b], ...(rest && { rest: view(rest) }) };
}

/** A question about nodes, answered once for each, as they never change: programs are as deep as models, and each of their sums asks. */
function asked(answer: (node: Node) => boolean): (node: Node) => boolean {
  const known = new WeakMap<Node, boolean>();
  return (node) => {
    const old = known.get(node);
    const found = old ?? answer(node);
    if (old === undefined) known.set(node, found);
    return found;
  };
}

/** Whether it is computed of stored weights alone. */
const isOfWeights = asked((node) => isLeaf(node) || (node.inputs.length > 0 && node.inputs.every(isOfWeights)));

/** Whether it is read from what is stored, element by element: what a kernel would read in any case. */
const isStored = asked(
  (node) =>
    isLeaf(node) || (node.op !== "reduce" && !isRoutine(node) && node.inputs.length > 0 && node.inputs.every(isStored)),
);

const isLeaf = ({ op, attrs }: Node): boolean =>
  op === "input" ? attrs.role === "weight" : op === "constant" || op === "index";
