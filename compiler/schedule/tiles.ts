/** What a workgroup of a contraction holds, for the schedules that use workgroup memory. */
import type { Contraction, ContractionSchedule } from "./contraction.ts";

export type Tiled = Extract<ContractionSchedule, { readonly kind: "tiled" }>;

/** Rows and columns of a workgroup's outputs, and the vectors of four of an invocation's. */
export const tileOf = ({ workgroup, thread }: Tiled) => ({
  rows: workgroup[1] * thread[0],
  columns: workgroup[0] * thread[1],
  down: thread[0] / 4,
  across: thread[1] / 4,
});

/** Vectors from one term to the next in workgroup memory, with one to spare. */
export const pitch = (length: number): number => length / 4 + 1;

/** Bytes of workgroup memory that the schedule takes. */
export function tiledMemory(c: Contraction, schedule: Tiled): number {
  const { rows, columns } = tileOf(schedule);
  return 16 * schedule.depth * (pitch(rows) + c.accumulators * pitch(columns));
}

export type Matrix = Extract<ContractionSchedule, { readonly kind: "matrix" }>;

/** Terms that are in workgroup memory at a time, at least. */
const termsAtOnce = 32;

/** Elements by which rows in workgroup memory are longer than they need be: 16 bytes, so that loads stay aligned. */
const spare = 8;

/** Rows, columns and terms that a workgroup holds, and the lengths of their rows in its memory, in elements. */
export const sizesOf = ({ shape, tiles }: Matrix) => {
  const [rows, columns] = [2 * tiles[0] * shape[0], 2 * tiles[1] * shape[1]];
  const depth = Math.max(shape[2], termsAtOnce);
  return { rows, columns, depth, aPitch: depth + spare, bPitch: columns + spare, subgroups: 4 };
};

/** Bytes of workgroup memory that the schedule takes. */
export function matrixMemory(c: Contraction, schedule: Matrix): number {
  const { rows, depth, aPitch, bPitch, subgroups } = sizesOf(schedule);
  const [m, n] = schedule.shape;
  return 2 * rows * aPitch + c.accumulators * (2 * depth * bPitch + 4 * subgroups * m * n);
}
