import * as assert from "uvu/assert";
import { compileGraph } from "../../compiler/compile-graph.ts";
import { bodyNames } from "../../compiler/graph/bodies.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { Node } from "../../compiler/graph/ops.ts";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import type { Program } from "../../compiler/plan/program.ts";
import { simplify } from "../../compiler/rewrite/simplify.ts";
import { type Family, families } from "../../compiler/schedule/family.ts";
import { dot, facts, words } from "../fuse/sketch.ts";
import { problemsFrom } from "../given/problems.ts";
import { suite } from "../harness/suite.ts";
import type { MakeCase } from "../ops/cases.ts";
import { firstDifference } from "../ops/compare.ts";
import { randomOf, seed } from "../ops/random.ts";
import { type Bench, expectedOf, openBench } from "../ops/run.ts";
import { type Sketch, sketch } from "../ops/sketch.ts";
import { sweeps, tall } from "../ops/sweeps.ts";

type Limits = Pick<DeviceFacts, "maxBufferSize" | "maxStorageBufferBindingSize" | "maxStorageBuffersPerShaderStage">;

const product = (s: Sketch, a: Node, b: Node, over: string): Node => s.reduce("sum", s.op("mul", a, b), over);
const weight = { role: "weight" } as const;

/** The loss of the next of 700 words at 61 of 62 places: 170 KB of logits from 90 KB of weights. */
const loss: MakeCase = (random) => {
  const s = sketch(random);
  const x = s.input({ token: 62, model: 32 });
  const logits = product(s, x, s.input({ vocab: 700, model: 32 }, { role: "weight", dtype: "f16" }), "model");
  const from = s.gather(logits, "token", s.index("step", 61));
  const one = s.make("constant", [], { value: 1, dtype: "i32" });
  const words = s.input({ token: 62 }, { dtype: "i32", draw: ({ integer }) => integer(0, 699) });
  const next = s.gather(words, "token", s.make("add", [s.index("step", 61), one], {}));
  const shifted = s.op("sub", from, s.reduce("max", from, "vocab"));
  const total = s.op("log", s.reduce("sum", s.op("exp", shifted), "vocab"));
  return s.case(s.reduce("sum", s.op("sub", s.gather(shifted, "vocab", next), total), "step"));
};

/** Scores of 160 KB between operands of 5 KB, with a view, a mask and a softmax. */
const attention: MakeCase = (random) => {
  const s = sketch(random);
  const sizes = { kv: 4, token: 100, head: 8 };
  const q = s.split(s.input({ token: 100, model: 32 }), "model", { kv: 4, head: 8 });
  const [k, v] = [s.input(sizes), s.input(sizes)].map((x) => s.rename(x, "token", "seen")) as [Node, Node];
  const past = s.make("lessEqual", [s.index("seen", 100), s.index("token", 100)], {});
  const score = s.op("select", past, product(s, q, k, "head"), -1e30);
  const e = s.op("exp", s.op("sub", score, s.reduce("max", score, "seen")));
  return s.case(product(s, s.op("div", e, s.reduce("sum", e, "seen")), v, "seen"));
};

/** What follows needs all of both dimensions: only the product itself is divided. */
const norm: MakeCase = (random) => {
  const s = sketch(random);
  const y = product(s, s.input({ m: 150, k: 12 }), s.input({ n: 170, k: 12 }, weight), "k");
  return s.case(s.reduce("sum", s.op("mul", y, y), "m", "n"), s.reduce("max", y, "m"));
};

/** A choice by row, what it picks, and a neuron that has another as large as itself. */
const choices: MakeCase = (random) => {
  const s = sketch(random);
  const x = s.input({ row: 90, k: 24 });
  const [gate, up] = ["gate", "up"].map(() => product(s, x, s.input({ n: 300, k: 24 }, weight), "k")) as [Node, Node];
  const both = s.op("mul", s.op("tanh", gate), up);
  const picked = s.gather(s.input({ n: 300 }), "n", s.make("reduce", [both], { by: "argmax", over: ["n"] }));
  const kept = s.make("select", [s.make("best", [both], { keep: 7, over: ["n"] }), both, s.constant(0)], {});
  return s.case(s.op("mul", picked, 2), s.reduce("sum", kept, "n"));
};

