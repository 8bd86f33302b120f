/** From a routine to its kernels. */
import { type Group, isSweep, type RoutineGroup } from "../fuse/group.ts";
import { bug } from "../invariant.ts";
import type { Lowered, Lowering } from "./lower.ts";
import { lowerBest } from "./lower-best.ts";
import { lowerEigenvectors } from "./lower-eigenvectors.ts";
import { lowerOrder } from "./lower-order.ts";
import { lowerPanels } from "./lower-panels.ts";
import { lowerSweep } from "./lower-sweep.ts";

export function lowerRoutine(
  group: RoutineGroup,
  lowering: Lowering,
  lowerGroup: (group: Group, lowering: Lowering) => readonly Lowered[],
): readonly Lowered[] {
  if (isSweep(group)) return lowerSweep(group, lowering, lowerGroup);
  const { node } = group;
  switch (node.op) {
    case "best":
      return [lowerBest(group, node, lowering)];
    case "order":
      return [lowerOrder(group, node, lowering)];
    case "cholesky":
    case "triangularInverse":
      return lowerPanels(group, node, lowering);
    case "eigenvectors":
      return lowerEigenvectors(group, node, lowering);
    case "feedback":
      return bug("a sweep is none of a matrix");
  }
}
