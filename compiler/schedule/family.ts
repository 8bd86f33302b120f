/** The two families of schedules, and what the one for software adapters asks of a device. */
import type { DeviceFacts } from "../plan/device-facts.ts";

export const families = ["software", "gpu"] as const;

/** `software`: one subgroup per workgroup, and no barrier. `gpu`: workgroups with memory of their own. */
export type Family = (typeof families)[number];

/** The size of all subgroups, where there is but one and a kernel can be unrolled over its lanes. */
export function fixedSubgroup({ hasSubgroups, subgroupMinSize, subgroupMaxSize }: DeviceFacts): number | undefined {
  const isFixed = hasSubgroups && subgroupMinSize === subgroupMaxSize && subgroupMaxSize <= 32;
  return isFixed ? subgroupMaxSize : undefined;
}
