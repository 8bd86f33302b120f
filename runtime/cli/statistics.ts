/** What is said of the mean of many numbers, as `std/statistics` does. */

/** A mean, and its standard error: the spread of independent numbers over the root of how many they are; NaN of one, which has none. */
export interface Mean {
  readonly mean: number;
  readonly standard_error: number;
}

export function meanOf(numbers: readonly number[]): Mean {
  const count = numbers.length;
  const sum = (some: readonly number[]): number => some.reduce((all, each) => all + each, 0);
  const mean = sum(numbers) / count;
  const variance = sum(numbers.map((each) => (each - mean) ** 2)) / count;
  return { mean, standard_error: Math.sqrt(variance / (count - 1)) };
}

/** Whether a mean of differences may be 0 for all that is known: within two standard errors of it. */
export const indistinguishable = ({ mean, standard_error }: Mean): boolean => Math.abs(mean) <= 2 * standard_error;

/** The least of the numbers that such a share of them does not exceed. */
export function quantileOf(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** `0.500 ± 0.035`: two digits of the error, and as many places of the mean; the mean alone where no error is known. */
export function shown({ mean, standard_error }: Mean): string {
  if (Number.isNaN(standard_error)) return plain(mean);
  if (standard_error === 0) return `${plain(mean)} ± 0`;
  const places = Math.min(20, Math.max(0, 1 - Math.floor(Math.log10(standard_error))));
  return `${mean.toFixed(places)} ± ${standard_error.toFixed(places)}`;
}

/** Five digits. */
export const plain = (value: number | undefined): string =>
  value === undefined ? "" : String(Number(value.toPrecision(5)));
