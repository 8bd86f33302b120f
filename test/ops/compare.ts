/** Comparing what a kernel gave with the reference, element by element. */

/** `[17] is 3.5, not 3.25 ± 1e-7, and 4 others`, or undefined where every element is within its tolerance. */
export function firstDifference(
  actual: ArrayLike<number> | undefined,
  expected: Float64Array | undefined,
  tolerances: Float64Array | undefined,
): string | undefined {
  if (actual === undefined || expected === undefined || tolerances === undefined) return " is missing";
  if (actual.length !== expected.length) return ` has ${actual.length} elements, not ${expected.length}`;
  const isWrong = (x: number, i: number): boolean => {
    const [value, tolerance] = [actual[i] ?? NaN, tolerances[i] ?? NaN];
    const isSame = value === x || (Number.isNaN(value) && Number.isNaN(x));
    return tolerance !== Infinity && !isSame && !(Math.abs(value - x) <= tolerance);
  };
  const wrong = [...expected.keys()].filter((i) => isWrong(expected[i] ?? NaN, i));
  const [first] = wrong;
  if (first === undefined) return undefined;
  return `[${first}] is ${actual[first]}, not ${expected[first]} ± ${tolerances[first]}, and ${wrong.length - 1} others of ${expected.length}`;
}
