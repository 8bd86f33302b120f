/** How long work takes. */
import type { Clock } from "../runtime/gpu/clock.ts";

/** Milliseconds that the work takes. */
export async function timed(clock: Clock, work: () => Promise<unknown>): Promise<number> {
  const start = clock.now();
  await work();
  return clock.now() - start;
}

/** The middle one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
