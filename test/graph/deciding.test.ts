import * as assert from "uvu/assert";
import { decidingFinite } from "../../compiler/graph/deciding.ts";
import { interpret } from "../../compiler/graph/interpret.ts";
import type { Node } from "../../compiler/graph/ops.ts";
import { suite } from "../harness/suite.ts";
import { draws, type Random, randomOf, seed } from "../ops/random.ts";
import { type Sketch, sketch } from "../ops/sketch.ts";

/** Codes, scales that may be no numbers, and what is made of them: none beyond f32, which the interpreter does not know. */
function drawn(s: Sketch, random: Random, depth: number): Node {
  if (depth === 0)
    return random.pick([
      () => s.cast(s.input({ i: 4 }, { dtype: "f16", draw: orNone, role: "weight" }), "f32"),
      () => s.cast(s.input({ i: 4, j: 3 }, { dtype: "u4", draw: draws.natural, role: "weight" }), "f32"),
      () => s.cast(s.cast(s.input({ i: 4, j: 3 }, { draw: orNone }), "u4"), "f32"),
      () => s.cast(s.input({ i: 4, j: 3 }, { draw: orNone }), "f16"),
      () => s.op("max", s.input({ j: 3 }, { draw: orNone }), 0),
    ])();
  const next = (): Node => drawn(s, random, depth - 1);
  return random.pick([
    () => s.op(random.pick(["mul", "add", "sub"] as const), next(), next()),
    () => s.op("neg", next()),
    () => s.op("exp", next()),
  ])();
}

const orNone = (random: Random): number =>
  random.unit() < 0.2 ? random.pick([Number.NaN, Infinity, -Infinity]) : draws.normal(random);

const isNotFinite = (s: Sketch, x: Node): Node => {
  const difference = s.op("sub", x, x);
  return s.op("not", s.op("equal", difference, difference));
};

suite(`what decides whether values are finite, LCOMP_SEED=${seed}`, ({ test }) => {
  test("an element is NaN or infinite where one of those that decide it is, and only there", () => {
    for (let round = 0; round < 500; round++) {
      const random = randomOf("deciding", round);
      const s = sketch(random);
      const node = drawn(s, random, 3);
      const never = s.op("and", isNotFinite(s, node), s.constant(0, "bool"));
      const found = [...decidingFinite(node)].reduce((any, each) => s.op("or", any, isNotFinite(s, each)), never);
      const { graph, inputs } = s.case(isNotFinite(s, node), found);
      const values = interpret(graph, inputs);
      assert.equal(values.get("y1"), values.get("y0"), `round ${round}`);
    }
  });

  test("codes decide nothing, their scale does; what finite numbers may make infinite decides itself", () => {
    const s = sketch(randomOf("scaled"));
    const scale = s.input({ i: 4 }, { dtype: "f16", role: "weight" });
    const code = s.cast(s.input({ i: 4, j: 3 }, { dtype: "u4", role: "weight" }), "f32");
    const scaled = s.op("mul", s.cast(scale, "f32"), s.op("sub", code, 8));
    assert.equal([...decidingFinite(scaled)], [scale]);
    assert.is(decidingFinite(s.op("sub", code, 8)).size, 0);
    const beyond = s.op("mul", s.input({ i: 4 }), code);
    assert.equal([...decidingFinite(beyond)], [beyond]);
  });
});
