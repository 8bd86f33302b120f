/** How the places of each row are sorted. */
import type { DeviceFacts } from "../plan/device-facts.ts";
import type { Family } from "./family.ts";

/** In each of `rows` rows of `n` numbers, the places in ascending order. */
export interface Order {
  readonly rows: number;
  readonly n: number;
}

export type OrderSchedule =
  /** One invocation per row. */
  | { readonly kind: "alone"; readonly workgroup: number }
  /** One workgroup per row. */
  | { readonly kind: "workgroup"; readonly workgroup: number };

/** As `scheduleBest`: barriers cost software adapters more than they save. */
export function scheduleOrder({ n }: Order, facts: DeviceFacts, family: Family): OrderSchedule {
  if (family === "software" || n <= 16) return { kind: "alone", workgroup: 8 };
  return { kind: "workgroup", workgroup: Math.min(n <= 512 ? 32 : 256, facts.maxComputeInvocationsPerWorkgroup) };
}
