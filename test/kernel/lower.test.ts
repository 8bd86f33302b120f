import * as assert from "uvu/assert";
import { compileGraph } from "../../compiler/compile-graph.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import { interpret } from "../../compiler/graph/interpret.ts";
import { header } from "../../compiler/kernel/header.ts";
import { rows } from "../../compiler/memory/layout.ts";
import { simplify } from "../../compiler/rewrite/simplify.ts";
import { type Family, families } from "../../compiler/schedule/family.ts";
import { bufferPool } from "../../runtime/gpu/buffers.ts";
import { openDevice } from "../../runtime/gpu/device.ts";
import { executor } from "../../runtime/gpu/execute.ts";
import { dot, facts, llamaBlock, rmsNorm, softmax, type Words, words } from "../fuse/sketch.ts";
import { reader } from "../gpu/read.ts";
import { golden } from "../harness/golden.ts";
import { suite } from "../harness/suite.ts";
import { cases } from "../ops/cases.ts";
import { composites } from "../ops/composites.ts";
import { randomOf, seed } from "../ops/random.ts";
import { sweeps } from "../ops/sweeps.ts";
import { validateWgsl } from "./validate-wgsl.ts";

const x = (w: Words) => w.data("x", { token: 512, model: 128 });

const graphs: Readonly<Record<string, (w: Words) => Graph>> = {
  chain: (w) => w.graph({ y: w.op("max", w.op("sqrt", w.op("add", w.op("exp", x(w)), 1)), 0.1) }),
  "softmax of rows": (w) => w.graph({ y: softmax(w, x(w), "model") }),
  "norm of rows": (w) => w.graph({ y: rmsNorm(w, x(w), w.weight("gain", { model: 128 }), 128) }),
  "sums of columns": (w) => w.graph({ y: w.reduce("sum", x(w), "token") }),
  "greatest of short rows": (w) => w.graph({ y: w.reduce("argmax", w.data("x", { row: 100, n: 7 }), "n") }),
  "product with bias": (w) => {
    const product = dot(w, x(w), w.weight("w", { out: 50, model: 128 }, "f16"), "model");
    return w.graph({ y: w.op("add", product, w.weight("bias", { out: 50 })) });
  },
  "picked rows of a stored table": (w) => {
    const table = w.weight("table", { word: 1000, model: 128 }, "bf16");
    return w.graph({ y: w.gather(w.cast(table, "f32"), "word", w.data("tokens", { token: 33 }, "i32")) });
  },
  "codes with a scale of each 64 times a vector": (w) => {
    const code = w.weight("code", { out: 50, block: 4, lane: 64 }, "u4");
    const decoded = w.op("mul", w.weight("scale", { out: 50, block: 4 }, "f16"), w.cast(code, "f32"));
    return w.graph({ y: dot(w, w.data("x", { in: 256 }), w.merge(decoded, ["block", "lane"], "in"), "in") });
  },
  "codes that have one of each half of a block in a byte": (w) => {
    const halves = w.split(w.weight("w", { out: 64, in: 128 }, "bf16"), "in", { block: 4, half: 2, lane: 16 });
    const code = w.cast(w.op("mul", w.cast(halves, "f32"), 8), "u4");
    return w.graph({ codes: w.merge(code, ["block", "lane", "half"], "in") });
  },
  "best of each four": (w) => {
    const cells = w.split(w.weight("w", { out: 64, in: 128 }), "in", { cell: 32, lane: 4 });
    return w.graph({ kept: w.merge(w.best(w.op("abs", cells), 2, "lane"), ["cell", "lane"], "in") });
  },
};

suite("lower: WGSL", ({ test }) => {
  for (const [name, graphOf] of Object.entries(graphs))
    for (const family of families)
      test(`${name}, ${family} schedules`, () => {
        const { kernels } = compileGraph(simplify(graphOf(words(`${name}.lcomp`))), facts, { family });
        const text = kernels.map(({ wgsl }) => wgsl).join("\n----\n\n");
        golden(`test/golden/wgsl/${name.replaceAll(" ", "-")}.${family}.wgsl`, text);
      });
});

/** Every kernel of the graph, as Tint sees it without a GPU. */
async function validate(graph: Graph): Promise<void> {
  for (const family of families)
    for (const { wgsl } of compileGraph(graph, facts, { family }).kernels) {
      const errors = (await validateWgsl(wgsl)).filter(({ type }) => type === "error");
      assert.equal(errors, [], wgsl);
    }
}

suite(`lower: Tint accepts every kernel, LCOMP_SEED=${seed}`, ({ test }) => {
  test("of the graphs above", async () => {
    for (const [name, graphOf] of Object.entries(graphs)) await validate(graphOf(words(name)));
  });
  test("of a decoder's block", async () => {
    const sizes = { token: 20, model: 64, kv: 2, group: 2, head: 16, mlp: 172 };
    for (const stored of ["f32", "f16", "bf16"] as const) await validate(llamaBlock(sizes, stored));
  });
  test("of every primitive and composite", async () => {
    for (const [name, make] of Object.entries({ ...cases, ...composites, ...sweeps }))
      await validate(make(randomOf(name)).graph);
  });
  test("with dimensions named like what WGSL and the generator use", async () => {
    const w = words("names");
    const names = [
      "in",
      "var",
      "x0",
      "lane",
      "element",
      "sum",
      "max",
      "f32",
      "math_exp",
      "group",
      "1st",
      "größe",
      "m",
      "k",
    ];
    for (const name of names) {
      const input = w.data(name, { [name]: 65, other: 5 });
      await validate(w.graph({ [name]: softmax(w, input, name), sum: w.op("exp", w.reduce("sum", input, name)) }));
    }
  });
});

