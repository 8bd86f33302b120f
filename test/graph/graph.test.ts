import * as assert from "uvu/assert";
import { bodyNames } from "../../compiler/graph/bodies.ts";
import type { Graph, Output } from "../../compiler/graph/graph.ts";
import { interpret, roundTo } from "../../compiler/graph/interpret.ts";
import { maker } from "../../compiler/graph/make.ts";
import type { Level, Node } from "../../compiler/graph/ops.ts";
import { showGraph } from "../../compiler/graph/show.ts";
import { showType } from "../../compiler/graph/type.ts";
import { verifyGraph } from "../../compiler/graph/verify.ts";
import { toFloat32 } from "../../runtime/io/numbers.ts";
import { golden } from "../harness/golden.ts";
import { suite } from "../harness/suite.ts";
import { toStored } from "../io/tensors.ts";
import { cases } from "../ops/cases.ts";
import { randomOf } from "../ops/random.ts";
import { type Sizes, type Sketch, sketch } from "../ops/sketch.ts";

const fresh = (): Sketch => sketch(randomOf("graph"));

/** One node of each primitive at least. */
function everyOp(): Graph {
  const s = fresh();
  const x = s.input({ token: 3, in: 8 });
  const w = s.input({ out: 5, in: 8 }, { role: "weight", dtype: "f16" });
  const real = s.op("tanh", s.op("rsqrt", s.op("exp", s.op("sin", s.op("cos", s.op("abs", s.op("neg", x)))))));
  const more = s.op(
    "sqrt",
    s.op("log", s.op("log2", s.op("erf", s.op("pow", s.op("max", s.op("min", real, 2), 1), 0.3)))),
  );
  const sum = s.reduce("sum", s.op("mul", s.op("detach", x), w), "in");
  const cut = s.split(s.op("round", s.op("floor", s.op("mod", s.op("sub", more, x), 3))), "in", { block: 4, lane: 2 });
  const best = s.merge(s.make("best", [cut], { keep: 1, over: ["lane"] }), ["block", "lane"], "in");
  const isNear = s.op("or", s.op("not", best), s.op("and", s.op("less", x, 1), s.op("lessEqual", x, s.constant(-0))));
  const even = s.op("equal", s.op("mod", s.index("in", 8), s.constant(2, "i32")), s.constant(0, "i32"));
  const chosen = s.op("select", s.op("and", even, isNear), s.op("div", x, 3), s.op("add", x, 1e-5));
  const drawn = s.op(
    "random",
    s.op("div", s.index("in", 8), s.constant(2, "i32")),
    s.make("order", [x], { over: "in" }),
  );
  const row = s.gather(s.rename(w, "in", "from"), "from", s.reduce("argmax", chosen, "in"));
  const triangle = { rows: "in", columns: "column" };
  const square = s.reduce("sum", s.op("mul", x, s.rename(x, "in", "column")), "token");
  const inverse = s.make("triangularInverse", [s.make("cholesky", [square], triangle)], triangle);
  const vectors = s.make("eigenvectors", [square], triangle);
  const swept = s.make("feedback", [x, square], { along: "in", across: "column", levels: [rounding("in", 8)] });
  const both = s.op("add", swept, s.make("part", [swept], { level: 0, output: bodyNames.frozen }));
  const outputs = [
    { node: sum, accumulate: "sum" },
    { node: chosen, store: "bf16" },
  ] as const;
  return s.case(...outputs, row, drawn, s.cast(even, "f32"), inverse, vectors, both).graph;
}

/** A level that rounds columns, of one row for each token if there are several. */
function rounding(name: string, size: number, token = 3): Level {
  const s = fresh();
  const type = { dtype: "f32", dims: [{ name: "token", size: token }] } as const;
  const run = s.make("input", [], { name: bodyNames.run, type, role: "data" });
  return { dim: { name, size }, body: s.body({ [bodyNames.frozen]: s.op("round", run) }) };
}

