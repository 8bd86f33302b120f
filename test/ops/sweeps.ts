/** Sweeps over the columns of a matrix, with bodies at one level and at several. */
import { bodyNames } from "../../compiler/graph/bodies.ts";
import type { Level, Node } from "../../compiler/graph/ops.ts";
import type { DType } from "../../compiler/plan/dtype.ts";
import type { MakeCase } from "./cases.ts";
import { between, draws, type Random } from "./random.ts";
import { type Sizes, type Sketch, sketch, some } from "./sketch.ts";

/** What the body of a level is made of. */
interface Inside {
  readonly s: Sketch;
  readonly run: Node;
  readonly at: (level: string) => Node;
  /** What the body of a level above gives. */
  readonly above: (level: string, output: string) => Node;
  /** An input of the sweep beside x and u, the first if no other, which lies along the columns and perhaps rows: at the run. */
  readonly beside: (number?: number, along?: Sizes) => Node;
}

type WriteBody = (inside: Inside) => Readonly<Record<string, Node>>;

/** The levels of a sweep, outermost first. */
type Levels = readonly (readonly [name: string, size: number, write: WriteBody])[];

const columnsOf = (levels: Levels): number => levels.reduce((n, [, size]) => n * size, 1);

const input = (s: Sketch, name: string, sizes: Sizes, dtype: DType = "f32"): Node => {
  const dims = Object.entries(sizes).map(([each, size]) => ({ name: each, size }));
  return s.make("input", [], { name, type: { dtype, dims }, role: "data" });
};

/** What is swept, if no plain input. */
interface Swept {
  readonly of?: Node;
  readonly dtype?: DType;
  readonly ordered?: (x: Node) => Node;
}

/** A sweep along `column` of an input with these other dimensions. */
function sweep(
  s: Sketch,
  rows: Sizes,
  levels: Levels,
  beside: readonly Node[] = [],
  { of, dtype = "f32", ordered = (x) => x }: Swept = {},
): Node {
  const columns = columnsOf(levels);
  const x = of ?? ordered(s.input(some(s.random, { ...rows, column: columns }, true), { dtype }));
  const made: Level[] = [];
  for (const [i, [name, size, write]] of levels.entries()) {
    const inner = sketch(s.random);
    const below = levels.slice(i + 1).map(([other, length]) => [other, length] as const);
    const dims = x.type.dims.flatMap((dim) => (dim.name === "column" ? below : [[dim.name, dim.size] as const]));
    const at = (level: string): Node => input(inner, bodyNames.position(level), {}, "i32");
    const outputs = write({
      s: inner,
      at,
      run: input(inner, bodyNames.run, Object.fromEntries(dims)),
      above: (level, output) => {
        const found = made.find(({ dim }) => dim.name === level)?.body.outputs.find((each) => each.name === output);
        const type = found?.node.type ?? { dtype: "f32", dims: [] };
        return inner.make("input", [], { name: bodyNames.above(level, output), type, role: "data" });
      },
      beside: (number = 0, along = {}) => {
        const into = Object.fromEntries(levels.map(([other, length]) => [other, length]));
        const apart = inner.split(input(inner, bodyNames.given(number), { ...along, column: columns }), "column", into);
        return levels.slice(0, i + 1).reduce((value, [level]) => inner.gather(value, level, at(level)), apart);
      },
    });
    made.push({ dim: { name, size }, body: inner.body(outputs) });
  }
  return s.make("feedback", [x, factor(s, columns), ...beside], { along: "column", across: "other", levels: made });
}

/** Upper, with some of anything below its diagonal, which nothing reads. */
function factor(s: Sketch, columns: number): Node {
  const u = s.input(some(s.random, { column: columns, other: columns }, true));
  const isDiagonal = s.op("equal", s.index("column", columns), s.index("other", columns));
  const pivots = s.input({ other: columns }, { draw: between(0.5, 2) });
  return s.op("select", isDiagonal, pivots, s.op("mul", u, 0.2 / Math.sqrt(columns)));
}

