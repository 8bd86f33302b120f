/** How a kernel that reduces along rows shares them out. */
import type { DeviceFacts } from "../plan/device-facts.ts";
import { type Family, fixedSubgroup } from "./family.ts";

export type RowSchedule =
  /** One invocation takes a row: short rows, and sums whose order is ascending. */
  | { readonly kind: "invocation" }
  /** `lanes` invocations take a row; a subgroup exchanges by shuffles, a workgroup through its memory. */
  | { readonly kind: "subgroup" | "workgroup"; readonly lanes: number };

interface RowWork {
  /** Terms of the longest reduction that any invocation may take a part of; 0 if there is none. */
  readonly terms: number;
  /** Some sum is interleaved. */
  readonly isInterleaved: boolean;
  readonly family: Family;
  readonly facts: DeviceFacts;
}

/** Interleaved sums have 64 parts, and no row is shared by more invocations. */
const lanesOfWorkgroup = 64;

export function rowSchedule({ terms, isInterleaved, family, facts }: RowWork): RowSchedule {
  if (!isInterleaved && terms <= 64) return { kind: "invocation" };
  const subgroup = family === "software" ? fixedSubgroup(facts) : undefined;
  return subgroup === undefined
    ? { kind: "workgroup", lanes: lanesOfWorkgroup }
    : { kind: "subgroup", lanes: subgroup };
}