suite("make", ({ test }) => {
  test("equal nodes are one node", () => {
    const s = fresh();
    const x = s.input({ a: 2 });
    assert.is(s.op("add", x, 1), s.op("add", x, 1));
    assert.is.not(s.op("add", x, 1), s.op("add", x, 2));
    assert.is.not(s.constant(0), s.constant(-0));
    assert.is.not(s.constant(1), s.constant(1, "i32"));
    assert.is.not(s.input({ a: 2 }), x);
  });

  test("the order of keys in attributes does not count", () => {
    const s = fresh();
    const x = s.input({ a: 2 });
    assert.is(s.make("rename", [x], { from: "a", to: "b" }), s.make("rename", [x], { to: "b", from: "a" }));
  });

  test("what no output needs is dropped, the rest keeps its order", () => {
    const s = fresh();
    const x = s.input({ a: 2 });
    s.op("exp", x);
    const { nodes } = s.case(s.op("log", s.op("sqrt", x))).graph;
    assert.equal(
      nodes.map(({ id, op }) => `${id} ${op}`),
      ["0 input", "1 sqrt", "2 log"],
    );
  });

  test("nodes of another maker are refused", () => {
    const x = fresh().input({ a: 2 });
    assert.throws(() => fresh().op("exp", x), /compiler bug: an input of exp was made by another maker/);
    assert.throws(() => fresh().case(x), /another maker/);
  });

  test("a copy in another maker is the same graph", () => {
    const original = everyOp();
    const { copy, graph } = maker();
    const images: Node[] = [];
    const image = ({ id }: Node): Node => images[id] as Node;
    for (const node of original.nodes) images.push(copy(node, image));
    const outputs = original.outputs.map((output) => ({ ...output, node: image(output.node) }));
    assert.is(showGraph(graph(original.name, outputs)), showGraph(original));
  });

  test("100,000 nodes deep is no trouble", () => {
    const s = fresh();
    let x = s.input({ a: 1 });
    for (let i = 0; i < 100_000; i++) x = s.op("add", x, s.op("neg", x));
    verifyGraph(s.case(x).graph);
  });
});

suite("result type", ({ test }) => {
  const s = fresh();
  const x = s.input({ token: 3, in: 8 });
  const h = s.input({ out: 5, in: 8 }, { dtype: "f16" });
  const i = s.input({ token: 3 }, { dtype: "i32" });
  const b = s.input({ in: 8 }, { dtype: "bool" });
  const logits = s.input({ token: 3, word: 9 });

  const good: Readonly<Record<string, () => Node>> = {
    "f32[token: 3, in: 8, out: 5]": () => s.op("mul", x, h),
    "f32[out: 5, in: 8, token: 3]": () => s.op("mul", h, x),
    "f32[out: 5, in: 8]": () => s.op("neg", h),
    "bool[token: 3, in: 8]": () => s.op("less", x, 0),
    "f32[word: 9, in: 8]": () => s.op("select", b, s.input({ word: 9 }), 0),
    "f32[out: 5]": () => s.reduce("max", h, "in"),
    f32: () => s.reduce("sum", x, "in", "token"),
    "i32[token: 3]": () => s.reduce("argmax", x, "in"),
    "i32[step: 4]": () => s.index("step", 4),
    "f16[out: 5, from: 8]": () => s.rename(h, "in", "from"),
    "f16[out: 5, block: 4, lane: 2]": () => s.split(h, "in", { block: 4, lane: 2 }),
    "f16[flat: 40]": () => s.merge(h, ["in", "out"], "flat"),
    "f32[token: 3]": () => s.gather(logits, "word", i),
    "f16[token: 3, in: 8]": () => s.gather(h, "out", i),
    "f32[step: 2, in: 8]": () => s.gather(x, "token", s.index("step", 2)),
    "bool[out: 5, in: 8]": () => s.make("best", [h], { keep: 4, over: ["in"] }),
    "bf16[token: 3, in: 8]": () => s.cast(x, "bf16"),
    "f32[row: 5, token: 3, column: 5]": () =>
      s.make("cholesky", [s.input({ row: 5, token: 3, column: 5 }, { dtype: "f16" })], {
        rows: "row",
        columns: "column",
      }),
  };
  for (const [expected, make] of Object.entries(good)) test(expected, () => assert.is(showType(make().type), expected));

  const bad: Readonly<Record<string, readonly [() => Node, RegExp]>> = {
    "sizes that differ": [() => s.op("add", x, s.input({ in: 7 })), /in is 8 and 7/],
    "dtypes that differ": [() => s.op("add", i, x), /arithmetic mixes i32\[token: 3\] and f32/],
    "a power of whole numbers": [() => s.op("pow", i, i), /real arithmetic on i32/],
    "a sum over what is not there": [
      () => s.reduce("sum", x, "out"),
      /sum over out, absent from f32\[token: 3, in: 8\]/,
    ],
    "a sum over a dimension twice": [() => s.reduce("sum", x, "in", "in"), /sum over \(in, in\)/],
    "a sum of truth values": [() => s.reduce("sum", b, "in"), /sum of bool/],
    "a split that does not divide": [
      () => s.split(x, "in", { block: 3, lane: 3 }),
      /split of in of .* into \(block: 3, lane: 3\)/,
    ],
    "a rename to a name that is taken": [() => s.rename(x, "in", "token"), /rename gives a dimension twice/],
    "a gather at reals": [() => s.gather(x, "in", x), /gather at f32/],
    "more of the best than there are": [() => s.make("best", [x], { keep: 9, over: ["in"] }), /best 9 of 8/],
    "a matrix that is not square": [
      () => s.make("triangularInverse", [x], { rows: "token", columns: "in" }),
      /a matrix of 3 rows and 8 columns/,
    ],
    "a matrix of one dimension": [() => s.make("cholesky", [x], { rows: "in", columns: "in" }), /over \(in, in\)/],
    "a condition that is a number": [() => s.op("select", x, x, x), /select on f32/],
    "a fraction as a whole number": [() => s.constant(0.5, "i32"), /constant 0.5 is not i32/],
    "an empty dimension": [() => s.index("step", 0), /not a positive whole number/],
  };
  for (const [name, [make, message]] of Object.entries(bad))
    test(`refuses ${name}`, () => assert.throws(make, message));
});

