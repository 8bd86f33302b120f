/** How many elements an invocation of a map kernel computes. */
import type { DeviceFacts } from "../plan/device-facts.ts";
import type { Family } from "./family.ts";

interface MapWork {
  /** Elements of the walk, each of which may be four. */
  readonly elements: number;
  /** In all. */
  readonly operations: number;
  readonly isWide: boolean;
  readonly family: Family;
  readonly facts: DeviceFacts;
}

export interface MapSchedule {
  readonly workgroup: number;
  /** Elements of the walk per invocation. */
  readonly repeats: number;
}

/**
 * Starting a subgroup costs a software adapter as much as some ten elements, so that an invocation takes sixteen, by fours, in
 * large workgroups (8 operations on 2^20 elements of lavapipe: 9 ms of 256 · 4 · 4, 17 ms of 64 · 4 · 4, 24 ms one by one). A GPU
 * needs many invocations.
 */
export function mapSchedule({ elements, operations, isWide, family, facts }: MapWork): MapSchedule {
  if (family === "gpu") return { workgroup: 64, repeats: elements > 2 ** 20 ? 4 : 1 };
  const perElement = operations / elements;
  const isLong = perElement > 128;
  const largest = Math.min(256, facts.maxComputeInvocationsPerWorkgroup);
  const workgroup = isLong ? 16 : Math.max(16, Math.min(largest, 2 ** Math.floor(Math.log2(elements / 8))));
  const repeats = isLong || !isWide ? 1 : Math.max(1, Math.min(4, Math.floor(elements / (workgroup * 8))));
  return { workgroup, repeats };
}
