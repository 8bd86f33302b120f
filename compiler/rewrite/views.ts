/** Splits and merges that undo each other. */
import type { Node, NodeOf } from "../graph/ops.ts";
import { sameDims } from "../graph/result-type.ts";
import { sizeOf } from "../graph/type.ts";
import type { Rewriter } from "./rewrite.ts";

/** d → (a, b) → e is d → e. */
export function mergeOfSplit({ inputs: [x], attrs }: NodeOf<"merge">, { make }: Rewriter): Node | false {
  if (x.op !== "split" || x.attrs.into.length !== attrs.dims.length) return false;
  if (x.attrs.into.some(({ name }, i) => name !== attrs.dims[i])) return false;
  return make("rename", [x.inputs[0]], { from: x.attrs.dim, to: attrs.into });
}

/** (a, b) → d → (e, f) is a → e and b → f, if the sizes agree and no name is needed twice on the way. */
export function splitOfMerge({ inputs: [x], attrs, type }: NodeOf<"split">, { make }: Rewriter): Node | false {
  if (x.op !== "merge" || x.attrs.into !== attrs.dim || x.attrs.dims.length !== attrs.into.length) return false;
  let result: Node = x.inputs[0];
  const from = x.attrs.dims.map((name) => ({ name, size: sizeOf(result.type, name) ?? 0 }));
  // The pair may stand for an order of dimensions that the result must have: then it stays.
  const inOrder = result.type.dims.every(({ name }, i) => name === type.dims[i]?.name);
  if (sameDims(from, attrs.into)) return inOrder && result;
  for (const [i, { name, size }] of attrs.into.entries()) {
    const old = from[i];
    if (old === undefined || old.size !== size) return false;
    if (old.name !== name && sizeOf(result.type, name) !== undefined) return false;
    result = make("rename", [result], { from: old.name, to: name });
  }
  return result;
}
