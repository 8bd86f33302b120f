/** Eigenvectors of a symmetric matrix in float64, by rotations of two rows and columns at a time. Golub & Van Loan, "Matrix Computations", 8.5.3 */

export interface Decomposed {
  /** Ascending. */
  readonly values: Float64Array;
  /** Row i is the vector of value i, its greatest element above 0. */
  readonly vectors: readonly Float64Array[];
}

/** Sweeps, of which each squares what is left, once that is little. */
const most = 40;

/** Of the lower triangle; NaN where it holds no numbers. */
export function eigenvectorsOf(size: number, at: (row: number, column: number) => number): Decomposed {
  const x = Array.from({ length: size }, (_, i) =>
    Float64Array.from({ length: size }, (_, j) => at(Math.max(i, j), Math.min(i, j))),
  );
  const vectors = x.map((_, i) => Float64Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)));
  const least = 2 ** -54 * Math.max(...x.map((row) => Math.hypot(...row)), 0);
  let isMoving = true;
  for (let sweep = 0; sweep < most && isMoving; sweep++) {
    isMoving = false;
    for (let i = 0; i < size; i++)
      for (let j = i + 1; j < size; j++) isMoving = rotate(x, vectors, [i, j], least) || isMoving;
  }
  const values = x.map((row, i) => row[i] ?? Number.NaN);
  const isFound = !isMoving && values.every(Number.isFinite);
  const order = values.map((_, i) => i).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0) || a - b);
  return {
    values: Float64Array.from(order, (i) => values[i] ?? Number.NaN),
    vectors: order.map((i) => upright(vectors[i] ?? new Float64Array(), isFound ? 1 : Number.NaN)),
  };
}

/** Makes x[i, j] zero; whether it was not. */
function rotate(
  x: readonly Float64Array[],
  vectors: readonly Float64Array[],
  [i, j]: readonly [number, number],
  least: number,
): boolean {
  const of = (row: number, column: number): number => x[row]?.[column] ?? Number.NaN;
  const c = of(i, j);
  if (Math.abs(c) <= least) return false;
  const cotangent = (of(j, j) - of(i, i)) / (2 * c);
  const tangent = (cotangent < 0 ? -1 : 1) / (Math.abs(cotangent) + Math.hypot(1, cotangent));
  const cosine = 1 / Math.hypot(1, tangent);
  const turn = (a: Float64Array | undefined, b: Float64Array | undefined): void => {
    if (a && b) for (let k = 0; k < a.length; k++) [a[k], b[k]] = turned(a[k] ?? 0, b[k] ?? 0, cosine, tangent);
  };
  turn(x[i], x[j]);
  for (const row of x) [row[i], row[j]] = turned(row[i] ?? 0, row[j] ?? 0, cosine, tangent);
  turn(vectors[i], vectors[j]);
  return true;
}

const turned = (a: number, b: number, cosine: number, tangent: number): [number, number] => [
  cosine * (a - tangent * b),
  cosine * (b + tangent * a),
];

function upright(vector: Float64Array, scale: number): Float64Array {
  const greatest = vector.reduce((found, value) => (Math.abs(value) > Math.abs(found) ? value : found), 0);
  return vector.map((value) => (greatest < 0 ? -scale : scale) * value);
}
