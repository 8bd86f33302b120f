// Random numbers that are the same on every machine, each by its index.
import { threefry } from "../../compiler/plan/threefry.ts";

/** The `index`-th whole number of a seed's stream, uniform in 0 .. bound - 1; the seed is a whole number below 2^53. */
export function randomBelow(bound: number, seed: number, index: number): number {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0] as const;
  const [high, low] = threefry(key, [index >>> 0, Math.floor(index / 2 ** 32) >>> 0]);
  const fraction = ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
  return Math.floor(fraction * bound);
}
