/** How the greatest of each row are found. */
import type { DeviceFacts } from "../plan/device-facts.ts";
import type { Best, BestSchedule } from "./best.ts";
import { type Family, fixedSubgroup } from "./family.ts";

/** Up to here each element is ranked against all others: n·(n - 1) comparisons in registers, against 16 passes and more. */
const cell = 16;

/** Software adapters give a row one register, as barriers cost them 10 us; GPUs a workgroup, the greater the longer the row. */
export function scheduleBest({ n }: Best, facts: DeviceFacts, family: Family): BestSchedule {
  if (n <= cell) return { kind: "rank", workgroup: 64 };
  if (family === "gpu") {
    const wanted = n <= 256 ? 32 : n <= 2 ** 16 ? 256 : 1024;
    return { kind: "workgroup", workgroup: Math.min(wanted, facts.maxComputeInvocationsPerWorkgroup) };
  }
  const subgroup = fixedSubgroup(facts);
  return subgroup === undefined ? { kind: "alone", workgroup: 8 } : { kind: "subgroup", subgroup };
}