const part = (s: Sketch, of: Node, level: number, output: string): Node => s.make("part", [of], { level, output });

const rowsOf = (random: Random): Sizes =>
  random.pick<Sizes>([{ row: 1 }, { row: 7 }, { row: 33 }, { row: 130 }, { row: 5, head: 3 }]);

/** The grid of a run. */
const grid: WriteBody = ({ s, run }) => {
  const low = s.op("min", s.reduce("min", run, "lane"), 0);
  const high = s.op("max", s.reduce("max", run, "lane"), 0);
  const scale = s.op("max", s.op("div", s.op("sub", high, low), 15), 1e-3);
  return { "grid.scale": scale, "grid.zero": s.op("round", s.op("div", s.op("neg", low), scale)) };
};

/** The code of a column on the grid of its run. */
const code: WriteBody = ({ s, run, above }) => {
  const [scale, zero] = [above("block", "grid.scale"), above("block", "grid.zero")];
  const nearest = s.op("add", s.op("round", s.op("div", run, scale)), zero);
  const made = s.op("max", s.op("min", nearest, 15), 0);
  return { code: made, [bodyNames.frozen]: s.op("mul", scale, s.op("sub", made, zero)) };
};

/** The columns that stay, of each run: so many for each row, or for all rows together. */
const mask =
  (level: string, keep: number, over: readonly string[]): WriteBody =>
  ({ s, run, beside }) => ({
    [`${level} kept`]: s.make("best", [s.op("abs", s.op("mul", run, beside()))], { keep, over }),
  });

/** Of what stays the column as it is, or what a body makes of it. */
const masked =
  (level: string, become?: WriteBody): WriteBody =>
  (inside) => {
    const { s, run, at, above } = inside;
    const kept = s.gather(above(level, `${level} kept`), "lane", at("lane"));
    const made = become?.(inside) ?? {};
    return { ...made, [bodyNames.frozen]: s.op("select", kept, made[bodyNames.frozen] ?? run, 0) };
  };

/** The mean of a run. */
const mean =
  (level: string, size: number, over: readonly string[]): WriteBody =>
  ({ s, run }) => ({ [`${level} mean`]: s.op("div", s.reduce("sum", run, ...over), size) });

/** Half of the way to the mean of two means. */
const towards =
  (...levels: readonly [string, string]): WriteBody =>
  ({ s, run, above }) => {
    const [one, other] = levels.map((level) => above(level, `${level} mean`));
    const middle = s.op("mul", s.op("add", one as Node, other as Node), 0.5);
    const distance = s.op("sub", middle, run);
    return { distance, [bodyNames.frozen]: s.op("add", run, s.op("mul", distance, 0.5)) };
  };

/** As GPTQ makes them. */
export const codesInRuns: MakeCase = (random) => {
  const s = sketch(random);
  const [block, lane] = random.pick([
    [3, 16],
    [5, 7],
    [2, 48],
    [1, 40],
    [1, 150],
    [9, 4],
  ] as const);
  const swept = sweep(s, rowsOf(random), [
    ["block", block, grid],
    ["lane", lane, code],
  ]);
  return s.case(swept, part(s, swept, 1, "code"), part(s, swept, 0, "grid.scale"), part(s, swept, 0, "grid.zero"));
};

/** Of rows by themselves, which bodies tell apart, and of which they order the columns. */
export const tall: MakeCase = (random) => {
  const s = sketch(random);
  const rows = { row: 230 };
  const block: WriteBody = (inside) => {
    const { s: inner, run } = inside;
    const first = inner.make("order", [run], { over: "lane" });
    return { ...mean("block", 20, ["lane"])(inside), first: inner.gather(first, "lane", inner.constant(0, "i32")) };
  };
  const lane: WriteBody = ({ s: inner, run, above, beside }) => {
    const row = inner.op("mul", inner.cast(inner.index("row", 230), "f32"), 1e-3);
    const share = inner.op("mul", beside(0, rows), inner.op("add", row, 0.5));
    return { [bodyNames.frozen]: inner.op("add", inner.op("mul", run, share), above("block", "block mean")) };
  };
  const share = s.cast(s.input({ ...rows, column: 80 }, { draw: between(0, 1), dtype: "f16" }), "f32");
  const swept = sweep(
    s,
    rows,
    [
      ["block", 4, block],
      ["lane", 20, lane],
    ],
    [share],
    { dtype: "f16" },
  );
  const parts = ["block mean", "first"].map((name) => part(s, swept, 0, name));
  return s.case({ node: s.op("mul", swept, 2), store: "f16" }, ...parts);
};

