/** What tokens of a text make of each other, and what of that is not known before all are there. */
import type { Node } from "../../graph/ops.ts";
import { isRoutine, takenWhole } from "../../graph/routine.ts";
import { looksAhead, type Names } from "./looks-ahead.ts";

export interface Crossing {
  readonly node: Node;
  readonly what: string;
}

/** The names under which tokens are seen by tokens. */
export function otherNames(nodes: readonly Node[], token: string): readonly string[] {
  const names = [token];
  for (const node of nodes) if (node.op === "rename" && names.includes(node.attrs.from)) names.push(node.attrs.to);
  return [...new Set(names.slice(1))];
}

/** The first node that makes something of tokens that are not there yet; undefined if none does. */
export function crossingIn(nodes: readonly Node[], outputs: readonly Node[], names: Names): Crossing | undefined {
  for (const node of nodes) {
    const what = crossing(node, names);
    if (what !== null) return { node, what };
  }
  const node = looksAhead(nodes, outputs, names);
  return node && { node, what: "attention that looks at later tokens" };
}

/** What the node makes of all tokens at once, if it does; sums and maxima over those that are seen are the business of `looksAhead`. */
function crossing(node: Node, { token, seen }: Names): string | null {
  const whole = wholeFor(node);
  if (whole.includes(token)) return "a value that is made of all tokens at once";
  if (node.op !== "gather" && node.op !== "reduce" && seen.some((name) => whole.includes(name)))
    return "a value that is made of all tokens that are seen at once";
  const isKept = node.op === "rename" && node.attrs.from === token;
  return isKept && node.type.dtype === "bool" ? "a truth value that tokens see of each other" : null;
}

/** The dimensions of what it is made of that a node needs as a whole. */
function wholeFor(node: Node): readonly string[] {
  switch (node.op) {
    case "reduce":
      return node.attrs.over;
    case "split":
      return [node.attrs.dim];
    case "merge":
      return node.attrs.dims;
    case "gather":
      return [node.attrs.dim];
    case "part":
      return node.inputs[0].type.dims.map(({ name }) => name);
    default:
      return isRoutine(node) ? takenWhole(node) : [];
  }
}