suite("interpret", ({ test }) => {
  /** The output of `make` for inputs of these sizes and values, as an array. */
  const run = (
    make: (s: Sketch, ...x: readonly Node[]) => Node,
    ...inputs: readonly (readonly [Sizes, readonly number[]])[]
  ): number[] => {
    const s = fresh();
    const { graph } = s.case(make(s, ...inputs.map(([sizes]) => s.input(sizes))));
    const values = interpret(graph, new Map(inputs.map(([, value], i) => [`x${i}`, value])));
    return [...(values.get("y0") ?? [])];
  };
  const grid = [{ a: 2, b: 3 }, [1, 5, 5, -2, 0, -3]] as const;
  const matrix = (...values: readonly number[]) => [{ row: 2, column: 2 }, values] as const;
  const triangle = { rows: "row", columns: "column" };
  const factor = (s: Sketch, x?: Node): Node => s.make("cholesky", [x!], triangle);
  const inverse = (s: Sketch, x?: Node): Node => s.make("triangularInverse", [x!], triangle);
  const vectors = (s: Sketch, x?: Node): Node => s.make("eigenvectors", [x!], triangle);
  type Example = readonly [name: string, actual: number[], expected: readonly number[]];
  const examples: readonly Example[] = [
    [
      "operands align by name",
      run((s, x, y) => s.op("sub", x!, y!), grid, [{ b: 3 }, [1, 2, 3]]),
      [0, 3, 2, -3, -2, -6],
    ],
    ["outer product", run((s, x, y) => s.op("mul", x!, y!), [{ a: 2 }, [2, 3]], [{ b: 2 }, [5, 7]]), [10, 14, 15, 21]],
    ["sum over the outer", run((s, x) => s.reduce("sum", x!, "a"), grid), [-1, 5, 2]],
    ["max over the inner", run((s, x) => s.reduce("max", x!, "b"), grid), [5, 0]],
    ["min over all", run((s, x) => s.reduce("min", x!, "b", "a"), grid), [-3]],
    ["of equals, the first is argmax", run((s, x) => s.reduce("argmax", x!, "b"), grid), [1, 1]],
    [
      "of equals, the last is best",
      run((s, x) => s.make("best", [x!], { keep: 1, over: ["b"] }), grid),
      [0, 0, 1, 0, 1, 0],
    ],
    [
      "best over both, b outermost",
      run((s, x) => s.make("best", [x!], { keep: 2, over: ["b", "a"] }), grid),
      [0, 1, 1, 0, 0, 0],
    ],
    ["the factor of a matrix", run(factor, matrix(4, 9, 2, 5)), [2, 0, 1, 2]],
    ["the factor of a matrix that is not positive definite", run(factor, matrix(4, 9, 4, 4)), [2, 0, 2, 0]],
    ["the factor of no positive number", run(factor, matrix(-1, 9, 2, 5)), [0, 0, 0, 0]],
    [
      "what rounding one column leaves is taken from the next",
      run(
        (s, x, u) => s.make("feedback", [x!, u!], { along: "row", across: "column", levels: [rounding("row", 2, 1)] }),
        [{ row: 2, token: 1 }, [1.4, 2.6]],
        matrix(1, 0.5, 9, 1),
      ),
      [1, 2],
    ],
    ["the inverse of a triangle", run(inverse, matrix(2, 9, 1, 4)), [0.5, 0, -0.125, 0.25]],
    ["eigenvectors in ascending order, upright", run(vectors, matrix(4, 9, 0, -1)), [0, 1, 1, 0]],
    ["eigenvectors of what holds NaN", run(vectors, matrix(1, 0, NaN, 2)), [NaN, NaN, NaN, NaN]],
    ["the inverse of a triangle without a diagonal", run(inverse, matrix(2, 9, 1, 0)), [0.5, 0, 0, 0]],
    ["merge puts the first outermost", run((s, x) => s.merge(x!, ["b", "a"], "c"), grid), [1, -2, 5, 0, 5, -3]],
    ["split is in place", run((s, x) => s.split(x!, "b", { c: 3, d: 1 }), grid), [1, 5, 5, -2, 0, -3]],
    [
      "gather",
      run((s, x) => s.gather(x!, "b", s.op("sub", s.constant(2, "i32"), s.index("c", 3))), grid),
      [5, 5, 1, -3, 0, -2],
    ],
    ["batched gather", run((s, x) => s.gather(x!, "b", s.index("a", 2)), grid), [1, 0]],
    ["half to even", run((s, x) => s.op("round", x!), [{ a: 5 }, [0.5, 1.5, -0.5, -1.5, 2.6]]), [0, 2, -0, -2, 3]],
    ["remainders take the divisor's sign", run((s, x) => s.op("mod", x!, -3), [{ a: 3 }, [4, -4, 3]]), [-2, -1, -0]],
    ["casts go towards zero", run((s, x) => s.cast(x!, "i32"), [{ a: 3 }, [1.9, -1.9, 3e9]]), [1, -1, 2 ** 31 - 1]],
    [
      "whole numbers wrap",
      run((s) => s.op("mul", s.constant(2 ** 31 - 1, "i32"), s.constant(3, "i32"))),
      [2 ** 31 - 3],
    ],
    ["select", run((s, x) => s.op("select", s.op("less", x!, 0), 7, x!), grid), [1, 5, 5, 7, 0, 7]],
  ];
  for (const [name, actual, expected] of examples)
    test(name, () =>
      assert.equal(
        actual.map((x) => x + 0),
        expected.map((x) => x + 0),
      ),
    );

  test("stored types round as the files do", () => {
    const random = randomOf("rounding");
    const values = Float32Array.from({ length: 20_000 }, () => (random.unit() - 0.5) * 2 ** random.integer(-28, 17));
    for (const [dtype, stored] of [
      ["f16", "F16"],
      ["bf16", "BF16"],
    ] as const) {
      const expected = toFloat32(toStored(values, stored), stored);
      for (const [i, x] of values.entries())
        if (roundTo(dtype, x) !== expected[i]) assert.is(roundTo(dtype, x), expected[i], `${dtype} ${x}`);
    }
  });
});

