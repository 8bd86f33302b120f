/** What the kernels of a group keep beside its targets. */
import type { Group } from "../fuse/group.ts";
import { panelsOf } from "../schedule/schedule-panels.ts";
import { rows } from "./layout.ts";
import type { Storage } from "./storage.ts";

/** Words from one entry of a table to the next, so that a binding can begin at each: WebGPU's default limit, which every adapter keeps. */
export const entryWords = 64;

/** Of routines that go by panels, a table that says at its entry `i` that this is step `i`. */
export function scratchOf(group: Group): readonly Omit<Storage, "id">[] {
  if (group.shape !== "routine" || group.node.op === "best") return [];
  const { node } = group;
  const layout = rows([
    { name: "step", size: panelsOf(node).steps },
    { name: "word", size: entryWords },
  ]);
  return [{ node, through: [], layout, dtype: "u32" }];
}
