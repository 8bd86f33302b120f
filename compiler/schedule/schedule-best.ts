/** How the greatest of each row are found. */

import type { DeviceFacts } from "../plan/device-facts.ts";
import type { Best, BestSchedule } from "./best.ts";

/** Up to here each element is ranked against all others: n·(n - 1) comparisons in registers, against 16 passes and more. */
const cell = 16;

/** Software adapters give a row one register, as barriers cost them 10 us; GPUs a workgroup, the greater the longer the row. */
export function scheduleBest({ n }: Best, facts: DeviceFacts, family: "software" | "gpu"): BestSchedule {
  if (n <= cell) return { kind: "rank", workgroup: 64 };
  const { hasSubgroups, subgroupMinSize, subgroupMaxSize, maxComputeInvocationsPerWorkgroup } = facts;
  if (family === "gpu") {
    const wanted = n <= 256 ? 32 : n <= 2 ** 16 ? 256 : 1024;
    return { kind: "workgroup", workgroup: Math.min(wanted, maxComputeInvocationsPerWorkgroup) };
  }
  const isFixed = hasSubgroups && subgroupMinSize === subgroupMaxSize;
  return isFixed ? { kind: "subgroup", subgroup: subgroupMaxSize } : { kind: "alone", workgroup: 8 };
}
