/** For every primitive: random graphs that exercise it, with random inputs. To add a primitive, add its line here. */
import type { Node, OpName } from "../../compiler/graph/ops.ts";
import { type DType, dtypes, packedTypes, readAs } from "../../compiler/plan/dtype.ts";
import { definite } from "./matrices.ts";
import { between, cancelling, type Draw, draws, orNaN, type Random, shape } from "./random.ts";
import { type Case, type Sizes, type Sketch, sketch, some } from "./sketch.ts";

/** A case of the primitive; draws everything from `random`. */
export type MakeCase = (random: Random) => Case;

type WithoutAttrs = Parameters<Sketch["op"]>[0];

/** f(x) on a random shape, read by rows and in another order of dimensions. */
const unary =
  (op: WithoutAttrs, draw: Draw, dtype: DType = "f32"): MakeCase =>
  (random) => {
    const s = sketch(random);
    const x = s.input(shape(random, ["row", "column"]), { draw, dtype });
    return s.case(s.op(op, x));
  };

/** Operands that share all, some or no dimensions, in any order; one may be a scalar constant. */
function operands(s: Sketch, sizes: Sizes, drawA: Draw, drawB: Draw, dtype: DType): readonly [Node, Node] {
  const { random } = s;
  const whole = random.unit() < 0.6;
  const a = s.input(some(random, sizes, whole), { draw: drawA, dtype });
  const isConstant = dtype !== "f16" && random.unit() < 0.2;
  const b = isConstant
    ? s.constant(Math.fround(drawB(random)), dtype)
    : s.input(some(random, sizes), { draw: drawB, dtype });
  return random.unit() < 0.5 || drawA !== drawB ? [a, b] : [b, a];
}

const binary =
  (op: WithoutAttrs, drawA: Draw, drawB: Draw, dtypes: readonly DType[] = ["f32"]): MakeCase =>
  (random) => {
    const s = sketch(random);
    const [a, b] = operands(s, shape(random, ["a", "b", "c"]), drawA, drawB, random.pick(dtypes));
    return s.case(s.op(op, a, b));
  };

/** Whole numbers where the dtype asks for them. */
const arithmetic =
  (op: WithoutAttrs, draw: Draw): MakeCase =>
  (random) => {
    const dtype = random.pick<DType>(["f32", "f32", "i32"]);
    const values = dtype === "i32" ? draws.whole : random.pick([draw, draws.normal, orNaN(draw)]);
    return binary(op, values, values, [dtype])(random);
  };

const compared =
  (op: WithoutAttrs, dtypes: readonly DType[]): MakeCase =>
  (random) => {
    const dtype = random.pick(dtypes);
    const draw = { f32: random.pick([draws.few, draws.wide]), i32: draws.whole, bool: draws.truth }[dtype as "f32"];
    return binary(op, draw, draw, [dtype])(random);
  };

/** Over the inner, the outer, the middle or several dimensions, in any order. */
const reduced =
  (by: "sum" | "max" | "min" | "argmax", draw: Draw): MakeCase =>
  (random) => {
    const s = sketch(random);
    const x = s.input(shape(random, ["a", "b", "c"]), { draw });
    const names = random.shuffle(["a", "b", "c"]);
    return s.case(s.reduce(by, x, ...names.slice(0, by === "argmax" ? 1 : random.integer(1, 3))));
  };

/** Sizes whose product is the size of one dimension, which is split or merged. */
function cells(random: Random): { readonly outer: Sizes; readonly inner: Sizes; readonly size: number } {
  const inner = shape(random, ["block", "lane"], 500);
  return { outer: shape(random, ["row"], 30), inner, size: inner.block * inner.lane };
}

const edges = [NaN, Infinity, -Infinity, 3e9, -3e9, 5e9, 2147483520, -2147483648, 1.9, -1.9, -0];

const anyReal: Draw = (random) =>
  random.pick([draws.few, draws.wide, draws.normal, draws.natural, ({ pick }: Random) => pick(edges)])(random);