suite("lower: kernels", ({ test }) => {
  test("memory that is read and then written keeps a name of its own", () => {
    const layout = rows([{ name: "row", size: 8 }]);
    const node = x(words("names"));
    const storage = (id: number) => ({ id, node, through: [], layout, dtype: "f32" as const });
    const storages = [storage(0), storage(1)];
    const { read, write, bindings } = header({ storages, largestBinding: 1024, isFour: () => false });
    assert.is(read(0, "i", 1), "x0[i]");
    assert.is(write(storage(0), "i", ["0.0"], 1), "x0[i] = 0.0;");
    assert.is(read(1, "i", 1), "x1[i]");
    assert.equal(
      bindings().map(({ access }) => access),
      ["read_write", "read"],
    );
  });
  test("many reductions of a row exchange within the workgroup's memory", () => {
    const w = words("many");
    for (const over of ["row", "column"]) {
      const x = w.data("x", { row: 300, column: 300 });
      const sums = Array.from({ length: 24 }, (_, i) => w.reduce("sum", w.op("mul", x, i + 2.5), over));
      const few = { ...facts, maxComputeWorkgroupStorageSize: 4096 };
      const { kernels } = compileGraph(w.graph({ y: sums.reduce((all, sum) => w.op("add", all, sum)) }), few, {
        family: "gpu",
      });
      for (const { wgsl } of kernels) {
        const sizes = [...wgsl.matchAll(/var<workgroup> \w+: array<[fiu]32, (\d+)>/g)].map(
          ([, size]) => 4 * Number(size),
        );
        assert.ok(sizes.length >= 20, `${sizes.length} reductions in a kernel`);
        assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 4096, `${sizes}`);
      }
    }
  });
  test("two equal pieces of a graph are one kernel", () => {
    const w = words("twice");
    const [a, b] = [w.data("a", { token: 100, model: 70 }), w.data("b", { token: 100, model: 70 })];
    const { program, kernels } = compileGraph(w.graph({ x: softmax(w, a, "model"), y: softmax(w, b, "model") }), facts);
    assert.equal([program.main.length, kernels.length], [2, 1]);
  });
  test("a graph gives the same program twice", () => {
    const compiled = () =>
      compileGraph(llamaBlock({ token: 20, model: 64, kv: 2, group: 2, head: 16, mlp: 172 }), facts);
    assert.equal(JSON.stringify(compiled().program), JSON.stringify(compiled().program));
  });
  test("more workgroups than fit in a row are folded", () => {
    const w = words("many");
    const { program } = compileGraph(w.graph({ y: w.reduce("sum", w.data("x", { row: 200_000, n: 65 }), "n") }), facts);
    assert.equal(
      program.main.map(({ workgroups }) => workgroups.every((size) => size <= 65535)),
      [true],
    );
  });
});

/** Runs the graph as if the largest binding had so many bytes, and compares every output with the reference. */
async function runInParts(graph: Graph, family: Family, bytes: number): Promise<number> {
  const device = await openDevice();
  const pool = bufferPool(device);
  const read = await reader(device, pool);
  const { program, kernels } = compileGraph(graph, { ...device.facts, maxStorageBufferBindingSize: bytes }, { family });
  const loaded = await executor(device, pool).load(program, kernels);
  const values = new Map<string, Float32Array<ArrayBuffer>>();
  const outputs = new Map<string, GPUBuffer>();
  for (const { slot, bytes: size } of program.buffers) {
    if (slot === undefined) continue;
    const buffer = await pool.acquire(size, slot.name);
    const content = Float32Array.from({ length: size / 4 }, (_, i) => ((i * 7919) % 1009) / 1009 - 0.5);
    if (slot.role === "output") outputs.set(slot.name, buffer);
    else values.set(slot.name, content);
    pool.upload(buffer, new Uint8Array(content.buffer));
    loaded.bind(slot.role, slot.name, buffer);
  }
  loaded.setup();
  loaded.run();
  for (const [name, expected] of interpret(graph, values)) {
    const buffer = outputs.get(name);
    assert.ok(buffer, name);
    const actual = new Float32Array(await read(buffer, expected.length * 4));
    const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - (actual[i] ?? NaN))), 0);
    assert.ok(worst < 1e-4, `${name} is off by ${worst}`);
  }
  device.close();
  const offsets = (id: number) =>
    program.main.flatMap(({ bindings }) => bindings.flatMap(({ buffer, offset }) => (buffer === id ? [offset] : [])));
  return Math.max(...program.buffers.map(({ id }) => new Set(offsets(id)).size));
}

suite("lower: tensors above the largest binding", ({ test }) => {
  for (const family of families)
    test(`are read and written in parts, ${family} schedules`, async () => {
      const w = words("parts");
      const x = w.data("x", { token: 70, model: 64 });
      const product = dot(w, x, w.weight("w", { out: 100, model: 64 }), "model");
      const graph = w.graph({ product, y: w.op("tanh", w.op("mul", x, 2)), soft: softmax(w, product, "out") });
      assert.is(await runInParts(graph, family, 8192), 4);
    });
});
