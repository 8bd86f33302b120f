import * as assert from "uvu/assert";
import { interpret, interpretNode } from "../../compiler/graph/interpret.ts";
import type { Node } from "../../compiler/graph/ops.ts";
import { showGraph } from "../../compiler/graph/show.ts";
import { verifyGraph } from "../../compiler/graph/verify.ts";
import { simplify } from "../../compiler/rewrite/simplify.ts";
import { suite } from "../harness/suite.ts";
import { cases } from "../ops/cases.ts";
import { firstDifference } from "../ops/compare.ts";
import { composites } from "../ops/composites.ts";
import { draws, randomOf, seed } from "../ops/random.ts";
import { type Sketch, sketch } from "../ops/sketch.ts";
import { scaledToFit } from "../ops/sums.ts";
import { tolerancesOf } from "../ops/tolerances.ts";

/** The graph of y as it prints once simplified, without types, places and the inputs x0: f32[a, b], x1: f32[b], x2: bool[a]. */
function simplified(make: (s: Sketch, x: Node, y: Node, c: Node) => Node): string {
  const s = sketch(randomOf("simplify"));
  const x = s.input({ a: 6, b: 4 });
  const y = s.input({ b: 4 });
  const c = s.input({ a: 6 }, { dtype: "bool", draw: draws.truth });
  const graph = simplify(s.case(make(s, x, y, c)).graph);
  verifyGraph(graph);
  const text = new Map<number, string>();
  for (const line of showGraph(graph).split("\n")) {
    const [, id, definition = ""] = /^%(\d+) [^=]* = (.*?) +case:1:1$/.exec(line) ?? [];
    const words = definition.split(" ").map((word) => (word.startsWith("%") ? text.get(Number(word.slice(1))) : word));
    const name = /^input \w+ (x\d)$/.exec(definition)?.[1] ?? /^constant (.*)$/.exec(definition)?.[1];
    text.set(Number(id), name ?? `(${words.join(" ")})`);
  }
  return text.get(graph.nodes.length - 1) ?? "";
}

const sum = (s: Sketch, x: Node): Node => s.reduce("sum", x, "b");

/** What the graph becomes, and the graph. */
const identities: readonly (readonly [expected: string, make: (s: Sketch, x: Node, y: Node, c: Node) => Node])[] = [
  ["x0", (s, x) => s.op("add", x, 0)],
  ["x0", (s, x) => s.op("add", 0, x)],
  ["x0", (s, x) => s.op("sub", x, 0)],
  ["x0", (s, x) => s.op("mul", s.op("div", x, 1), 1)],
  ["x0", (s, x) => s.op("neg", s.op("neg", x))],
  ["(neg x0)", (s, x) => s.op("sub", 0, x)],
  ["(neg x0)", (s, x) => s.op("mul", x, -1)],
  ["(sub x0 x1)", (s, x, y) => s.op("add", x, s.op("neg", y))],
  ["(add x0 x1)", (s, x, y) => s.op("sub", x, s.op("neg", y))],
  ["(mul x0 0.25)", (s, x) => s.op("div", x, 4)],
  ["(div x0 3)", (s, x) => s.op("div", x, 3)],
  ["(mul x0 0)", (s, x) => s.op("mul", x, 0)],
  ["(mul x0 x0)", (s, x) => s.op("pow", x, 2)],
  ["(mul (mul x0 x0) x0)", (s, x) => s.op("pow", x, 3)],
  ["(sqrt x0)", (s, x) => s.op("pow", x, 0.5)],
  ["(rsqrt x0)", (s, x) => s.op("pow", x, -0.5)],
  ["(div 1 x0)", (s, x) => s.op("pow", x, -1)],
  ["(pow x0 0.3)", (s, x) => s.op("pow", x, 0.3)],
  ["(not x2)", (s, _, __, c) => s.op("not", s.op("not", s.op("not", c)))],
  ["(select x2 (neg x0) x0)", (s, x, _, c) => s.op("select", s.op("not", c), x, s.op("neg", x))],
  ["x0", (s, x) => s.op("select", s.op("less", 1, 2), x, s.op("neg", x))],
  ["(select 1 x1 x0)", (s, x, y) => s.op("select", s.op("less", 1, 2), y, x)],
  ["x0", (s, x) => s.cast(s.op("detach", x), "f32")],
  ["(cast x2 to=f32)", (s, _, __, c) => s.cast(s.cast(c, "i32"), "f32")],
  ["(rename x0 a→d)", (s, x) => s.rename(s.rename(x, "a", "c"), "c", "d")],
  ["x0", (s, x) => s.rename(s.rename(x, "a", "c"), "c", "a")],
  ["(rename x0 a→e)", (s, x) => s.merge(s.split(x, "a", { c: 2, d: 3 }), ["c", "d"], "e")],
  ["(merge (split x0 a→(c: 2, d: 3)) (d, c)→e)", (s, x) => s.merge(s.split(x, "a", { c: 2, d: 3 }), ["d", "c"], "e")],
  ["x0", (s, x) => s.split(s.merge(x, ["a", "b"], "e"), "e", { a: 6, b: 4 })],
  ["(rename (rename x0 a→c) b→d)", (s, x) => s.split(s.merge(x, ["a", "b"], "e"), "e", { c: 6, d: 4 })],
  ["(rename x0 b→c)", (s, x) => s.gather(x, "b", s.index("c", 4))],
  ["(gather x0 (index b) along=a)", (s, x) => s.gather(x, "a", s.index("b", 4))],
  ["(reduce x0 by=max over=(b, a))", (s, x) => s.reduce("max", s.reduce("max", x, "b"), "a")],
  ["1.4142135381698608", (s) => s.op("sqrt", s.op("add", 1, 1))],
  ["(reduce (mul x0 3) by=sum over=b)", (s, x) => sum(s, s.op("mul", x, 3))],
  ["(neg (reduce x0 by=sum over=b))", (s, x) => sum(s, s.op("neg", x))],
  ["(reduce (mul x0 x1) by=sum over=b)", (s, x, y) => sum(s, s.op("mul", x, y))],
  [
    "(reduce (mul (div x0 (reduce x0 by=max over=b)) x1) by=sum over=b)",
    (s, x, y) => sum(s, s.op("mul", s.op("div", x, s.reduce("max", x, "b")), y)),
  ],
  [
    "(reduce (mul (mul x0 (cast x2 to=f32)) (exp x1)) by=sum over=b)",
    (s, x, y, c) => sum(s, s.op("mul", s.op("mul", x, s.cast(c, "f32")), s.op("exp", y))),
  ],
  [
    "(div (reduce (mul (exp (sub x0 (reduce x0 by=max over=b))) x1) by=sum over=b) (reduce (exp (sub x0 (reduce x0 by=max over=b))) by=sum over=b))",
    (s, x, y) => {
      const e = s.op("exp", s.op("sub", x, s.reduce("max", x, "b")));
      return sum(s, s.op("mul", s.op("div", e, sum(s, e)), y));
    },
  ],
  [
    "(mul (reduce (mul x0 x1) by=sum over=b) (rsqrt (add (div (reduce (mul x0 x0) by=sum over=b) 3) 0.1)))",
    (s, x, y) => {
      const mean = s.op("div", sum(s, s.op("mul", x, x)), 3);
      return sum(s, s.op("mul", s.op("mul", x, s.op("rsqrt", s.op("add", mean, 0.1))), y));
    },
  ],
];