/** What a type can hold, and more. */
const drawOf = (dtype: DType): Draw =>
  dtype === "bool"
    ? draws.truth
    : readAs(dtype) === "f32"
      ? draws.normal
      : dtype === "i32"
        ? draws.whole
        : draws.natural;

const casts = {
  "f32 to i32": ["f32", between(-1e6, 1e6), "i32"],
  "f32 to i32, out of range": ["f32", ({ pick }) => pick(edges), "i32"],
  "f32 to u32": ["f32", ({ pick }) => pick(edges), "u32"],
  "f32 to bool": ["f32", draws.few, "bool"],
  "f32 to f16": ["f32", draws.normal, "f16"],
  "f32 to bf16": ["f32", draws.wide, "bf16"],
  "f32 to f16, small": ["f32", between(-1e-5, 1e-5), "f16"],
  "i32 to f32": ["i32", ({ integer }) => integer(-(2 ** 31), 2 ** 31 - 1), "f32"],
  "i32 to bool": ["i32", ({ integer }) => integer(-1, 1), "bool"],
  "bool to f32": ["bool", draws.truth, "f32"],
  "bool to i32": ["bool", draws.truth, "i32"],
  "f16 to f32": ["f16", draws.normal, "f32"],
  "u32 to f32": ["u32", draws.natural, "f32"],
  ...Object.fromEntries(packedTypes.map((type) => [`f32 to ${type}`, ["f32", anyReal, type] as const])),
} satisfies Record<string, readonly [DType, Draw, DType]>;

