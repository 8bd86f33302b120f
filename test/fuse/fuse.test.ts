import * as assert from "uvu/assert";
import { compileGraph } from "../../compiler/compile-graph.ts";
import { fuse } from "../../compiler/fuse/fuse.ts";
import { showGroups } from "../../compiler/fuse/show.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { Node } from "../../compiler/graph/ops.ts";
import { simplify } from "../../compiler/rewrite/simplify.ts";
import { type Family, families } from "../../compiler/schedule/family.ts";
import { showKernels } from "../../runtime/cli/kernel-table.ts";
import { golden } from "../harness/golden.ts";
import { suite } from "../harness/suite.ts";
import type { Random } from "../ops/random.ts";
import { codesInRuns } from "../ops/sweeps.ts";
import { dot, facts, llamaBlock, rmsNorm, silu, softmax, words } from "./sketch.ts";

/** Always the middle one of what there is to choose from. */
const fixed: Random = {
  unit: () => 0.5,
  integer: (from, to) => Math.floor((from + to) / 2),
  pick: (items) => items[Math.floor(items.length / 2)] as (typeof items)[number],
  shuffle: (items) => items,
};

const compile = (graph: Graph, family: Family = "software") => compileGraph(graph, facts, { family });
const shapes = (graph: Graph): readonly string[] => compile(graph).program.main.map(({ shape }) => shape);

suite("fuse: a Llama block", ({ test }) => {
  const sizes = {
    "one of the tiny model": { token: 512, model: 128, kv: 2, group: 2, head: 32, mlp: 384 },
    "one of a small model": { token: 2048, model: 2048, kv: 8, group: 4, head: 64, mlp: 8192 },
    "one with a short sequence": { token: 20, model: 64, kv: 4, group: 2, head: 8, mlp: 172 },
    "one with a head for each key": { token: 256, model: 288, kv: 6, group: 1, head: 48, mlp: 768 },
  };
  for (const family of families)
    for (const [name, size] of Object.entries(sizes))
      for (const stored of ["f32", "f16"] as const)
        test(`${name}, weights in ${stored}, takes at most 12 dispatches on ${family} schedules`, () => {
          for (const graph of [llamaBlock(size, stored), simplify(llamaBlock(size, stored))]) {
            const { program } = compile(graph, family);
            assert.ok(program.main.length <= 12, showKernels(program));
          }
        });
  test("its groups are printed, with the rules that give memory to values", () => {
    const graph = simplify(llamaBlock(sizes["one of the tiny model"]));
    const groups = fuse(graph, { packs: true, limits: facts });
    golden("test/golden/kernels/llama-block.groups", showGroups("block", groups));
  });
  test("its kernels are printed", () => {
    const graph = simplify(llamaBlock(sizes["one of the tiny model"]));
    const text = showKernels(compile(graph).program);
    golden("test/golden/kernels/llama-block.kernels", text.replaceAll(/\b[0-9a-f]{12}\b/g, "…".repeat(12)));
  });
});

suite("fuse: a sweep", ({ test }) => {
  const { graph } = codesInRuns(fixed);
  test("its groups and those of its bodies are printed", () => {
    const groups = fuse(simplify(graph), { packs: true, limits: facts });
    golden("test/golden/kernels/sweep.groups", showGroups("sweep", groups));
  });
  test("its kernels are printed", () => {
    const text = showKernels(compile(simplify(graph)).program);
    golden("test/golden/kernels/sweep.kernels", text.replaceAll(/\b[0-9a-f]{12}\b/g, "…".repeat(12)));
  });
});

