/**
 * Whether tokens see later ones: of each value, its elements at places behind the token at hand are followed as far as they are the same
 * number everywhere. A mask makes them 0 or the lowest number before sums and maxima; whatever else they are, something would be made of.
 */
import { elementOf, scalar } from "../../graph/interpret.ts";
import type { Node } from "../../graph/ops.ts";
import { sizeOf } from "../../graph/type.ts";
import { isView } from "../../graph/view.ts";

/** No score is below this, nor does one lift what is. */
const lowest = -1e30;

/** The number that there is at all places behind the token at hand; null: any. */
type Ahead = number | null;

export interface Names {
  /** The dimension of tokens. */
  readonly token: string;
  /** The names under which tokens see each other. */
  readonly seen: readonly string[];
}

/** The first node in which a token meets what comes later. */
export function looksAhead(nodes: readonly Node[], outputs: readonly Node[], names: Names): Node | undefined {
  const known = new Map<Node, Ahead>();
  const ahead = (node: Node): Ahead => known.get(node) ?? null;
  for (const node of nodes) {
    if (meets(node, names, ahead)) return node;
    known.set(node, aheadOf(node, names, ahead));
  }
  return outputs.find(({ type }) => names.seen.some((name) => sizeOf(type, name) !== undefined));
}

/** Whether something is made of all that is seen, and what lies ahead counts. */
function meets(node: Node, { seen }: Names, ahead: (node: Node) => Ahead): boolean {
  if (node.op === "gather") return seen.includes(node.attrs.dim);
  if (node.op !== "reduce" || !node.attrs.over.some((name) => seen.includes(name))) return false;
  const of = ahead(node.inputs[0]);
  const isNothing = node.attrs.by === "sum" ? of === 0 : node.attrs.by === "max" && of !== null && of <= lowest;
  return !isNothing;
}

function aheadOf(node: Node, names: Names, ahead: (node: Node) => Ahead): Ahead {
  const [a = null, b = null, c = null] = node.inputs.map(ahead);
  switch (node.op) {
    case "constant":
      return node.attrs.value;
    case "select":
      return a === null ? (b === c ? b : null) : a === 0 ? c : b;
    case "reduce":
      return a === 0 && node.attrs.by !== "argmax" ? 0 : null;
    case "cast":
      return a;
    default:
      return isView(node) ? a : (order(node, names) ?? absorbed(node, a, b) ?? computed(node, [a, b]));
  }
}

/** Whether tokens that `by` names are seen, by the token at hand: `index(by) <= index(token)`, and not `index(token) < index(by)`. */
export function seenIn(
  { op, inputs: [a, b] }: Node,
  { token, seen }: Names,
): { readonly by: string; readonly isSeen: boolean } | null {
  if (a?.op !== "index" || b?.op !== "index") return null;
  const [first, second] = [a.attrs.dim.name, b.attrs.dim.name];
  if (op === "lessEqual" && seen.includes(first) && second === token) return { by: first, isSeen: true };
  return op === "less" && first === token && seen.includes(second) ? { by: second, isSeen: false } : null;
}

/** What comes later is not seen. */
function order(node: Node, names: Names): Ahead {
  const found = seenIn(node, names);
  return found && Number(!found.isSeen);
}

/** What one operand alone decides. */
function absorbed({ op }: Node, a: Ahead, b: Ahead): Ahead {
  const isLow = (x: Ahead): boolean => x !== null && x <= lowest;
  if ((op === "sub" || op === "add") && isLow(a)) return a;
  if (op === "add" && isLow(b)) return b;
  if ((op === "mul" || op === "and" || op === "div") && a === 0) return 0;
  if ((op === "mul" || op === "and") && b === 0) return 0;
  return op === "or" && (a === 1 || b === 1) ? 1 : null;
}

/** A number that is computed of known numbers; the lowest stays it, whatever is taken from it. */
function computed(node: Node, given: readonly Ahead[]): Ahead {
  if (!Object.hasOwn(scalar, node.op)) return null;
  const operands = node.inputs.map((x: Node, i) => ({ value: given[i] ?? Number.NaN, dtype: x.type.dtype }));
  const value = elementOf(node.op as keyof typeof scalar, operands, node.type.dtype);
  return Number.isNaN(value) ? null : value;
}
