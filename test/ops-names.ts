/** Dimensions with the names that kernels give their own coordinates, and as large: whatever a recipe calls them. */
import type { MakeCase } from "./ops-cases.ts";
import { draws, type Random } from "./ops-random.ts";
import { type Sketch, sketch, some } from "./ops-sketch.ts";

/** What kernels call what they count. */
const own = ["row", "element", "lane", "i", "m", "k"];

const reduce = (s: Sketch, x: Parameters<Sketch["reduce"]>[1], over: string): ReturnType<Sketch["reduce"]> =>
  s.reduce(s.random.pick(["sum", "max", "min"]), x, over);

const names = (random: Random): readonly [string, string, string] => {
  const [a = "", b = "", c = ""] = random.shuffle(own);
  return [a, b, c];
};

/** By what they are. A loop may have the name of one around it, and its size. */
export const named: Readonly<Record<string, MakeCase>> = {
  "squares, reduced along either dimension": (random) => {
    const s = sketch(random);
    const [a, b] = names(random);
    const size = random.pick([4, 64, 65, 96, 128]);
    const x = s.input(some(random, { [a]: size, [b]: size }, true));
    const y = s.op("exp", s.op("sub", x, s.input({ [random.pick([a, b])]: size })));
    const along = reduce(s, y, a);
    return s.case(y, along, s.op("mul", y, along), reduce(s, y, b), s.make("best", [x], { keep: 2, over: [a] }));
  },
  "squares, multiplied": (random) => {
    const s = sketch(random);
    const [a, b, c] = names(random);
    const size = random.pick([4, 16, 33, 47]);
    const x = s.input({ [a]: size, [b]: size });
    const y = s.op("div", x, s.reduce("max", s.op("abs", s.op("add", x, 0.1)), random.pick([a, b])));
    return s.case(s.reduce("sum", s.op("mul", y, s.rename(y, b, c)), a), s.op("mul", y, 2));
  },
  "loops within loops of one name": (random) => {
    const s = sketch(random);
    const [a, b, long] = names(random);
    const size = random.pick([2, 4, 8]);
    const table = s.input({ other: size, [a]: size });
    const rows = reduce(s, table, a);
    const nested = reduce(s, s.op("mul", s.rename(rows, "other", a), s.input({ [a]: size })), a);
    const x = s.input({ [b]: random.pick([4, 5, 64]), [long]: random.pick([64, 128]) });
    const mixed = s.op("max", s.input({ other: size, [a]: size }, { draw: draws.few }), rows);
    const y = s.op("add", s.reduce("sum", x, long), reduce(s, mixed, "other"));
    return s.case(y, s.op("mul", x, nested), s.reduce("sum", x, long));
  },
};
