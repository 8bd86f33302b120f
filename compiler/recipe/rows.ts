/** Items of a task as models read them: forward passes are made for one text, the longest of a choice, and go over rows of all choices. */
import type { Node } from "../graph/ops.ts";
import { type Context, report } from "../language/context.ts";
import type { Windows } from "../language/tensor.ts";
import { inBranches } from "./continuation/branches.ts";

/** What a forward pass makes of a text, of a row of windows; null, and a problem, where choices cannot stand beside each other. */
export function inRows(context: Context, { length: count, task }: Windows, node: Node): Node | null {
  if (!task) return node;
  const made = inBranches(node, { token: "token", count }, context.maker);
  if (!("what" in made)) return made;
  const what = `questions with choices for a model with ${made.what}`;
  const hint = "tokens see those before them by `where index(seen) <= index(token)`, as in `attend` of std/nn";
  report(context, { kind: "not-supported", span: made.node.origin, what, hint });
  return null;
}
