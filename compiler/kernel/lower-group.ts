/** From a group to a kernel: one file per shape. */
import type { Group } from "../fuse/group.ts";
import type { Lowered, Lowering } from "./lower.ts";
import { lowerBest } from "./lower-best.ts";
import { lowerContraction } from "./lower-contraction.ts";
import { lowerMap } from "./lower-map.ts";
import { lowerRow } from "./lower-row.ts";

export function lowerGroup(group: Group, lowering: Lowering): Lowered {
  switch (group.shape) {
    case "map":
      return lowerMap(group, lowering);
    case "row":
      return lowerRow(group, lowering);
    case "contraction":
      return lowerContraction(group, lowering);
    case "best":
      return lowerBest(group, lowering);
  }
}
