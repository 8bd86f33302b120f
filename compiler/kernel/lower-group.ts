/** From a group to its kernels: one file per shape, and one for each routine. */
import type { Group } from "../fuse/group.ts";
import type { Lowered, Lowering } from "./lower.ts";
import { lowerContraction } from "./lower-contraction.ts";
import { lowerMap } from "./lower-map.ts";
import { lowerRoutine } from "./lower-routine.ts";
import { lowerRow } from "./lower-row.ts";

/** The kernels in the order in which they run; all but routines have one. */
export function lowerGroup(group: Group, lowering: Lowering): readonly Lowered[] {
  switch (group.shape) {
    case "map":
      return [lowerMap(group, lowering)];
    case "row":
      return [lowerRow(group, lowering)];
    case "contraction":
      return [lowerContraction(group, lowering)];
    case "routine":
      return lowerRoutine(group, lowering, lowerGroup);
  }
}
