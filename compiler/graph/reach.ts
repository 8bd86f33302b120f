/** Between which values a position lies that is a sum of multiples of indices. */
import type { Node } from "./ops.ts";

export interface Reach {
  readonly low: number;
  readonly high: number;
}

/** `constant + Σ times · index`, by the index's dimension. */
interface Affine {
  readonly constant: number;
  readonly terms: ReadonlyMap<string, { readonly size: number; readonly times: number }>;
}

const zero: Affine = { constant: 0, terms: new Map() };

/** The least and the greatest of the node's values, both of which it takes; undefined for a node of another kind. */
export function reachOf(node: Node): Reach | undefined {
  const affine = affineOf(node);
  if (affine === undefined) return undefined;
  let [low, high] = [affine.constant, affine.constant];
  for (const { size, times } of affine.terms.values()) {
    low += Math.min(0, times) * (size - 1);
    high += Math.max(0, times) * (size - 1);
  }
  return { low, high };
}

/** Whether every position lies on a dimension of that size. */
export const isWithin = (reach: Reach | undefined, size: number): boolean =>
  reach !== undefined && reach.low >= 0 && reach.high < size;

function affineOf(node: Node): Affine | undefined {
  switch (node.op) {
    case "constant":
      return { constant: node.attrs.value, terms: new Map() };
    case "index": {
      const { name, size } = node.attrs.dim;
      return { constant: 0, terms: new Map([[name, { size, times: 1 }]]) };
    }
    case "neg":
      return sum(zero, affineOf(node.inputs[0]), -1);
    case "add":
    case "sub":
      return sum(affineOf(node.inputs[0]), affineOf(node.inputs[1]), node.op === "add" ? 1 : -1);
    case "mul": {
      const [a, b] = [affineOf(node.inputs[0]), affineOf(node.inputs[1])];
      if (a?.terms.size === 0) return sum(zero, b, a.constant);
      return b?.terms.size === 0 ? sum(zero, a, b.constant) : undefined;
    }
    case "rename": {
      const of = affineOf(node.inputs[0]);
      const { from, to } = node.attrs;
      return of && { ...of, terms: new Map([...of.terms].map(([name, term]) => [name === from ? to : name, term])) };
    }
    default:
      return undefined;
  }
}

/** `a + factor · b`, undefined where one of the two is. */
function sum(a: Affine | undefined, b: Affine | undefined, factor: number): Affine | undefined {
  if (a === undefined || b === undefined) return undefined;
  const terms = new Map(a.terms);
  for (const [name, { size, times }] of b.terms)
    terms.set(name, { size, times: (terms.get(name)?.times ?? 0) + factor * times });
  return { constant: a.constant + factor * b.constant, terms };
}
