/** How many elements an invocation of a map kernel computes. */
import type { DeviceFacts } from "../plan/device-facts.ts";

interface MapWork {
  /** Elements of the walk, each of which may be four. */
  readonly elements: number;
  /** In all. */
  readonly operations: number;
  readonly isWide: boolean;
  readonly family: "software" | "gpu";
  readonly facts: DeviceFacts;
}

export interface MapSchedule {
  readonly workgroup: number;
  /** Elements of the walk per invocation. */
  readonly repeats: number;
}

/** Starting a subgroup costs a software adapter as much as some ten elements, so that an invocation takes sixteen; a GPU needs many. */
export function mapSchedule({ elements, operations, isWide, family }: MapWork): MapSchedule {
  const workgroup = 64;
  const enough = isWide ? 4 : 16;
  if (family === "gpu") return { workgroup, repeats: elements > 2 ** 20 ? 4 : 1 };
  const perElement = operations / elements;
  const repeats = perElement > 64 ? 1 : Math.min(enough, Math.max(1, Math.floor(elements / (workgroup * 4))));
  return { workgroup: perElement > 64 ? 16 : workgroup, repeats };
}
