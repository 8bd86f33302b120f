/** Nodes that only say how elements are named. */
import type { Node, NodeOf } from "./ops.ts";

/** A view that is one to one. */
export type View = NodeOf<"rename"> | NodeOf<"split"> | NodeOf<"merge"> | NodeOf<"detach">;

export const isView = (node: Node): node is View =>
  node.op === "rename" || node.op === "split" || node.op === "merge" || node.op === "detach";

/** The node below all views on top of it, or the first of them that is to have memory. */
export function beneathViews(node: Node, stored?: ReadonlySet<Node>): Node {
  let base = node;
  while (isView(base) && stored?.has(base) !== true) base = base.inputs[0];
  return base;
}
