/** From a routine to its kernels. */
import type { RoutineGroup } from "../fuse/group.ts";
import type { Lowered, Lowering } from "./lower.ts";
import { lowerBest } from "./lower-best.ts";
import { lowerPanels } from "./lower-panels.ts";

export function lowerRoutine(group: RoutineGroup, lowering: Lowering): readonly Lowered[] {
  switch (group.node.op) {
    case "best":
      return [lowerBest(group, group.node, lowering)];
    case "cholesky":
    case "triangularInverse":
      return lowerPanels(group, group.node, lowering);
  }
}
