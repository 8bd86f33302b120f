/** Graphs as models and methods make them: contractions with all that surrounds them, rows, chains, stored types. */
import type { Node } from "../../compiler/graph/ops.ts";
import type { DType } from "../../compiler/plan/dtype.ts";
import type { MakeCase } from "./cases.ts";
import { matrices } from "./matrices.ts";
import { named } from "./names.ts";
import { between, cancelling, draws, orNaN, type Random, shape } from "./random.ts";
import { type Sizes, type Sketch, sketch, some } from "./sketch.ts";
import { stored } from "./stored.ts";
import { sums } from "./sums.ts";

/** Sizes of a product, few enough for the reference. */
const matrix = (random: Random, limit = 120_000): Record<"m" | "n" | "k", number> =>
  shape(random, ["m", "n", "k"], limit);

const product = (s: Sketch, a: Node, b: Node, ...over: readonly string[]): Node =>
  s.reduce("sum", s.op("mul", a, b), ...over);

/** x · sigmoid(x). */
const silu = (s: Sketch, x: Node): Node => s.op("div", x, s.op("add", s.op("exp", s.op("neg", x)), 1));

const softmax = (s: Sketch, x: Node, over: string): Node => {
  const e = s.op("exp", s.op("sub", x, s.reduce("max", x, over)));
  return s.op("div", e, s.reduce("sum", e, over));
};

const rmsNorm = (s: Sketch, x: Node, gain: Node, over: string, size: number): Node => {
  const mean = s.op("div", s.reduce("sum", s.op("mul", x, x), over), size);
  return s.op("mul", s.op("mul", x, s.op("rsqrt", s.op("add", mean, 1e-5))), gain);
};

const weight = { role: "weight" } as const;

const contractions: Readonly<Record<string, MakeCase>> = {
  "matrix product, memory in any order": (random) => {
    const s = sketch(random);
    const { m, n, k } = matrix(random);
    const draw = random.pick([draws.normal, cancelling(random)]);
    const a = s.input(some(random, { m, k }, true), { draw });
    const b = s.input(some(random, { n, k }, true), { draw, ...random.pick([{}, weight]) });
    return s.case(random.unit() < 0.5 ? product(s, a, b, "k") : product(s, b, a, "k"));
  },
  "a matrix times another from either side": (random) => {
    const s = sketch(random);
    const { m, n, k } = matrix(random, 40_000);
    const given = s.input(some(random, { n, k }, true), random.pick([{}, weight]));
    const factor = random.unit() < 0.5 ? given : s.op("abs", given);
    return s.case(product(s, s.input({ m, k }), factor, "k"), product(s, s.input({ m, n }), factor, "n"));
  },
  "matrix product, batched": (random) => {
    const s = sketch(random);
    const { batch, m, n, k } = shape(random, ["batch", "m", "n", "k"], 120_000);
    const draw = random.pick([draws.normal, cancelling(random)]);
    const a = s.input(some(random, { batch, m, k }, true), { draw });
    const b = s.input(some(random, { n, batch, k }, true), { draw });
    return s.case(product(s, a, b, "k"));
  },
  "matrix times vector, vector times vector": (random) => {
    const s = sketch(random);
    const { m, k } = matrix(random);
    const a = s.input({ m, k });
    const b = s.input({ k });
    return s.case(product(s, a, b, "k"), product(s, b, s.input({ k }), "k"));
  },
  "sum over two dimensions of a product": (random) => {
    const s = sketch(random);
    const { m, n, block, lane } = shape(random, ["m", "n", "block", "lane"], 120_000);
    const a = s.input({ m, block, lane });
    const b = s.input(some(random, { lane, n, block }, true));
    return s.case(product(s, a, b, ...random.shuffle(["block", "lane"])));
  },
  "outer product summed over tokens": (random) => {
    const s = sketch(random);
    const { m: token, n: size } = matrix(random, 60_000);
    const x = s.input({ token, in: size });
    return s.case(s.reduce("sum", s.op("mul", x, s.rename(x, "in", "other")), "token"));
  },
  "several sums with a common factor": (random) => {
    const s = sketch(random);
    const { m, n, k } = matrix(random, 60_000);
    const x = s.input({ m, k });
    const [gate, up] = [s.input({ n, k }, weight), s.input({ n, k }, weight)] as const;
    return s.case(s.op("mul", silu(s, product(s, x, gate, "k")), product(s, x, up, "k")));
  },
  "prologue and epilogue": (random) => {
    const s = sketch(random);
    const { m, n, k } = matrix(random, 60_000);
    const x = s.input({ m, k });
    const w = s.input({ n, k }, weight);
    const normed = rmsNorm(s, x, s.input({ k }, weight), "k", k);
    const y = product(s, normed, w, "k");
    return s.case(s.op("add", s.op("add", y, s.input({ n }, weight)), s.input({ m, n })));
  },
  "group scales leave the sum": (random) => {
    const s = sketch(random);
    const { m, n, block, lane } = shape(random, ["m", "n", "block", "lane"], 60_000);
    const codes = s.cast(
      s.input({ n, block, lane }, { ...weight, dtype: "i32", draw: ({ integer }) => integer(0, 15) }),
      "f32",
    );
    const w = s.op("mul", s.op("sub", codes, s.input({ n, block }, weight)), s.input({ n }, weight));
    return s.case(product(s, s.input({ m, block, lane }), w, "block", "lane"));
  },
  "grouped queries with a causal mask": (random) => {
    const s = sketch(random);
    const sizes = { kv: random.pick([1, 2, 3]), group: random.pick([1, 2, 4]), lane: random.pick([1, 3, 8, 16]) };
    const token = random.pick([1, 5, 17, 33, 40]);
    const head = sizes.kv * sizes.group;
    const query = s.split(s.input({ token, head, lane: sizes.lane }), "head", { kv: sizes.kv, group: sizes.group });
    const [keys, values] = [
      s.input({ token, kv: sizes.kv, lane: sizes.lane }),
      s.input({ token, kv: sizes.kv, lane: sizes.lane }),
    ];
    const scores = s.op("mul", product(s, query, s.rename(keys, "token", "past"), "lane"), 1 / Math.sqrt(sizes.lane));
    const isPast = s.op("lessEqual", s.index("past", token), s.index("token", token));
    const masked = s.op("select", isPast, scores, -3.4028234663852886e38);
    const mixed = product(s, softmax(s, masked, "past"), s.rename(values, "token", "past"), "past");
    return s.case(s.merge(mixed, ["kv", "group"], "head"));
  },
};