/** Every primitive has a case; those of sweeps stand in `sweeps.ts`. */
export const cases: { readonly [K in Exclude<OpName, "feedback" | "part">]: MakeCase } = {
  constant: (random) => {
    const s = sketch(random);
    const x = s.input(shape(random, ["row"]));
    const real = random.pick([0, -0, 1, -1, 0.1, 1e-30, 3e38, 16777217, Math.PI]);
    return s.case(s.op("max", x, real), s.constant(real), s.constant(-7, "i32"), s.constant(1, "bool"));
  },
  input: (random) => {
    const s = sketch(random);
    const drawn = random.shuffle(dtypes).slice(0, 6);
    return s.case(
      ...drawn.map((dtype) => s.input(shape(random, ["row", "column"], 3000), { dtype, draw: drawOf(dtype) })),
    );
  },
  index: (random) => {
    const s = sketch(random);
    const { row, column } = shape(random, ["row", "column"]);
    const flat = s.op("add", s.op("mul", s.index("row", row), s.constant(column, "i32")), s.index("column", column));
    return s.case(flat, s.index("row", row));
  },
  neg: unary("neg", draws.wide),
  abs: unary("abs", draws.wide),
  exp: (random) => unary("exp", random.pick([draws.normal, between(-110, 88), draws.few]))(random),
  log: (random) => unary("log", random.pick([draws.positive, between(0.5, 2), between(0.999, 1.001)]))(random),
  log2: (random) =>
    unary(
      "log2",
      random.pick([draws.positive, between(0.999, 1.001), ({ integer }) => 2 ** integer(-126, 127)]),
    )(random),
  sqrt: (random) => unary("sqrt", random.pick([draws.positive, draws.natural]))(random),
  rsqrt: unary("rsqrt", draws.positive),
  sin: (random) => unary("sin", random.pick([draws.normal, between(-512, 512), between(-8000, 8000)]))(random),
  cos: (random) => unary("cos", random.pick([draws.normal, between(-512, 512), between(-8000, 8000)]))(random),
  tanh: (random) => unary("tanh", random.pick([draws.normal, draws.wide, between(-12, 12)]))(random),
  erf: (random) => unary("erf", random.pick([draws.normal, draws.wide, between(-1.01, 1.01), between(-5, 5)]))(random),
  floor: (random) => unary("floor", random.pick([draws.few, draws.wide]))(random),
  round: (random) =>
    unary("round", random.pick([draws.few, draws.wide, ({ integer }) => integer(-99, 99) / 2]))(random),
  not: unary("not", draws.truth, "bool"),
  cast: (random) => {
    const s = sketch(random);
    const [from, draw, to] = casts[random.pick(Object.keys(casts) as (keyof typeof casts)[])];
    const x = s.input(shape(random, ["row", "column"]), { dtype: from, draw });
    return s.case(s.cast(x, to));
  },
  detach: (random) => {
    const s = sketch(random);
    const x = s.input(shape(random, ["row", "column"]));
    return s.case(s.op("add", s.op("detach", x), x));
  },

  add: arithmetic("add", draws.wide),
  sub: arithmetic("sub", draws.wide),
  mul: arithmetic("mul", draws.wide),
  div: (random) => {
    const whole: Draw = ({ pick, integer }) => pick([0, -1, 1, 2, 7, -64, integer(-(2 ** 31), 2 ** 31 - 1)]);
    const [draw, divisor, dtype] = random.pick<readonly [Draw, Draw, DType]>([
      [draws.wide, draws.divisor, "f32"],
      [draws.normal, draws.divisor, "f32"],
      [({ integer }) => integer(-(2 ** 31), 2 ** 31 - 1), whole, "i32"],
    ]);
    return binary("div", draw, divisor, [dtype])(random);
  },
  pow: (random) => {
    const s = sketch(random);
    const x = s.input(shape(random, ["row", "column"]), { draw: draws.normal });
    const base = s.input(shape(random, ["row", "column"]), { draw: draws.positive });
    const powers = [2, 3, 4, -1, -2].map((exponent) => s.op("pow", s.op("add", s.op("abs", x), 0.01), exponent));
    const odd = s.op("pow", x, 3);
    return s.case(random.pick(powers), odd, s.op("pow", base, random.pick([0.5, -0.5, 0.25, 1.7, -0.9])));
  },
  min: arithmetic("min", draws.few),
  max: arithmetic("max", draws.few),
  mod: (random) => {
    const whole: Draw = (from) => from.pick([-1, 1]) * from.integer(1, 20);
    const [draw, divisor, dtype] = random.pick<readonly [Draw, Draw, DType]>([
      [draws.whole, whole, "i32"],
      [draws.few, whole, "f32"],
      [between(-100, 100), draws.divisor, "f32"],
    ]);
    return binary("mod", draw, divisor, [dtype])(random);
  },
  random: (random) => {
    const whole: Draw = ({ integer }) => integer(-(2 ** 31), 2 ** 31 - 1);
    return binary("random", random.pick([draws.natural, whole]), whole, ["i32"])(random);
  },
  less: compared("less", ["f32", "i32"]),
  lessEqual: compared("lessEqual", ["f32", "i32"]),
  equal: compared("equal", ["f32", "i32", "bool"]),
  and: binary("and", draws.truth, draws.truth, ["bool"]),
  or: binary("or", draws.truth, draws.truth, ["bool"]),
  select: (random) => {
    const s = sketch(random);
    const sizes = shape(random, ["a", "b", "c"]);
    const [then, otherwise] = operands(s, sizes, draws.normal, draws.normal, "f32");
    const condition = s.input(some(random, sizes), { draw: draws.truth, dtype: "bool" });
    return s.case(s.op("select", condition, then, otherwise));
  },

  reduce: (random) =>
    random.pick([
      reduced("sum", random.pick([draws.normal, orNaN(draws.normal, 0.001), cancelling(random)])),
      reduced("max", random.pick([draws.wide, between(-9, -1), orNaN(draws.wide), orNaN(draws.few, 0.9)])),
      reduced("min", random.pick([draws.few, between(1, 9), orNaN(draws.wide), orNaN(draws.few, 0.9)])),
      reduced("argmax", random.pick([draws.normal, draws.few, between(-9, -1), orNaN(draws.few, 0.9)])),
    ])(random),
  rename: (random) => {
    const s = sketch(random);
    const { token } = shape(random, ["token"], 130);
    const x = s.input({ token });
    return s.case(s.op("mul", x, s.rename(x, "token", "other")));
  },
  split: (random) => {
    const s = sketch(random);
    const { outer, inner, size } = cells(random);
    const x = s.input(some(random, { ...outer, flat: size }, true));
    const cut = s.split(x, "flat", inner);
    return s.case(cut, s.op("mul", cut, s.input(inner)));
  },
  merge: (random) => {
    const s = sketch(random);
    const { outer, inner, size } = cells(random);
    const x = s.input(some(random, { ...outer, ...inner }, true));
    const merged = s.merge(x, ["block", "lane"], "flat");
    return s.case(merged, s.op("add", s.input({ flat: size }), merged));
  },
  gather: (random) => {
    const s = sketch(random);
    const { word, width, token } = shape(random, ["word", "width", "token"], 5000);
    const table = s.input(some(random, { word, width }, true));
    const at =
      (least: number): Draw =>
      ({ integer }) =>
        integer(least, word + 1);
    const tokens = s.input({ token }, { draw: at(0), dtype: random.pick<DType>(["i32", "u32"]) });
    const rows = s.input({ width }, { draw: at(-2), dtype: "i32" });
    const last = s.op("sub", s.constant(word - random.integer(-1, 2), "i32"), s.index("reversed", word));
    return s.case(s.gather(table, "word", tokens), s.gather(table, "word", rows), s.gather(table, "word", last));
  },
  best: (random) => {
    const s = sketch(random);
    const sizes = shape(random, ["a", "b", "c"], 3000);
    const over = random.shuffle(["a", "b", "c"]).slice(0, random.integer(1, 2)) as (keyof typeof sizes)[];
    const x = s.input(sizes, { draw: random.pick([draws.normal, draws.few, orNaN(draws.few)]) });
    const keep = random.integer(
      0,
      over.reduce((n, name) => n * sizes[name], 1),
    );
    return s.case(s.make("best", [x], { keep, over }));
  },
  order: (random) => {
    const s = sketch(random);
    const x = s.input(shape(random, ["a", "b", "c"], 3000), {
      draw: random.pick([draws.normal, draws.few, orNaN(draws.few), ({ pick }) => pick([0, -0, Infinity, -Infinity])]),
    });
    return s.case(s.make("order", [x], { over: random.pick(["a", "b", "c"]) }));
  },
  cholesky: (random) => {
    const s = sketch(random);
    const side = random.pick([1, 2, 31, 32, 33, 64, 71, 100]);
    const x = definite(s, side, random.pick([side, 2 * Math.sqrt(side), 0.1]));
    return s.case(s.make("cholesky", [x], { rows: "row", columns: "column" }));
  },
  triangularInverse: (random) => {
    const s = sketch(random);
    const side = random.pick([1, 2, 31, 32, 33, 64, 71, 100]);
    const x = definite(s, side, random.pick([side, Math.sqrt(side)]));
    return s.case(s.make("triangularInverse", [x], { rows: "row", columns: "column" }));
  },
  eigenvectors: (random) => {
    const s = sketch(random);
    const side = random.pick([1, 2, 7, 31, 32, 33, 64, 71, 100]);
    const x = s.input(some(random, { batch: random.pick([1, 2, 3]), row: side, column: side }, true));
    const isDiagonal = s.op("equal", s.index("row", side), s.index("column", side));
    const apart = s.op("mul", s.op("mul", s.cast(isDiagonal, "f32"), s.cast(s.index("row", side), "f32")), 9);
    const scaled = s.op("mul", s.op("add", x, apart), random.pick([1e-18, 1, 1e15]));
    return s.case(s.make("eigenvectors", [scaled], { rows: "row", columns: "column" }));
  },
};
