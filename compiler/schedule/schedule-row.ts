/** How a kernel that reduces along rows shares them out. */
import type { DeviceFacts } from "../plan/device-facts.ts";
import { type Family, fixedSubgroup } from "./family.ts";

export type RowSchedule =
  /** One invocation takes a row. */
  | { readonly kind: "invocation" }
  /** `lanes` invocations take a row, and exchange by shuffles. */
  | { readonly kind: "subgroup"; readonly lanes: number }
  /** `lanes` invocations take each of `rows` neighbouring rows, and exchange through the workgroup's memory. */
  | { readonly kind: "workgroup"; readonly lanes: number; readonly rows: number };

interface RowWork {
  readonly rows: number;
  /** Words that each invocation exchanges: one per reduction, two where places are kept. */
  readonly words: number;
  /** Terms of the longest reduction that any invocation may take a part of; 0 if there is none. */
  readonly terms: number;
  /** Some sum is interleaved. */
  readonly isInterleaved: boolean;
  /** Neighbours in memory are of neighbouring rows: rows are the columns of a matrix. */
  readonly isAcross: boolean;
  readonly family: Family;
  readonly facts: DeviceFacts;
}

/** Interleaved sums have 64 parts, and no row is shared by more invocations. */
const lanesOfWorkgroup = 64;

/** Of columns: neighbouring invocations read neighbours, 64 bytes at least. */
const rowsAcross = 16;
const lanesAcross = 16;

export function rowSchedule(work: RowWork): RowSchedule {
  const { rows, terms, isInterleaved, isAcross, family, facts } = work;
  if (!isInterleaved && terms <= 64) return { kind: "invocation" };
  if (isAcross && family === "software") return { kind: "invocation" };
  if (isAcross && rows >= rowsAcross)
    return { kind: "workgroup", lanes: lanesFor(work, lanesAcross, rowsAcross), rows: rowsAcross };
  const subgroup = family === "software" ? fixedSubgroup(facts) : undefined;
  return subgroup === undefined
    ? { kind: "workgroup", lanes: lanesFor(work, lanesOfWorkgroup, 1), rows: 1 }
    : { kind: "subgroup", lanes: subgroup };
}

/** As many as are wanted, or half of that, a quarter … for which the workgroup's memory has room. */
function lanesFor({ words, facts }: RowWork, wanted: number, rows: number): number {
  let lanes = wanted;
  while (lanes > 1 && 4 * words * lanes * rows > facts.maxComputeWorkgroupStorageSize) lanes /= 2;
  return lanes;
}
