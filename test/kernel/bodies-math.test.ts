import * as assert from "uvu/assert";
import { erf } from "../../compiler/graph/erf.ts";
import { roundTo } from "../../compiler/graph/interpret.ts";
import { helperText } from "../../compiler/kernel/functions.ts";
import { mathFunctions } from "../../compiler/kernel/math.ts";
import type { Helper, MathName } from "../../compiler/kernel/wgsl.ts";
import { openDevice } from "../../runtime/gpu/device.ts";
import { suite } from "../harness/suite.ts";
import * as model from "./bodies-math-model.ts";
import { kernelText, runKernel } from "./bodies-run.ts";
import { validateWgsl } from "./validate-wgsl.ts";

type Floats = Float32Array<ArrayBuffer>;

const device = await openDevice();

/** `expression` in x and y_, made of the helper, at each pair. */
function evaluate(expression: string, helper: Helper, x: Floats, y: Floats): Promise<Floats> {
  const groups = Math.ceil(x.length / 64);
  const wgsl = `@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) at: vec3u) {
  if (at.x >= ${x.length}u) { return; }
  let x = x0[at.x];
  let y_ = x1[at.x];
  y[at.x] = ${expression};
  _ = y_;
}`;
  const code = kernelText(
    { wgsl, workgroups: [groups, 1, 1], features: [] },
    2,
    helperText([{ helper, width: 1 }], "x0"),
  );
  return runKernel(device, code, [groups, 1, 1], [x, y], x.length);
}

/** Errors in units of the last place of the true value. */
function ulps(actual: number, wanted: number): number {
  const rounded = Math.fround(wanted);
  if (Object.is(actual, rounded) || (Number.isNaN(actual) && Number.isNaN(wanted))) return 0;
  if (Math.abs(wanted) < 2 ** -125) return Math.abs(actual) <= 2 ** -125 ? 0 : Infinity;
  if (!Number.isFinite(rounded) || !Number.isFinite(actual)) return Infinity;
  return Math.abs(actual - wanted) / 2 ** (Math.floor(Math.log2(Math.abs(wanted))) - 23);
}

const count = 20_000;
const evenly = (from: number, to: number): Floats =>
  Float32Array.from({ length: count }, (_, i) => from + ((to - from) * (i + 0.5)) / count);
const powersOf2 = (from: number, to: number): Floats => evenly(from, to).map((x) => 2 ** x);
const always = (x: number): Floats => new Float32Array(count).fill(x);

const special = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -2,
  3,
  -3,
  2.5,
  -2.5,
  88.72284,
  -87.33655,
  1e10,
  -1e10,
  3e38,
  Infinity,
  -Infinity,
  NaN,
];
/** Every special value with every other. */
const specialX = Float32Array.from(special.flatMap((x) => special.map(() => x)));
const specialY = Float32Array.from(special.flatMap(() => special));

type Scalar = (x: number, y: number) => number;

interface Case {
  readonly name: MathName;
  readonly reference: Scalar;
  readonly model: Scalar;
  /** In units of the last place. */
  readonly bound: number;
  readonly points: readonly (readonly [x: Floats, y: Floats])[];
}

const one = (x: Floats): readonly [Floats, Floats] => [x, x];
const specials = [specialX, specialY] as const;

/** Also whole numbers, as positions are, and the floats next to multiples of a quarter of a turn. */
const angles = [
  ...[evenly(-4, 4), evenly(-131072, 131072), powersOf2(-30, 128)],
  ...[evenly(0, 131072).map(Math.round), evenly(0, 131072).map((x) => (Math.round(x) * Math.PI) / 2)],
].map(one);

const cases: readonly Case[] = [
  { name: "exp", reference: Math.exp, model: model.exp, bound: 1.5, points: [evenly(-90, 90), evenly(-1, 1)].map(one) },
  {
    name: "log",
    reference: Math.log,
    model: model.log,
    bound: 1.5,
    points: [powersOf2(-126, 128), evenly(0.5, 2)].map(one),
  },
  {
    name: "log2",
    reference: Math.log2,
    model: model.log2,
    bound: 1.5,
    points: [powersOf2(-126, 128), evenly(0.5, 2), evenly(-126, 128).map((x) => 2 ** Math.floor(x))].map(one),
  },
  {
    name: "erf",
    reference: erf,
    model: model.erf,
    bound: 2,
    points: [evenly(-5, 5), evenly(-1.1, 1.1), powersOf2(-30, 0)].map(one),
  },
  {
    name: "tanh",
    reference: Math.tanh,
    model: model.tanh,
    bound: 6.5,
    points: [evenly(-10, 10), powersOf2(-30, 0)].map(one),
  },
  { name: "sin", reference: Math.sin, model: model.sin, bound: 1.5, points: angles },
  { name: "cos", reference: Math.cos, model: model.cos, bound: 1.5, points: angles },
  {
    name: "pow",
    reference: (x, y) => (Math.abs(x) === 1 && Math.abs(y) === Infinity ? 1 : x ** y),
    model: model.pow,
    bound: 2,
    points: [
      [always(10_000), evenly(-1, 1)],
      [powersOf2(-4, 4), evenly(-30, 30)],
      [evenly(0.9, 1.1), evenly(-900, 900)],
      [powersOf2(-126, 127), evenly(-1, 1)],
      [powersOf2(-40, 40), always(3)],
    ],
  },
];

