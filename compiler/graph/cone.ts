/** What values are computed from. */
import type { Node } from "./ops.ts";

/** Nodes with all that they are computed from, in creation order. */
export function coneOf(nodes: Iterable<Node>): readonly Node[] {
  const found = new Set(nodes);
  for (const { inputs } of found) for (const input of inputs) found.add(input);
  return [...found].sort((a, b) => a.id - b.id);
}
