/** What the kernels of a group keep beside its targets. */
import type { Group } from "../fuse/group.ts";
import { isOfMatrix } from "../graph/routine.ts";
import { panelsOf } from "../schedule/schedule-panels.ts";
import { bindableWords, rows } from "./layout.ts";
import type { Storage } from "./storage.ts";

/** Of routines on matrices, a table that says at its entry `i` that this is step `i`. */
export function scratchOf(group: Group): readonly Omit<Storage, "id">[] {
  if (group.shape !== "routine" || !isOfMatrix(group.node)) return [];
  const { node } = group;
  const layout = rows([
    { name: "step", size: panelsOf(node).steps },
    { name: "word", size: bindableWords },
  ]);
  return [{ node, through: [], layout, dtype: "u32" }];
}