function same(actual: number, wanted: number, what: string): void {
  assert.ok(Object.is(actual, wanted), `${what} is ${actual} and not ${wanted}`);
}

async function compare({ name, reference, model, bound }: Case, [x, y]: readonly [Floats, Floats]): Promise<void> {
  const call = name === "pow" ? "math_pow(x, y_)" : `math_${name}(x)`;
  const actual = await evaluate(call, name, x, y);
  for (const [i, value] of actual.entries()) {
    const [a, b] = [x[i] ?? NaN, y[i] ?? NaN];
    const error = ulps(value, reference(a, b));
    assert.ok(error <= bound, `${name}(${a}, ${b}) is ${value}, off by ${error} ulp`);
    if (device.facts.software) same(value, model(a, b), `${name}(${a}, ${b})`);
  }
}

suite("math bodies", ({ test }) => {
  for (const each of cases)
    test(
      `${each.name} is within ${each.bound} ulp, and on software adapters the same bits everywhere`,
      async () => {
        for (const points of [...each.points, specials]) await compare(each, points);
      },
      "swiftshader",
    );

  test("f32 to f16 rounds half to even, as Math.f16round does", async () => {
    const x = Float32Array.from({ length: count }, (_, i) => model.floatOf(Math.imul(i + 1, 0x9e3779b1)));
    const near = powersOf2(-26, 17).map((value, i) =>
      i % 2 === 0 ? value : -Math.fround(Math.f16round(value) * (1 + 2 ** -11)),
    );
    for (const values of [x, near, specialX]) {
      const actual = await evaluate("to_f16(x)", "to_f16", values, values);
      for (const [i, value] of actual.entries()) same(value, Math.f16round(values[i] ?? NaN), `${values[i]}`);
    }
  });

  test("f32 to bf16 rounds half to even", async () => {
    const x = Float32Array.from({ length: count }, (_, i) => model.floatOf(Math.imul(i + 1, 0x9e3779b1)));
    const actual = await evaluate("to_bf16(x)", "to_bf16", x, x);
    for (const [i, value] of actual.entries()) {
      const bits = model.bitsOf(x[i] ?? NaN);
      const [down, rest] = [bits & 0xffff0000, bits & 0xffff];
      const isUp = rest > 0x8000 || (rest === 0x8000 && (down & 0x10000) !== 0);
      const wanted = Number.isNaN(x[i]) ? NaN : model.floatOf(down + (isUp ? 0x10000 : 0));
      same(value, wanted, `${x[i]}`);
    }
  });

  test("f32 to integers saturates, towards zero, and NaN is 0", async () => {
    const x = Float32Array.from([
      ...special,
      2147483520,
      2147483648,
      -2147483648,
      -3e9,
      4294967040,
      4294967296,
      1.9,
      -1.9,
    ]);
    const signed = await evaluate("f32(to_i32(x))", "to_i32", x, x);
    const unsigned = await evaluate("f32(to_u32(x))", "to_u32", x, x);
    for (const [i, value] of x.entries()) {
      same(signed[i] ?? NaN, Math.fround(roundTo("i32", value)), `i32(${value})`);
      same(unsigned[i] ?? NaN, Math.fround(roundTo("u32", value)), `u32(${value})`);
    }
  });

  test("a function comes with those that it uses, and no others", async () => {
    const text = mathFunctions(new Set(["math_tanh"]));
    assert.equal(
      [...text.matchAll(/^fn (\w+)/gm)].map(([, name]) => name),
      ["math_is_nan", "math_tanh"],
    );
    for (const { name } of cases) assert.equal(await validateWgsl(mathFunctions(new Set([`math_${name}`]))), [], name);
  });
});