const halfWay = (s: Sketch, from: Node, to: Node): Readonly<Record<string, Node>> => ({
  [bodyNames.frozen]: s.op("mul", s.op("add", from, to), 0.5),
});

export const sweeps: Readonly<Record<string, MakeCase>> = {
  "many rows by themselves": tall,
  "a sweep of one level": (random) => {
    const s = sketch(random);
    const lane: WriteBody = ({ s: inner, run, at }) => {
      const step = inner.op("add", inner.op("mul", inner.cast(at("lane"), "f32"), 0.01), 0.25);
      return { [bodyNames.frozen]: inner.op("mul", inner.op("round", inner.op("div", run, step)), step) };
    };
    return s.case(sweep(s, rowsOf(random), [["lane", random.pick([1, 2, 31, 32, 33, 64, 100, 130]), lane]]));
  },
  "columns in an order, and where each of them has gone": (random) => {
    const s = sketch(random);
    const columns = random.pick([3, 40, 96]);
    const lane: WriteBody = ({ s: inner, run }) => {
      const whole = inner.op("round", run);
      return { whole, [bodyNames.frozen]: inner.op("mul", whole, 0.5) };
    };
    const score = s.input({ column: columns });
    const isBefore = s.op("less", s.rename(score, "column", "from"), score);
    const place = s.reduce("sum", s.cast(isBefore, "i32"), "from");
    const isThere = s.op("equal", s.rename(place, "column", "from"), s.index("column", columns));
    const order = s.reduce("sum", s.op("mul", s.index("from", columns), s.cast(isThere, "i32")), "from");
    const swept = sweep(s, rowsOf(random), [["lane", columns, lane]], [], {
      ordered: (x) => s.gather(x, "column", order),
    });
    return s.case(s.gather(s.rename(part(s, swept, 0, "whole"), "lane", "column"), "column", place));
  },
  "codes on the grids of runs": codesInRuns,
  "masks of runs, of each row and of all": (random) => {
    const s = sketch(random);
    const [run, lane] = random.pick([
      [2, 20],
      [3, 33],
      [20, 4],
    ] as const);
    const importance = s.input({ column: run * lane }, { draw: draws.positive });
    const over = random.pick([["lane"], ["lane", "row"], ["row", "lane"]]);
    const swept = sweep(
      s,
      rowsOf(random),
      [
        ["run", run, mask("run", random.integer(1, lane), over)],
        ["lane", lane, masked("run")],
      ],
      [importance],
    );
    return s.case(s.op("mul", swept, 2), part(s, swept, 0, "run kept"));
  },
  "masks of cells in runs with grids": (random) => {
    const s = sketch(random);
    const importance = s.input({ column: 72 }, { draw: draws.positive });
    const swept = sweep(
      s,
      rowsOf(random),
      [
        [
          "block",
          3,
          ({ s: inner, run }) => grid({ s: inner, run: inner.merge(run, ["cell", "lane"], "lane") } as Inside),
        ],
        ["cell", 6, mask("cell", 2, ["lane"])],
        ["lane", 4, masked("cell", code)],
      ],
      [importance],
    );
    return s.case(swept, part(s, swept, 2, "code"), part(s, swept, 1, "cell kept"));
  },
  "sweeps without a threshold, of any width": (random) => {
    const s = sketch(random);
    const columns = random.pick([1, 31, 33, 95, 127, 128, 129, 160, 257]);
    const lane: WriteBody = ({ s: inner, run, beside }) => ({ [bodyNames.frozen]: inner.op("mul", run, beside()) });
    const share = s.input({ column: columns }, { draw: between(0, 1) });
    const swept = sweep(s, rowsOf(random), [["lane", columns, lane]], [share]);
    return s.case({ node: swept, accumulate: "sum" }, { node: swept, store: "bf16" }, swept);
  },
  "runs of any length, whose means stay": (random) => {
    const s = sketch(random);
    const [block, cell, lane] = random.pick([
      [2, 3, 8],
      [3, 2, 24],
      [5, 5, 3],
      [2, 2, 40],
      [3, 1, 70],
      [2, 5, 1],
      [1, 3, 48],
    ] as const);
    const swept = sweep(s, rowsOf(random), [
      ["block", block, mean("block", cell * lane, ["cell", "lane"])],
      ["cell", cell, mean("cell", lane, ["lane"])],
      ["lane", lane, towards("block", "cell")],
    ]);
    return s.case(part(s, swept, 0, "block mean"), part(s, swept, 1, "cell mean"), part(s, swept, 2, "distance"));
  },
  "columns that are frozen across rows": (random) => {
    const s = sketch(random);
    const lane: WriteBody = ({ s: inner, run, at }) => {
      const most = inner.reduce("max", run, "row");
      const place = inner.op("mul", inner.cast(at("lane"), "f32"), 0.01);
      return { most, place, [bodyNames.frozen]: inner.op("sub", run, inner.op("mul", most, place)) };
    };
    const swept = sweep(s, rowsOf(random), [
      ["block", 3, mean("block", 11, ["lane"])],
      ["lane", 11, lane],
    ]);
    return s.case(swept, part(s, swept, 1, "most"), part(s, swept, 1, "place"));
  },
  "what rows have in common, and more than one value of each": (random) => {
    const s = sketch(random);
    const cell: WriteBody = ({ s: inner, run, beside }) => {
      const shares = inner.op("mul", inner.cast(inner.index("candidate", 3), "f32"), 0.25);
      return { shares, sums: inner.op("mul", inner.reduce("sum", run, "lane"), shares), given: beside() };
    };
    const lane: WriteBody = ({ s: inner, run, above }) => {
      const least = inner.reduce("min", above("cell", "sums"), "candidate");
      return { [bodyNames.frozen]: inner.op("add", inner.op("mul", run, 0.5), inner.op("mul", least, 0.01)) };
    };
    const share = s.input({ column: 6 * 8 });
    const swept = sweep(
      s,
      rowsOf(random),
      [
        ["cell", 6, cell],
        ["lane", 8, lane],
      ],
      [share],
    );
    return s.case(...["shares", "sums", "given"].map((name) => part(s, swept, 0, name)));
  },
  "a sweep of what another leaves, over views of its parts": (random) => {
    const s = sketch(random);
    const rows = rowsOf(random);
    const first = sweep(s, rows, [
      ["block", 4, mean("block", 9, ["lane"])],
      ["lane", 9, ({ s: inner, run, above }) => halfWay(inner, run, above("block", "block mean"))],
    ]);
    const backwards = s.op("sub", s.constant(35, "i32"), s.index("column", 36));
    const means = s.gather(s.op("abs", part(s, first, 0, "block mean")), "block", s.index("block", 4));
    const share = s.gather(
      s.merge(s.split(s.input({ column: 36 }), "column", { a: 6, b: 6 }), ["a", "b"], "column"),
      "column",
      backwards,
    );
    const again = sweep(
      s,
      rows,
      [
        [
          "run",
          1,
          ({ s: inner, run, beside }) => ({ least: inner.reduce("min", inner.op("mul", run, beside()), "lane") }),
        ],
        ["lane", 36, ({ s: inner, run, above }) => halfWay(inner, run, above("run", "least"))],
      ],
      [share],
      { of: s.op("sub", first, s.reduce("max", means, "block")) },
    );
    return s.case(
      again,
      part(s, again, 0, "least"),
      s.reduce("sum", s.op("mul", first, s.rename(again, "column", "other")), "column"),
    );
  },
};
