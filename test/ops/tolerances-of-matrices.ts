/**
 * How far a factor or an inverse may be from the reference, element by element. What rounding does to a factor is as if the matrix had
 * been another one, by at most c·n·u·|L||Lᵀ| (Higham 2002, theorem 10.3), and so for an inverse (§14.2); first-order perturbation
 * theory carries that to the result (§10.3.2), and the bound is doubled for the rest.
 */

import { eigenvectorsOf } from "../../compiler/graph/eigenvectors.ts";
import { offsets, strides } from "../../compiler/graph/offsets.ts";
import type { NodeOf } from "../../compiler/graph/ops.ts";
import { dimsOf, type OfMatrix, type OfTriangle } from "../../compiler/graph/routine.ts";
import { count } from "../../compiler/graph/type.ts";

/** Rows of a square matrix. */
type Square = readonly Float64Array[];

/** Two roundings for each of n products, and what roots and quotients may be off. */
const roundings = (size: number): number => (4 * size + 16) * 2 ** -24;

/** Beyond this, first order says nothing. */
const mostRelative = 0.1;

/** The errors of a factor, from its own values and the errors of its operand. */
export const errorsOfFactor = (node: OfTriangle, factor: Float64Array, given: Float64Array): Float64Array =>
  perMatrix(node, (squareOf) => {
    const [l, e] = [squareOf(factor), squareOf(given)];
    const inverse = inverseOf(l);
    if (inverse === undefined) return undefined;
    const own = times(absolute(l), transposed(absolute(l)));
    const moved = square(
      l.length,
      (i, j) => roundings(l.length) * at(own, i, j) + at(e, Math.max(i, j), Math.min(i, j)),
    );
    const relative = times(times(absolute(inverse), moved), transposed(absolute(inverse)));
    return isSmall(relative) ? times(absolute(l), lowerOf(relative)) : undefined;
  });

/** The errors of an inverse, from its own values, and those of its operand with their errors. */
export const errorsOfInverse = (
  node: OfTriangle,
  inverse: Float64Array,
  [operand, given]: readonly [Float64Array, Float64Array],
): Float64Array =>
  perMatrix(node, (squareOf) => {
    const [x, l, e] = [squareOf(inverse), squareOf(operand), squareOf(given)];
    const isDecided = l.every((_, i) => Math.abs(at(l, i, i)) > at(e, i, i));
    const moved = square(x.length, (i, j) => (j > i ? 0 : roundings(x.length) * Math.abs(at(l, i, j)) + at(e, i, j)));
    const relative = times(absolute(x), moved);
    return isDecided && isSmall(relative) ? times(relative, absolute(x)) : undefined;
  });

/**
 * The errors of eigenvectors, from the values and the errors of the operand. What rotations leave and rounding does is as if the matrix had
 * been another one, by at most c·n·u·|A|; that turns a vector by what is changed over the gap around its value (Golub & Van Loan, 8.1.12).
 * Undecided are vectors of values that lie together, and those of which two elements could be the greatest.
 */
export function errorsOfEigenvectors(
  node: NodeOf<"eigenvectors">,
  operand: Float64Array,
  given: Float64Array,
): Float64Array {
  const result = new Float64Array(count(node.type)).fill(Infinity);
  for (const { size, place } of matricesOf(node)) {
    const lower = (x: Float64Array, i: number, j: number): number => x[place(Math.max(i, j), Math.min(i, j))] ?? NaN;
    const { values, vectors } = eigenvectorsOf(size, (i, j) => lower(operand, i, j));
    const norm = (x: Float64Array): number =>
      Math.hypot(...square(size, (i, j) => lower(x, i, j)).map((row) => Math.hypot(...row)));
    const moved = roundings(size) * norm(operand) + norm(given);
    for (const [j, vector] of vectors.entries()) {
      const gap = Math.min(
        ...[j - 1, j + 1].map((other) => Math.abs((values[other] ?? Infinity) - (values[j] ?? NaN))),
      );
      const bound = 2 * (moved / gap + (size === 1 ? 0 : roundings(size)));
      const [first = 0, second = 0] = vector.map(Math.abs).sort().reverse();
      const isDecided = bound < mostRelative && (size === 1 || first - second > 2 * bound);
      for (let i = 0; i < size && isDecided; i++) result[place(i, j)] = bound;
    }
  }
  return result;
}

/** For each matrix twice its bound, and nothing at all above the diagonal; Infinity where there is none. */
function perMatrix(
  node: OfTriangle,
  bound: (squareOf: (values: Float64Array) => Square) => Square | undefined,
): Float64Array {
  const result = new Float64Array(count(node.type));
  for (const { size, place } of matricesOf(node)) {
    const found = bound((values) => square(size, (i, j) => values[place(i, j)] ?? Number.NaN));
    for (let i = 0; i < size; i++)
      for (let j = 0; j <= i; j++)
        result[place(i, j)] = found === undefined ? Infinity : 2 * at(found, i, j) + 2 ** -125;
  }
  return result;
}

interface Places {
  readonly size: number;
  readonly place: (row: number, column: number) => number;
}

function* matricesOf(node: OfMatrix): Iterable<Places> {
  const { inner, outer } = dimsOf(node);
  const along = strides(node.type.dims);
  const places = [...offsets(inner, along)];
  const size = inner[0]?.size ?? 0;
  for (const start of offsets(outer, along))
    yield { size, place: (i, j) => start + (places[i * size + j] ?? Number.NaN) };
}

const square = (size: number, of: (i: number, j: number) => number): Square =>
  Array.from({ length: size }, (_, i) => Float64Array.from({ length: size }, (_, j) => of(i, j)));

const at = (x: Square, i: number, j: number): number => x[i]?.[j] ?? Number.NaN;
const absolute = (x: Square): Square => x.map((row) => row.map(Math.abs));
const transposed = (x: Square): Square => square(x.length, (i, j) => at(x, j, i));
const lowerOf = (x: Square): Square => square(x.length, (i, j) => (j > i ? 0 : at(x, i, j)));
const isSmall = (x: Square): boolean => x.every((row) => row.every((value) => value < mostRelative));

function times(a: Square, b: Square): Square {
  return a.map((row) => {
    const sums = new Float64Array(b.length);
    for (const [k, x] of row.entries())
      for (const [j, y] of (x === 0 ? [] : (b[k] ?? [])).entries()) sums[j] = (sums[j] ?? 0) + x * y;
    return sums;
  });
}

/** Of a lower triangle; undefined if it has none. */
function inverseOf(l: Square): Square | undefined {
  if (!l.every((row, i) => (row[i] ?? 0) > 0)) return undefined;
  const x = square(l.length, () => 0);
  for (const [i, row] of l.entries()) {
    const own = x[i] ?? new Float64Array();
    own[i] = 1;
    for (let k = 0; k < i; k++) for (let j = 0; j <= k; j++) own[j] = (own[j] ?? 0) - (row[k] ?? 0) * at(x, k, j);
    for (let j = 0; j <= i; j++) own[j] = (own[j] ?? 0) / (row[i] ?? 0);
  }
  return x;
}
