/** What values are computed from. */
import type { Node } from "./ops.ts";

/** Of no node. */
const none: Pick<ReadonlySet<Node>, "has"> = new Set<Node>();

/** Nodes with all that they are computed from, in creation order; what only given ones are computed from is left out. */
export function coneOf(nodes: Iterable<Node>, given = none): readonly Node[] {
  const found = new Set(nodes);
  for (const node of found) if (!given.has(node)) for (const input of node.inputs) found.add(input);
  return [...found].sort((a, b) => a.id - b.id);
}
