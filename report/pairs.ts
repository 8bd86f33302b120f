/** Two rows on the same windows: by how much more the one loses, and how sure that is. */
import type { Result } from "./result.ts";

type Lost = Pick<Result, "lost_in_windows">;

/** In nats a token. */
export interface Difference {
  /** How much less the first loses. */
  readonly less: number;
  /** The standard error of that, from its spread over windows. */
  readonly error: number;
}

/** Window by window; both rows are of one model. */
export function difference(one: Lost, other: Lost): Difference {
  const each = one.lost_in_windows.map((lost, i) => (other.lost_in_windows[i] ?? Number.NaN) - lost);
  const less = mean(each);
  const spread = mean(each.map((value) => (value - less) ** 2));
  return { less, error: Math.sqrt(spread / Math.max(1, each.length - 1)) };
}

/** Whether the first loses less, and by more than two errors. */
export function isBetter(one: Lost, other: Lost): boolean {
  const { less, error } = difference(one, other);
  return less > 2 * error;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
