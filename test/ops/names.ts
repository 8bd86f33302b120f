/** Dimensions with the names that kernels give their own coordinates, and as large: whatever a recipe calls them. */
import type { Node } from "../../compiler/graph/ops.ts";
import type { MakeCase } from "./cases.ts";
import { draws } from "./random.ts";
import { type Case, type Sketch, sketch, some } from "./sketch.ts";

type Names = readonly [string, string, string];

const reduce = (s: Sketch, x: Node, over: string): Node =>
  s.reduce(s.random.pick(["sum", "max", "min", "argmax"]), x, over);

/** By what they are, for the names of their dimensions. A loop may have the name of one around it, and its size. */
export const naming: Readonly<Record<string, (s: Sketch, names: Names) => Case>> = {
  "squares, reduced along either dimension": (s, [a, b]) => {
    const size = s.random.pick([4, 64, 65, 96, 128]);
    const x = s.input(some(s.random, { [a]: size, [b]: size }, true));
    const y = s.op("exp", s.op("sub", x, s.input({ [s.random.pick([a, b])]: size })));
    const along = s.reduce("sum", y, a);
    const best = s.make("best", [x], { keep: 2, over: [a] });
    return s.case(y, along, s.op("mul", y, along), reduce(s, x, b), reduce(s, x, a), best);
  },
  "squares, multiplied": (s, [a, b, c]) => {
    const size = s.random.pick([4, 16, 33, 47]);
    const x = s.input({ [a]: size, [b]: size });
    const y = s.op("div", x, s.reduce("max", s.op("abs", s.op("add", x, 0.1)), s.random.pick([a, b])));
    return s.case(s.reduce("sum", s.op("mul", y, s.rename(y, b, c)), a), s.op("mul", y, 2));
  },
  "loops within loops of one name": (s, [a, b, long]) => {
    const by = (): "sum" | "max" => s.random.pick(["sum", "max"]);
    const size = s.random.pick([2, 4, 8]);
    const rows = s.reduce(by(), s.input({ [b]: size, [a]: size }), a);
    const nested = s.reduce(by(), s.op("mul", s.rename(rows, b, a), s.input({ [a]: size })), a);
    const x = s.input({ token: s.random.pick([4, 5, 64]), [long]: s.random.pick([64, 128]) });
    const mixed = s.op("max", s.input({ [b]: size, [a]: size }, { draw: draws.few }), rows);
    const y = s.op("add", s.reduce("sum", x, long), s.reduce(by(), mixed, b));
    return s.case(y, s.op("mul", x, nested), s.reduce("sum", x, long));
  },
};

/** What kernels call what they count. */
const own = ["row", "element", "lane", "i", "m", "k"];

export const named: Readonly<Record<string, MakeCase>> = Object.fromEntries(
  Object.entries(naming).map(([name, make]) => [
    name,
    (random) => {
      const [a = "", b = "", c = ""] = random.shuffle(own);
      return make(sketch(random), [a, b, c]);
    },
  ]),
);