suite("fuse: codes", ({ test }) => {
  const [out, block, lane] = [96, 4, 64];
  /** The bytes of what is no slot of a product with weights of these codes and scales. */
  const kept = (make: (w: ReturnType<typeof words>) => Node, family: Family): readonly number[] => {
    const w = words("codes");
    const graph = w.graph({ y: dot(w, w.data("x", { token: 40, in: block * lane }), make(w), "in") });
    const { buffers } = compile(simplify(graph), family).program;
    return buffers.flatMap(({ slot, bytes }) => (slot === undefined ? [bytes] : []));
  };
  for (const family of families) {
    test(`scales that each input picks are read where they are, ${family} schedules`, () => {
      const picked = (w: ReturnType<typeof words>): Node => {
        const scale = w.weight("scale", { block, out }, "f16");
        const run = w.weight("run", { in: block * lane }, "i32");
        const code = w.weight("code", { in: block * lane, out }, "u4");
        return w.op("mul", w.gather(w.cast(scale, "f32"), "block", run), w.cast(code, "f32"));
      };
      assert.equal(kept(picked, family), []);
    });
    test(`scales that are powers of codes are computed once, ${family} schedules`, () => {
      const scaled = (w: ReturnType<typeof words>): Node => {
        const scale = w.op("pow", 2, w.cast(w.weight("scale", { out, block }, "u8"), "f32"));
        const code = w.cast(w.weight("code", { out, block, lane }, "u4"), "f32");
        return w.merge(w.op("mul", scale, code), ["block", "lane"], "in");
      };
      assert.equal(kept(scaled, family), [4 * out * block]);
    });
  }
});

suite("fuse: rows", ({ test }) => {
  const w = words("rows");
  const x = w.data("x", { token: 300, model: 500 });
  test("a softmax is one kernel", () => assert.equal(shapes(w.graph({ y: softmax(w, x, "model") })), ["row"]));
  test("a norm is one kernel", () => {
    assert.equal(shapes(w.graph({ y: rmsNorm(w, x, w.weight("gain", { model: 500 }), 500) })), ["row"]);
  });
  test("a chain of element-wise operations with a reduction is one kernel", () => {
    const y = w.op("tanh", w.op("add", w.op("exp", x), 1));
    assert.equal(shapes(w.graph({ sum: w.op("sqrt", w.reduce("sum", y, "model")) })), ["row"]);
    assert.equal(shapes(w.graph({ y, sum: w.reduce("sum", y, "model") })), ["row"]);
  });
  test("independent reductions over one operand share a pass", () => {
    const sums = {
      a: w.reduce("sum", x, "model"),
      b: w.reduce("sum", w.op("mul", x, x), "model"),
      c: w.reduce("max", x, "model"),
    };
    assert.equal(shapes(w.graph(sums)), ["row"]);
    const statistics = { a: w.reduce("sum", x, "token"), b: w.reduce("max", w.op("abs", x), "token") };
    assert.equal(shapes(w.graph(statistics)), ["row"]);
  });
  test("counts and extremes of a whole matrix take many workgroups, as their order is nobody's business", () => {
    const w = words("matrix");
    const matrix = w.data("x", { out: 512, in: 1024 });
    const zero = w.constant(0);
    const zeros = w.reduce("sum", w.cast(w.op("equal", matrix, zero), "i32"), "out", "in");
    for (const family of families)
      for (const reduced of [zeros, w.reduce("max", matrix, "out", "in")]) {
        const { main } = compile(w.graph({ reduced }), family).program;
        assert.ok(Math.max(...main.map(({ workgroups: [x] }) => x)) >= 512, JSON.stringify(main));
      }
    const flat = w.reduce("min", w.data("flat", { all: 2 ** 16 }), "all");
    assert.ok((compile(w.graph({ flat }), "gpu").program.main[0]?.workgroups[0] ?? 0) >= 64);
  });
  test("the loss of picked words is the product, the rows and their mean", () => {
    const logits = dot(w, x, w.weight("head", { word: 1000, model: 500 }), "model");
    const from = w.gather(logits, "token", w.index("step", 299));
    const next = w.gather(
      w.data("tokens", { token: 300 }, "i32"),
      "token",
      w.op("add", w.index("step", 299), w.constant(1, "i32")),
    );
    const shifted = w.op("sub", from, w.reduce("max", from, "word"));
    const logs = w.op("sub", shifted, w.op("log", w.reduce("sum", w.op("exp", shifted), "word")));
    const loss = w.op("div", w.reduce("sum", w.op("neg", w.gather(logs, "word", next)), "step"), 299);
    assert.equal(shapes(w.graph({ loss })), ["contraction", "row", "row"]);
  });
  test("a whole tensor is not scaled by its greatest in one row", () => {
    const scaled = w.op("div", x, w.reduce("max", w.op("abs", x), "token", "model"));
    assert.equal(shapes(w.graph({ scaled })), ["row", "row", "map"]);
  });
});

