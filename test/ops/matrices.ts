/** Matrices to factor and to invert. */
import type { Node } from "../../compiler/graph/ops.ts";
import type { MakeCase } from "./cases.ts";
import { type Sketch, sketch, some } from "./sketch.ts";

/** Matrices with this on their diagonals, and what is above them: enough, and they are positive definite. */
export function definite(s: Sketch, side: number, ridge: number): Node {
  const x = s.input(some(s.random, { batch: s.random.pick([1, 2, 3]), row: side, column: side }, true));
  const isDiagonal = s.op("equal", s.index("row", side), s.index("column", side));
  return s.op("select", isDiagonal, s.op("add", s.op("abs", x), ridge), x);
}

const triangle = { rows: "row", columns: "column" } as const;

/** Factors and inverses with what surrounds them. */
export const matrices: Readonly<Record<string, MakeCase>> = {
  "a factor that is shown, added up, packed and multiplied with": (random) => {
    const s = sketch(random);
    const side = random.pick([8, 33, 64]);
    const factor = s.make("cholesky", [definite(s, side, side)], triangle);
    const y = s.reduce("sum", s.op("mul", s.input({ token: random.pick([4, 40]), row: side }), factor), "row");
    return s.case(
      { node: factor, store: "bf16" },
      { node: factor, accumulate: "sum" },
      factor,
      s.rename(factor, "row", "m"),
      y,
    );
  },
  "the inverse of a factor, backwards": (random) => {
    const s = sketch(random);
    const side = random.pick([5, 32, 40, 97]);
    const backwards = (x: Node): Node => {
      const from = (dim: string): Node => s.op("sub", s.constant(side - 1, "i32"), s.index(dim, side));
      return s.gather(s.gather(x, "row", from("row")), "column", from("column"));
    };
    const factor = s.make("cholesky", [backwards(definite(s, side, side))], triangle);
    const inverse = s.make("triangularInverse", [s.op("mul", factor, 2)], triangle);
    return s.case(backwards(inverse), s.reduce("sum", inverse, "row"));
  },
};