const cases: Readonly<Record<string, MakeCase>> = { loss, attention, norm, choices, sweep: tall };

const KiB = 1024;
const limits: Readonly<Record<string, Limits>> = {
  "buffers of 64 KiB": {
    maxBufferSize: 64 * KiB,
    maxStorageBufferBindingSize: 64 * KiB,
    maxStorageBuffersPerShaderStage: 8,
  },
  "8 bindings of 20 KiB": {
    maxBufferSize: 2 ** 30,
    maxStorageBufferBindingSize: 20 * KiB,
    maxStorageBuffersPerShaderStage: 8,
  },
};

let bench: Promise<Bench> | undefined;

suite(`strips, LCOMP_SEED=${seed}`, ({ test }) => {
  for (const family of families)
    for (const [name, make] of Object.entries(cases))
      for (const [what, most] of Object.entries(limits)) {
        if (name === "norm" && what !== "buffers of 64 KiB") continue;
        test(`${name} in ${what} is the same to the bit, ${family} schedules`, async () => {
          bench ??= openBench();
          const { device, run } = await bench;
          const made = make(randomOf(name, 1));
          const small = { ...device.facts, ...most };
          verifyDivided(compile(made.graph, small, family), compile(made.graph, device.facts, family), most);
          const [divided, whole] = [await run(made, family, { facts: small }), await run(made, family)];
          for (const [output, { values, tolerances }] of expectedOf(made)) {
            assert.is(firstDifference(divided.outputs.get(output), values, tolerances), undefined);
            assert.equal(divided.outputs.get(output), whole.outputs.get(output));
          }
        });
      }
});

const compile = (graph: Graph, device: DeviceFacts, family: Family): Program =>
  compileGraph(simplify(graph), device, { family }).program;

function verifyDivided({ buffers, setup, main }: Program, whole: Program, most: Limits): void {
  assert.ok(main.length > whole.main.length, "it is divided");
  for (const { bytes } of buffers) assert.ok(bytes <= most.maxBufferSize, `${bytes} bytes`);
  for (const { bindings } of [...setup, ...main])
    assert.ok(bindings.length <= most.maxStorageBuffersPerShaderStage, `${bindings.length} bindings`);
}

const MiB = 2 ** 20;

/** The loss of 2048 places over a large vocabulary. */
function headOf(vocab: number, model: number): Graph {
  const w = words("head");
  const logits = dot(w, w.data("x", { token: 2048, model }), w.weight("head", { vocab, model }, "bf16"), "model");
  const shifted = w.op("sub", logits, w.reduce("max", logits, "vocab"));
  return w.graph({ y: w.reduce("sum", w.op("log", w.reduce("sum", w.op("exp", shifted), "vocab")), "token") });
}

/** A sweep of so many rows and columns, in runs of 128. */
function sweepOf(out: number, columns: number): Graph {
  const w = words("sweep");
  const [x, u] = [w.weight("w", { out, in: columns }, "bf16"), w.data("u", { in: columns, other: columns })];
  const scale = w.reduce("max", w.data(bodyNames.run, { out, lane: 128 }), "lane");
  const above = w.data(bodyNames.above("block", "scale"), { out });
  const ratio = w.op("div", w.data(bodyNames.run, { out }), above);
  const levels = [
    { dim: { name: "block", size: columns / 128 }, body: w.body({ scale }) },
    {
      dim: { name: "lane", size: 128 },
      body: w.body({ [bodyNames.frozen]: w.op("mul", above, w.op("round", ratio)) }),
    },
  ];
  return w.graph({ y: w.cast(w.feedback(x, u, { along: "in", across: "other", levels }), "bf16") });
}

const titleOf = (work: () => unknown): string =>
  problemsFrom(work)
    .map(({ title }) => title)
    .join();

