import * as assert from "uvu/assert";
import { interpret } from "../../compiler/graph/interpret.ts";
import type { Node } from "../../compiler/graph/ops.ts";
import { type Range, rangeOf } from "../../compiler/graph/range.ts";
import { suite } from "../harness/suite.ts";
import { draws, type Random, randomOf, seed } from "../ops/random.ts";
import { type Sketch, sketch } from "../ops/sketch.ts";

/** Of reals: numbers, infinities, NaN, and what is made of them. */
function drawn(s: Sketch, random: Random, depth: number): Node {
  if (depth === 0)
    return random.pick([
      () => s.input({ i: 4, j: 3 }, { draw: orNone(draws.normal) }),
      () => s.cast(s.input({ i: 4, j: 3 }, { dtype: "u4", draw: draws.natural, role: "weight" }), "f32"),
      () => s.constant(random.pick([0, 1, 15, -8, 2.5])),
      () => s.cast(s.index("i", 4), "f32"),
    ])();
  const next = (): Node => drawn(s, random, depth - 1);
  const wide = (): Node => s.op("add", next(), s.cast(s.op("mul", s.index("i", 4), s.index("j", 3)), "f32"));
  return random.pick([
    () => s.op(random.pick(["floor", "round", "neg"] as const), next()),
    () => s.op(random.pick(["min", "max", "add"] as const), next(), next()),
    () => s.op("select", s.op("less", next(), next()), next(), next()),
    () => s.op("min", s.op("max", s.op("floor", next()), 0), 15),
    () => s.cast(s.cast(next(), random.pick(["u4", "i8"] as const)), "f32"),
    () => s.reduce(random.pick(["sum", "max", "min"] as const), wide(), "j"),
    () => s.cast(s.op("less", next(), next()), "f32"),
  ])();
}

const orNone =
  (draw: (random: Random) => number) =>
  (random: Random): number =>
    random.unit() < 0.2 ? random.pick([Number.NaN, Infinity, -Infinity]) : 8 * draw(random);

const isIn = (value: number, { low, high, isWhole, hasNaN }: Range): boolean => {
  if (Number.isNaN(value)) return hasNaN;
  return value >= low && value <= high && !(isWhole && Number.isFinite(value) && value % 1 !== 0);
};

suite(`ranges, LCOMP_SEED=${seed}`, ({ test }) => {
  test("values lie in the range that is known of them, are whole if it says so, and NaN only if they may be", () => {
    for (let round = 0; round < 500; round++) {
      const random = randomOf("ranges", round);
      const s = sketch(random);
      const node = drawn(s, random, 4);
      const { graph, inputs } = s.case(node);
      const range = rangeOf(node);
      const values = interpret(graph, inputs).get("y0") ?? [];
      assert.ok(
        values.every((value) => isIn(value, range)),
        `round ${round}: ${JSON.stringify(range)} of ${values}`,
      );
    }
  });

  test("what is clamped is in range, whatever it was; whole numbers that wrap may be anything", () => {
    const s = sketch(randomOf("clamped"));
    const x = s.input({ i: 4 });
    const clamped = s.op("min", s.op("max", s.op("round", x), 0), 15);
    assert.equal(rangeOf(clamped), { low: 0, high: 15, isWhole: true, hasNaN: false });
    assert.is(rangeOf(s.op("min", s.op("round", x), 15)).hasNaN, false);
    assert.is(rangeOf(s.op("min", s.op("round", x), 15)).low, -Infinity);
    const most = s.constant(2 ** 31 - 1, "i32");
    assert.is(rangeOf(s.op("add", most, s.index("i", 4))).low, -Infinity);
  });
});