suite("fuse: contractions", ({ test }) => {
  const w = words("contractions");
  const x = w.data("x", { token: 64, model: 96 });
  const weight = (name: string): Node => w.weight(name, { mlp: 80, model: 96 });
  const [gate, up] = [dot(w, x, weight("gate"), "model"), dot(w, x, weight("up"), "model")];
  test("sums with a common factor that meet are one kernel", () => {
    assert.equal(shapes(w.graph({ y: w.op("mul", silu(w, gate), up) })), ["contraction"]);
  });
  test("sums with a common factor and equal dimensions that never meet are one kernel", () => {
    assert.equal(shapes(w.graph({ gate, up: w.op("abs", up) })), ["contraction"]);
  });
  test("what follows a sum belongs to it, up to where others need it", () => {
    const scaled = w.op("mul", gate, 0.5);
    const masked = w.op("select", w.op("less", w.index("token", 64), w.index("mlp", 80)), scaled, 0);
    assert.equal(shapes(w.graph({ y: w.op("add", masked, w.data("bias", { mlp: 80 })) })), ["contraction"]);
    assert.equal(shapes(w.graph({ y: softmax(w, masked, "mlp") })), ["contraction", "row"]);
  });
  test("products of different factors are two kernels", () => {
    const other = dot(w, w.data("z", { token: 64, model: 96 }), weight("other"), "model");
    assert.equal(shapes(w.graph({ y: w.op("add", gate, other) })), ["contraction", "contraction"]);
  });
  test("an accumulated Gram matrix is its contraction and a packing", () => {
    const gram = dot(w, x, w.rename(x, "model", "other"), "token");
    const { nodes, name } = w.graph({ gram });
    const node = nodes.at(-1);
    if (node === undefined) throw new Error("the graph is empty");
    const graph: Graph = { name, nodes, outputs: [{ name: "gram", node, accumulate: "sum" }] };
    assert.equal(shapes(graph), ["map", "contraction"]);
  });
  test("weights are packed, and tables of constants computed, before the data is there", () => {
    const angle = w.op("mul", w.cast(w.index("token", 64), "f32"), 0.01);
    const { program } = compile(w.graph({ y: w.op("mul", gate, w.op("cos", angle)) }));
    assert.equal([program.setup.length, program.main.length], [2, 1]);
  });
});

suite("fuse: limits", ({ test }) => {
  test("a chain of thousands of operations is several kernels", () => {
    const w = words("deep");
    let x = w.data("x", { n: 1000 });
    for (let i = 0; i < 3000; i++) x = w.op("add", w.op("mul", x, 1.25), i);
    const { length } = shapes(w.graph({ x }));
    assert.ok(length > 1 && length < 30, `${length} kernels`);
  });
  test("sixty-four layers compile in seconds, and equal ones to equal kernels", () => {
    const w = words("layers");
    let x = w.data("x", { token: 64, model: 96 });
    for (let i = 0; i < 64; i++) {
      const a = rmsNorm(w, x, w.weight(`gain${i}`, { model: 96 }), 96);
      const [gate, up] = ["gate", "up"].map((name) =>
        dot(w, a, w.weight(`${name}${i}`, { mlp: 200, model: 96 }), "model"),
      );
      if (gate === undefined || up === undefined) throw new Error("two products");
      const neuron = w.op("mul", silu(w, gate), up);
      x = w.op("add", x, dot(w, neuron, w.weight(`down${i}`, { model: 96, mlp: 200 }), "mlp"));
    }
    const { program, kernels } = compile(w.graph({ x }));
    assert.equal([program.main.length, kernels.length], [64 * 3, 5]);
  });
  test("a kernel that would need too many buffers is cut", () => {
    const w = words("many");
    const inputs = Array.from({ length: 40 }, (_, i) => w.data(`x${i}`, { n: 100 }));
    const sum = inputs.reduce((a, b) => w.op("add", w.op("mul", a, 2), w.op("exp", b)));
    const { kernels } = compileGraph(w.graph({ sum }), { ...facts, maxStorageBuffersPerShaderStage: 8 });
    assert.ok(kernels.every(({ bindings }) => bindings.length <= 8));
  });
});