const rows: Readonly<Record<string, MakeCase>> = {
  "softmax of rows": (random) => {
    const s = sketch(random);
    const x = s.input(some(random, shape(random, ["row", "column"]), true), {
      draw: random.pick([draws.normal, between(-80, 80)]),
    });
    return s.case(softmax(s, x, "column"));
  },
  "norm of rows": (random) => {
    const s = sketch(random);
    const { row, column } = shape(random, ["row", "column"]);
    return s.case(rmsNorm(s, s.input({ row, column }), s.input({ column }, weight), "column", column));
  },
  "sums of long rows": (random) => {
    const s = sketch(random);
    const column = random.pick([64, 65, 127, 128, 129, 1000, 4099]);
    const x = s.input(
      { row: random.pick([1, 2, 7]), column },
      { draw: random.pick([draws.normal, cancelling(random)]) },
    );
    const positive = s.op("abs", x);
    return s.case(s.reduce("sum", x, "column"), s.reduce("max", x, "column"), s.reduce("sum", positive, "column"));
  },
  "extremes and counts of much": (random) => {
    const s = sketch(random);
    const { row, inner } = random.pick([
      { row: 129, inner: 96 },
      { row: 3, inner: 4096 },
      { row: 2, inner: 4099 },
    ]);
    const x = s.input({ row, few: 2, inner }, { draw: random.pick([draws.few, draws.wide, orNaN(draws.few)]) });
    const isZero = s.cast(s.op("equal", x, 0), "i32");
    const names = random.shuffle(["row", "few", "inner"]).slice(0, random.integer(2, 3));
    const reduced = [s.reduce("sum", isZero, ...names), s.reduce("max", x, ...names), s.reduce("min", x, ...names)];
    return s.case(
      ...reduced,
      { node: s.reduce("max", s.op("abs", x), "inner"), accumulate: "max" },
      { node: s.reduce("sum", isZero, "row", "few", "inner"), accumulate: "sum" },
    );
  },
  "sums over outer, inner and several dimensions": (random) => {
    const s = sketch(random);
    const x = s.input(shape(random, ["a", "b", "c"]), { draw: random.pick([draws.normal, cancelling(random)]) });
    return s.case(...[["a"], ["b"], ["c"], ["c", "a"], ["a", "b", "c"]].map((over) => s.reduce("sum", x, ...over)));
  },
  "NaN among the terms": (random) => {
    const s = sketch(random);
    const column = random.pick([4, 63, 64, 96, 128, 1000]);
    const x = s.input({ row: 9, column }, { draw: orNaN(draws.normal, random.pick([1 / column, 0.5, 1])) });
    const square = s.reduce("sum", s.op("mul", x, x), "column");
    const extremes = (["max", "min", "argmax"] as const).map((by) => s.reduce(by, x, "column"));
    const clamped = [s.op("min", s.op("max", x, 0), 1), s.op("max", s.op("min", x, 1), 0)];
    return s.case(s.op("sqrt", square), s.op("div", s.reduce("sum", x, "column"), column), ...extremes, ...clamped);
  },
  "loss of picked words": (random) => {
    const s = sketch(random);
    const { token, word } = shape(random, ["token", "word"]);
    const logits = s.input({ token, word });
    const target = s.input({ token }, { dtype: "i32", draw: ({ integer }) => integer(0, word - 1) });
    const greatest = s.reduce("max", logits, "word");
    const sum = s.reduce("sum", s.op("exp", s.op("sub", logits, greatest)), "word");
    const loss = s.op("sub", s.op("add", s.op("log", sum), greatest), s.gather(logits, "word", target));
    return s.case(loss, s.reduce("sum", loss, "token"), s.reduce("argmax", logits, "word"));
  },
  "best over a row, n of m, and two dimensions": (random) => {
    const s = sketch(random);
    const [block, lane] = [random.pick([1, 3, 16, 33]), 4];
    const w = s.input(
      { out: random.pick([1, 5, 17]), in: block * lane },
      { ...weight, draw: random.pick([draws.normal, draws.few, orNaN(draws.few)]) },
    );
    const score = s.op("abs", w);
    const cells = s.make("best", [s.split(score, "in", { block, lane })], { keep: 2, over: ["lane"] });
    const row = s.make("best", [score], { keep: Math.floor((block * lane) / 2), over: ["in"] });
    const all = s.make("best", [score], { keep: block, over: ["out", "in"] });
    return s.case(
      s.op("select", s.merge(cells, ["block", "lane"], "in"), w, 0),
      s.op("select", row, w, 0),
      s.op("select", all, w, 0),
    );
  },
};