suite("limits of devices", ({ test }) => {
  const lavapipe = {
    maxBufferSize: 4095 * MiB,
    maxStorageBufferBindingSize: 128 * MiB,
    maxStorageBuffersPerShaderStage: 16,
  };
  const swiftshader = {
    maxBufferSize: 1024 * MiB,
    maxStorageBufferBindingSize: 1024 * MiB,
    maxStorageBuffersPerShaderStage: 12,
  };

  for (const [vocab, model] of [
    [128_256, 2048],
    [128_256, 4096],
    [256_000, 3072],
  ] as const)
    test(`a head of ${vocab} words by ${model} runs on lavapipe, each weight packed once`, () => {
      const program = compile(headOf(vocab, model), { ...facts, ...lavapipe }, "software");
      verifyDivided(program, { ...program, main: [] }, lavapipe);
      const packed = program.regions.filter(({ lasts }) => lasts);
      assert.is(
        packed.reduce((sum, { bytes }) => sum + bytes, 0),
        4 * vocab * model,
      );
    });

  test("a head of 128256 words by 4096 runs on SwiftShader", () => {
    const program = compile(headOf(128_256, 4096), { ...facts, ...swiftshader }, "software");
    verifyDivided(program, { ...program, main: [] }, swiftshader);
  });

  test("a sweep of 4096 rows by 14336 columns runs on lavapipe, and of 14336 by 4096 within the limits of all adapters", () => {
    const large = compile(sweepOf(4096, 14_336), { ...facts, ...lavapipe }, "software");
    verifyDivided(large, { ...large, main: [] }, lavapipe);
    const least = {
      maxBufferSize: 256 * MiB,
      maxStorageBufferBindingSize: 128 * MiB,
      maxStorageBuffersPerShaderStage: 8,
    };
    for (const family of families) {
      const program = compile(sweepOf(14_336, 4096), { ...facts, ...least }, family);
      verifyDivided(program, { ...program, main: [] }, least);
    }
  });

  test("whatever scratch is wanted, sweeps have programs, and take no more than they would", () => {
    for (const [name, make] of Object.entries(sweeps)) {
      const graph = simplify(make(randomOf(name, 1)).graph);
      const bytes = (scratch: number): number =>
        compileGraph(graph, facts, { family: "software", scratch }).program.regions.reduce(
          (sum, each) => sum + each.bytes,
          0,
        );
      for (const scratch of [20_000, 4000]) assert.ok(bytes(scratch) <= bytes(Number.POSITIVE_INFINITY), name);
    }
  });

  test("weights above the largest buffer are refused by name", () => {
    const title = titleOf(() => compile(headOf(256_000, 3072), { ...facts, ...swiftshader }, "software"));
    assert.is(title, "`head` takes 1.46 GiB, and a buffer of this GPU holds 1 GiB");
  });

  test("a kernel that needs all of what is too large is refused", () => {
    const { graph } = norm(randomOf("norm", 1));
    const title = titleOf(() =>
      compile(graph, { ...facts, ...limits["8 bindings of 20 KiB"], maxStorageBuffersPerShaderStage: 5 }, "software"),
    );
    assert.match(title, "(99.61 KiB) needs 7 bindings of up to 20 KiB, and this GPU offers 5");
  });

  test("halves count as halves, and what follows a product is cut from it where it reads too much", () => {
    const w = words("cut");
    const x = w.data("x", { token: 64, model: 64 });
    const y = dot(w, x, w.weight("w", { out: 64, model: 64 }), "model");
    const added = Array.from({ length: 5 }, (_, i) => w.data(`a${i}`, { token: 64, out: 64 }, "f16"));
    const graph = w.graph({ y: added.reduce((sum, a) => w.op("add", sum, a), y) });
    const few = (most: number, largest: number): Program =>
      compile(graph, { ...facts, maxStorageBuffersPerShaderStage: most, maxStorageBufferBindingSize: largest }, "gpu");
    assert.is(few(8, 16 * KiB).main.length, 1);
    assert.is(few(7, 16 * KiB).main.length, 2);
  });
});