suite("show and verify", ({ test }) => {
  test("every primitive has a printed form", () => {
    const graph = everyOp();
    verifyGraph(graph);
    assert.equal(
      [...new Set(graph.nodes.map(({ op }) => op))].sort(),
      [...Object.keys(cases), "feedback", "part"].sort(),
    );
    golden("test/golden/graph/every-op.graph", showGraph(graph));
  });

  const { nodes, outputs, name } = everyOp();
  const first = nodes[0] as Node;
  const broken: Readonly<Record<string, readonly [Partial<Graph>, RegExp]>> = {
    "a node out of order": [{ nodes: nodes.toReversed() }, /node 0 is out of order/],
    "an input of another graph": [{ nodes: [{ ...first } as Node, ...nodes.slice(1)] }, /%0 is not an earlier node/],
    "a stale type": [
      { nodes: [{ ...first, type: { dtype: "i32", dims: [] } } as Node, ...nodes.slice(1)] },
      /stale type/,
    ],
    "a node that nothing needs": [{ outputs: outputs.slice(1) }, /nothing needs it/],
    "an output twice": [{ outputs: [...outputs, outputs[0] as Output] }, /occurs twice/],
    "a sum kept in half precision": [
      { outputs: [{ ...(outputs[0] as Output), store: "f16" }, ...outputs.slice(1)] },
      /accumulated in f16/,
    ],
  };
  for (const [what, [change, message]] of Object.entries(broken))
    test(`refuses ${what}`, () => assert.throws(() => verifyGraph({ name, nodes, outputs, ...change }), message));
});
