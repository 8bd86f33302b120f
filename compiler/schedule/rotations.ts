/**
 * How a symmetric matrix is made diagonal (Jacobi, 1846): in blocks of columns, two of which meet in each round of a sweep, so that all
 * pairs of a round are rotated at once, and any two columns meet in every sweep (Golub & Van Loan, "Matrix Computations", 8.5).
 */

import type { NodeOf } from "../graph/ops.ts";
import { dimsOf } from "../graph/routine.ts";
import { count, type Dim } from "../graph/type.ts";
import type { DeviceFacts } from "../plan/device-facts.ts";
import { type Family, fixedSubgroup } from "./family.ts";

/** Columns of two blocks, which are rotated together. They decide in which order numbers are added, and are the same for every device. */
export const side = 32;

/**
 * Sweeps after which every matrix of up to several thousand columns is diagonal to what f32 holds: 8 to 10 are needed of 512, one more
 * of twice as many columns. Pairs with nothing left to rotate are passed by.
 */
export const sweeps = 12;

export interface Rotations {
  /** The dimensions that number the matrices, and how many there are. */
  readonly outer: readonly Dim[];
  readonly matrices: number;
  readonly rows: Dim;
  readonly columns: Dim;
  /** Of a matrix, and with zeros to whole pairs of blocks. */
  readonly size: number;
  readonly padded: number;
  readonly pairs: number;
  /** Of a sweep. */
  readonly rounds: number;
}

export function rotationsOf(node: NodeOf<"eigenvectors">): Rotations {
  const { inner, outer } = dimsOf(node);
  const [rows, columns] = inner as [Dim, Dim];
  const pairs = Math.ceil(rows.size / side);
  const sizes = { size: rows.size, padded: pairs * side, pairs, rounds: 2 * pairs - 1 };
  return { outer, matrices: count({ dims: outer }), rows, columns, ...sizes };
}

/** Invocations that rotate a pair, or what lies in the rows of one and the columns of another, together. */
export function rotationTeam(facts: DeviceFacts, family: Family): number {
  return family === "gpu" ? 64 : (fixedSubgroup(facts) ?? 8);
}