suite("simplify", ({ test }) => {
  for (const [i, [expected, make]] of identities.entries())
    test(`${i}: ${expected}`, () => assert.is(simplified(make), expected));

  test("a product with two readers stays whole", () => {
    const s = sketch(randomOf("simplify"));
    const x = s.input({ a: 6, b: 4 });
    const twice = s.op("mul", x, 3);
    const { graph } = s.case(twice, sum(s, twice));
    assert.is(showGraph(simplify(graph)), showGraph(graph));
  });

  test("a graph whose values are all f32 stays one", () => {
    for (let round = 0; round < 40; round++) {
      const { graph, inputs } = scaledToFit(randomOf("in range", round));
      for (const made of [graph, simplify(graph)]) {
        const values: Float64Array[] = [];
        for (const node of made.nodes) values.push(interpretNode(node, values, inputs));
        const size = values.flatMap((each) => [...each]).map(Math.abs);
        const isHeld = size.every((x) => x === 0 || (x >= 2 ** -126 && x < 2 ** 128));
        assert.ok(isHeld, `LCOMP_SEED=${seed}, round ${round}\n${showGraph(made)}`);
      }
    }
  });

  test("what was read as f32 stays f32", () => {
    const s = sketch(randomOf("simplify"));
    const { graph } = s.case(s.op("add", s.input({ a: 2 }, { dtype: "f16" }), 0));
    assert.is(simplify(graph).outputs[0]?.node.type.dtype, "f32");
  });

  for (const [name, make] of Object.entries({ ...cases, ...composites }))
    test(`${name} keeps its values`, () => {
      for (let round = 0; round < 3; round++) {
        const { graph, inputs } = make(randomOf(name, round));
        verifyGraph(graph);
        const simple = simplify(graph);
        verifyGraph(simple);
        assert.is(showGraph(simplify(simple)), showGraph(simple));
        const actual = interpret(simple, inputs);
        const expected = interpret(graph, inputs);
        const tolerances = tolerancesOf(graph, inputs);
        for (const { name: output } of graph.outputs) {
          const difference = firstDifference(actual.get(output), expected.get(output), tolerances.get(output));
          if (difference !== undefined)
            assert.unreachable(`LCOMP_SEED=${seed}, round ${round}, ${output}${difference}\n${showGraph(graph)}`);
        }
      }
    });
});
