/** What the kernels of a group keep beside its targets. */
import type { Group } from "../fuse/group.ts";
import type { Dim } from "../graph/type.ts";
import { rotationsOf, side } from "../schedule/rotations.ts";
import { panelsOf } from "../schedule/schedule-panels.ts";
import { bindableWords, rows } from "./layout.ts";
import type { Storage } from "./storage.ts";

/**
 * Of routines on matrices that go in steps, a table that says at its entry `i` that this is step `i`. Of eigenvectors besides: the matrix
 * and the vectors as they are by then, of each pair its rotation and whether it moves anything, and the greatest magnitude of the matrix.
 */
export function scratchOf(group: Group): readonly Omit<Storage, "id">[] {
  if (group.shape !== "routine") return [];
  const { node } = group;
  const table = (steps: number): Omit<Storage, "id"> => ({
    ...{ node, through: [], dtype: "u32" },
    layout: rows([
      { name: "step", size: steps },
      { name: "word", size: bindableWords },
    ]),
  });
  if (node.op === "cholesky" || node.op === "triangularInverse") return [table(panelsOf(node).steps)];
  if (node.op !== "eigenvectors") return [];
  const { matrices, padded, pairs, rounds } = rotationsOf(node);
  const of = (...dims: readonly Dim[]): Omit<Storage, "id"> => ({
    ...{ node, through: [], dtype: "f32" },
    layout: rows([{ name: "matrix", size: matrices }, ...dims]),
  });
  const square = [
    { name: "row", size: padded },
    { name: "column", size: padded },
  ];
  const pair = { name: "pair", size: pairs };
  return [table(rounds), of(...square), of(...square), of(pair, { name: "element", size: side ** 2 }), of(pair), of()];
}