/** Positions along a new dimension of `size`: the last comes first, and 0 last. */
const down = (s: Sketch, name: string, size: number, stride = 1): Node =>
  s.op("mul", s.op("sub", s.constant(size - 1, "i32"), s.index(name, size)), s.constant(stride, "i32"));

const others: Readonly<Record<string, MakeCase>> = {
  "chain with a reduction": (random) => {
    const s = sketch(random);
    const sizes = shape(random, ["row", "column"]);
    const x = s.input(sizes);
    const y = s.op("tanh", s.op("mul", s.op("add", s.op("exp", x), 1), s.input({ column: sizes.column })));
    const z = s.op("sqrt", s.op("add", s.op("mul", y, y), 0.5));
    return s.case(z, s.reduce("sum", z, "column"), s.reduce("sum", s.op("log", z), "row"));
  },
  "sums and products at random": (random) => {
    const s = sketch(random);
    const width = random.pick([1, 3, 64, 100]);
    const row = (): Node => s.input({ row: random.pick([1, 5, 31]), column: width });
    const inputs = [row(), s.input({ column: width }), s.input({ column: width }, weight), s.input({ column: width })];
    const constants = [2, -1, 0.1, 3, -0.7, 1e-3, Math.PI].map((value) => s.constant(Math.fround(value)));
    const terms: Node[] = [...inputs, ...inputs, ...constants];
    const made = Array.from({ length: 12 }, () => {
      const recent = [...terms.slice(-4), random.pick(terms)];
      const node = s.op(random.pick(["add", "sub", "mul", "add", "mul"]), random.pick(recent), random.pick(terms));
      terms.push(random.unit() < 0.15 ? s.op("neg", node) : node);
      return node;
    });
    return s.case(...made.slice(-3));
  },
  "operations at random": (random) => {
    const s = sketch(random);
    const width = random.pick([1, 3, 64, 100]);
    const row = (): Node => s.input({ row: random.pick([1, 5, 31]), column: width });
    const constants = [2, -1, 0.5, 3, -0.7, 7, 1].map((value) => s.constant(value));
    const given = [row(), s.input({ column: width }), s.input({ column: width }, weight), ...constants];
    const terms = [...given];
    const recent = (): Node => random.pick([...terms.slice(-4), random.pick(terms)]);
    // A driver is free in the sign of 0, and by what it is divided shows that.
    const positive = (): Node => s.op("add", s.op("abs", recent()), s.constant(0.25));
    const made = Array.from({ length: 14 }, () => {
      const node = random.pick([
        () => s.op(random.pick(["add", "sub", "mul", "min", "max"]), recent(), random.pick(terms)),
        () => s.op(random.pick(["add", "sub", "mul"]), recent(), recent()),
        () => s.op("div", recent(), random.pick([random.pick(given), positive()])),
        () => s.op("rsqrt", positive()),
        () => s.op(random.pick(["neg", "abs", "sqrt", "floor", "round"]), recent()),
        () => s.op(random.pick(["exp", "log", "tanh", "sin", "cos"]), recent()),
        () => s.op("select", s.op(random.pick(["less", "equal"]), recent(), recent()), recent(), recent()),
        () => s.op(random.pick(["mod", "pow"]), s.op("abs", recent()), random.pick(terms)),
      ])();
      terms.push(node);
      return node;
    });
    return s.case(...made.slice(-3));
  },
  "greatest of columns by one loop, elements by fours": (random) => {
    const s = sketch(random);
    const [row, column] = [random.pick([5, 31]), 64];
    const x = s.input({ row, column });
    const flag = s.input({ column }, { draw: draws.truth, dtype: "bool" });
    const greatest = s.reduce("max", x, "row");
    const top = s.reduce("max", s.op("select", flag, greatest, s.constant(0)), "column");
    const isNegative = s.cast(s.op("less", greatest, s.constant(0)), "i32");
    const sum = s.op("add", x, top);
    const zeros = s.reduce("sum", s.cast(s.op("equal", sum, s.constant(0)), "i32"), "row", "column");
    return s.case(sum, s.reduce("sum", isNegative, "column"), zeros);
  },
  "sums of columns, less their mean": (random) => {
    const s = sketch(random);
    const size = 4000;
    const sums = s.reduce("sum", s.op(random.pick(["sin", "exp"]), s.input({ row: 8, column: size })), "row");
    const centred = s.op("sub", sums, s.op("div", s.reduce("sum", sums, "column"), size));
    return s.case(s.gather(centred, "column", down(s, "column", size)));
  },
  "rotation of pairs": (random) => {
    const s = sketch(random);
    const { token, half } = shape(random, ["token", "half"], 1500);
    const head = random.pick([1, 2, 3]);
    const x = s.split(s.input({ token, head, lane: 2 * half }), "lane", { part: 2, half });
    const at = (part: number): Node => s.gather(x, "part", s.constant(part, "i32"));
    const frequency = s.op("exp", s.op("mul", s.cast(s.index("half", half), "f32"), -9.210340371976184 / half));
    const angle = s.op("mul", s.cast(s.index("token", token), "f32"), frequency);
    const [cos, sin] = [s.op("cos", angle), s.op("sin", angle)];
    const first = s.op("sub", s.op("mul", at(0), cos), s.op("mul", at(1), sin));
    const second = s.op("add", s.op("mul", at(1), cos), s.op("mul", at(0), sin));
    const stacked = s.op("select", s.op("equal", s.index("part", 2), s.constant(0, "i32")), first, second);
    return s.case(s.merge(stacked, ["part", "half"], "lane"));
  },
  "slices and diagonals": (random) => {
    const s = sketch(random);
    const { token, width } = shape(random, ["token", "width"], 4000);
    const start = random.integer(0, token - 1);
    const x = s.input({ token, width });
    const slice = s.gather(
      x,
      "token",
      s.op("add", s.index("step", random.integer(1, token - start)), s.constant(start, "i32")),
    );
    const square = s.input({ row: width, column: width });
    return s.case(slice, s.reduce("sum", slice, "step"), s.gather(square, "column", s.index("row", width)));
  },
  reverse: (random) => {
    const s = sketch(random);
    const sizes = shape(random, ["row", "column"], 4000);
    const x = s.input(some(random, sizes, true));
    const reversed = s.gather(x, "column", down(s, "step", sizes.column));
    return s.case(reversed, s.reduce("sum", reversed, "step"), s.op("mul", s.rename(reversed, "step", "column"), x));
  },
  "reverse of a merge": (random) => {
    const s = sketch(random);
    const { a, b, c } = shape(random, ["a", "b", "c"], 2000);
    const merged = s.merge(s.input(some(random, { a, b, c }, true)), random.shuffle(["a", "b", "c"]), "all");
    const reversed = s.gather(merged, "all", down(s, "step", a * b * c));
    const halves = s.gather(merged, "all", down(s, "half", Math.ceil((a * b * c) / 2), 2));
    return s.case(reversed, s.split(reversed, "step", { c, a, b }), halves);
  },
  "index arithmetic modulo": (random) => {
    const s = sketch(random);
    const { row, column } = shape(random, ["row", "column"], 4000);
    const whole = (value: number): Node => s.constant(value, "i32");
    const scaled = (x: Node): Node => s.op("mul", x, whole(random.integer(-6, 6)));
    const by = random.integer(1, 9);
    const sum = s.op(
      random.pick(["add", "sub"]),
      s.op("add", scaled(s.index("row", row)), whole(random.integer(-30, 30))),
      scaled(s.op("mod", scaled(s.index("column", column)), whole(random.integer(1, 9)))),
    );
    const rest = s.op("mod", sum, whole(by));
    return s.case(sum, rest, s.op("mod", sum, whole(-by)), s.gather(s.input({ lane: by, row }), "lane", rest));
  },
  "rows of a stored table": (random) => {
    const s = sketch(random);
    const { word, width, token } = shape(random, ["word", "width", "token"], 5000);
    const table = s.input({ word, width }, { ...weight, dtype: random.pick<DType>(["f16", "bf16", "f32"]) });
    const tokens = s.input({ token }, { dtype: "i32", draw: ({ integer }) => integer(0, word - 1) });
    const rows = s.gather(table, "word", tokens);
    return s.case(rows, s.op("mul", rows, 2));
  },
  "accumulated observations": (random) => {
    const s = sketch(random);
    const sizes: Sizes = shape(random, ["token", "in"]);
    const x = s.input(sizes);
    const [sum, max, min] = [
      s.reduce("sum", s.op("mul", x, x), "token"),
      s.reduce("max", x, "token"),
      s.reduce("min", x, "in"),
    ];
    return s.case({ node: sum, accumulate: "sum" }, { node: max, accumulate: "max" }, { node: min, accumulate: "min" });
  },
  "tables of weights and constants": (random) => {
    const s = sketch(random);
    const { m, n, k } = matrix(random, 60_000);
    const w = s.input({ n, k }, weight);
    const scale = s.reduce("max", s.op("abs", w), "k");
    const isLarge = s.op("less", s.op("mul", scale, 0.25), s.op("abs", w));
    return s.case(
      product(s, s.input({ m, k }), s.op("select", isLarge, w, 0), "k"),
      s.reduce("sum", s.cast(isLarge, "f32"), "k"),
    );
  },
};

/** By what they are. */
export const composites: Readonly<Record<string, MakeCase>> = {
  ...contractions,
  ...rows,
  ...sums,
  ...named,
  ...stored,
  ...matrices,
  ...others,
};
