/** What steps can read and write, each shown by a plan of a few: passes over the samples, two models, decisions, checks. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { demands, peakOf } from "../../compiler/memory/peak-memory.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import type { Slot } from "../../compiler/plan/program.ts";
import type { Ref, Step } from "../../compiler/plan/step.ts";
import { type Device, openDevice } from "../../runtime/gpu/device.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import type { RunResult } from "../../runtime/run/result.ts";
import { runPlan } from "../../runtime/run/run-plan.ts";
import type { RunOptions } from "../../runtime/run/session.ts";
import { StoreFolder } from "../../runtime/store/store-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, refused, writeFolder } from "../io/folder.ts";
import { away, type Dims, emptyPlan, entry, kernel, program, slot, step } from "./by-hand.ts";
import { valuesOf, writeModel } from "./plan.ts";

const shape = { hidden: 16, layers: 0, length: 4, vocabulary: 10 };
const [n, length, count] = [shape.hidden, shape.length, 17];
const tokens = Int32Array.from({ length: count * length }, (_, i) => (i * 7 + (i >> 2)) % shape.vocabulary);
const x: Dims = [
  ["token", length],
  ["hidden", n],
];
const rows: Dims = [
  ["vocabulary", shape.vocabulary],
  ["hidden", n],
];
const columns: Dims = [["hidden", n]];

/** A program of one kernel; each slot is a binding of its name. */
function one(name: string, slots: readonly Parameters<typeof slot>[], body: string) {
  const buffers = slots.map((each) => slot(...each));
  const typeOf = (dtype: Slot["dtype"]): string => (dtype === "f16" ? "u32" : dtype);
  const bindings = slots.map(([, slotName, role, dtype]): Parameters<typeof kernel>[1][number] => [
    slotName,
    typeOf(dtype),
    role === "output" || role === "accumulator" ? "read_write" : "read",
  ]);
  return {
    program: program(name, buffers, [[name, buffers.map(({ id }) => id), n * length]]),
    kernel: kernel(name, bindings, `${entry} { let i = id.x; ${body} }`),
  };
}

const all = [
  one(
    "embed",
    [
      [0, "tokens", "data", "i32", [["token", length]]],
      [1, "embed", "weight", "f16", rows],
      [2, "x", "output", "f32", x],
    ],
    `let at = u32(tokens[i / ${n}u]) * ${n}u + i % ${n}u; x[i] = half(at, embed[at / 2u]);`,
  ),
  one(
    "power",
    [
      [0, "x", "data", "f32", x],
      [1, "a", "accumulator", "f32", columns],
    ],
    `if (i < ${n}u) { for (var t = 0u; t < ${length}u; t++) { let v = x[t * ${n}u + i]; a[i] += v * v; } }`,
  ),
  one(
    "above",
    [
      [0, "x", "data", "f32", x],
      [1, "a", "state", "f32", columns],
      [2, "count", "accumulator", "i32", columns],
    ],
    `if (i < ${n}u) { for (var t = 0u; t < ${length}u; t++) { let v = x[t * ${n}u + i]; if (v * v > a[i] / ${count * length}.0) { count[i]++; } } }`,
  ),
  one(
    "distance",
    [
      [0, "x", "data", "f32", x],
      [1, "y", "data", "f32", x],
      [2, "d", "output", "f32", []],
    ],
    `if (i == 0u) { var sum = 0.0; for (var k = 0u; k < ${n * length}u; k++) { sum += abs(x[k] - y[k]); } d[0] = sum; }`,
  ),
  one(
    "largest",
    [
      [0, "d", "state", "f32", [["sample", count]]],
      [1, "m", "output", "f32", []],
      [2, "at", "output", "i32", [["rank", 2]]],
    ],
    `if (i == 0u) { m[0] = 0.0; for (var k = 0u; k < ${count}u; k++) { if (d[k] > m[0]) { m[0] = d[k]; at[1] = i32(k); } } at[0] = 1; }`,
  ),
  one(
    "broken",
    [
      [0, "tokens", "data", "i32", [["token", length]]],
      [1, "y", "output", "f32", x],
    ],
    "y[i] = 10.0 * select(1.0, 3e38, i == 9u && tokens[0] == 7);",
  ),
];

/** Embedding of a given model, over all windows. */
const embedding = (model: string): Step =>
  step("embed", 0, { tokens: { windows: 0 }, embed: { model, tensor: "embed" } });

const plan = (steps: readonly Step[], rest: Partial<Plan> = {}): Plan => ({
  ...emptyPlan,
  windows: [{ corpus: "text", split: "test", length, count, seed: null }],
  steps,
  programs: all.map((each) => each.program),
  kernels: all.map((each) => each.kernel),
  ...rest,
});

const reported = (value: Ref): Plan["values"][number] => ({
  ...{ kind: "report", text: JSON.stringify(value), of: null, place: "hand.lcomp:1:1" },
  value,
});

let device: Promise<Device> | undefined;

async function run(folder: string, made: Plan, options: Partial<RunOptions> = {}): Promise<RunResult> {
  device ??= openDevice();
  const models = new Map<string, Awaited<ReturnType<typeof openCheckpoint>>>();
  for (const name of ["a", "b"]) models.set(name, await openCheckpoint(join(folder, name)));
  const { signal } = new AbortController();
  const given = { device: await device, models, corpora: new Map([["text", { test: tokens }]]), output: null, signal };
  const result = await runPlan(made, { ...given, progress: () => undefined, ...options });
  const promised = peakOf(demands(made)).gpu;
  const isDecided = made.steps.some(({ reads }) => Object.values(reads).some((ref) => "pick" in ref));
  assert.ok(isDecided ? result.gpuPeak <= promised : result.gpuPeak === promised, `${result.gpuPeak}, not ${promised}`);
  return result;
}

/** A test with the models a and b, of which b has other numbers. */
const withModels = (body: (folder: string) => Promise<void>) =>
  inFolder(async (folder) => {
    await writeModel(join(folder, "a"), shape);
    await writeModel(join(folder, "b"), shape, (_, values) => values.reverse());
    await body(folder);
  });

/** The embedded tokens of each window. */
async function embedded(folder: string, model: string): Promise<readonly Float64Array[]> {
  const values = await valuesOf(join(folder, model), "embed");
  return Array.from({ length: count }, (_, w) =>
    Float64Array.from(
      { length: length * n },
      (_, i) => values[(tokens[w * length + Math.floor(i / n)] ?? 0) * n + (i % n)] ?? Number.NaN,
    ),
  );
}

async function distances(folder: string): Promise<readonly number[]> {
  const [a, b] = [await embedded(folder, "a"), await embedded(folder, "b")];
  return a.map((each, w) => each.reduce((sum, value, i) => sum + Math.abs(value - (b[w]?.[i] ?? Number.NaN)), 0));
}

const twoModels = [
  embedding("a"),
  embedding("b"),
  step("distance", 0, { x: { step: 0, output: "x" }, y: { step: 1, output: "x" } }),
  step("largest", null, { d: { step: 2, output: "d" } }, { durable: ["at"] }),
];

suite("run: steps", ({ test }) => {
  test(
    "a second pass over the samples reads what the first has collected",
    withModels(async (folder) => {
      const [stream, a] = [
        { step: 0, output: "x" },
        { step: 1, output: "a" },
      ];
      const steps = [embedding("a"), step("power", 0, { x: stream }), step("above", 0, { x: stream, a })];
      const { series } = await run(folder, plan(steps, { values: [reported({ step: 2, output: "count" })] }));
      const first = (await embedded(folder, "a")).flatMap((window) => [...window].filter((_, i) => i % n === 0));
      const mean = first.reduce((sum, value) => sum + value * value, 0) / first.length;
      const expected = first.filter((value) => value * value > mean).length;
      assert.ok(expected > 0 && expected < first.length);
      assert.is(series[0]?.values[0], expected);
    }),
    "swiftshader",
  );

  for (const [where, moved] of [
    ["both on the GPU", []],
    ["one on the GPU and one in host memory", [1]],
    ["both in host memory", [0, 1]],
  ] as const)
    test(
      `a step reads the activations of two models, ${where}`,
      withModels(async (folder) => {
        const values = [reported({ step: 3, output: "m" })];
        const { reports } = await run(folder, away(plan(twoModels, { values }), "host", moved));
        const largest = Math.max(...(await distances(folder)));
        assert.ok(Math.abs((reports[0]?.value ?? Number.NaN) - largest) < 1e-4, `${reports[0]?.value}, not ${largest}`);
      }),
      "swiftshader",
    );

  test(
    "equal activations in one file, of which one has its last reader before the other",
    withModels(async (folder) => {
      const distance = (at: number): Step =>
        step("distance", 0, { x: { step: at, output: "x" }, y: { step: at, output: "x" } });
      const steps = [embedding("a"), embedding("a"), distance(0), distance(1)];
      const measure = step("largest", null, { d: { step: 3, output: "d" } });
      const moved = away(plan([...steps, measure], { values: [reported({ step: 4, output: "m" })] }), "disk", [0, 1]);
      const durable = moved.steps.map((each, at) => ({ ...each, durable: at < 2 ? ["x"] : [] }));
      for (const made of [moved, { ...moved, steps: durable }])
        assert.is((await run(folder, made)).reports[0]?.value, 0);
    }),
    "swiftshader",
  );

  test(
    "a value for each window is a number of its type; elements of half a word are not put together",
    withModels(async (folder) => {
      const made = plan(twoModels.slice(0, 3), { values: [reported({ step: 2, output: "d" })] });
      const [first = Number.NaN] = await distances(folder);
      const { value } = (await run(folder, made)).reports[0] ?? {};
      assert.ok(Math.abs((value ?? Number.NaN) - first) < 1e-4, `${value}, not ${first}`);
      const halves = one(
        "halves",
        [
          [0, "h", "weight", "f16", [["part", 3]]],
          [1, "m", "output", "f32", []],
        ],
        "m[0] = f32(h[0]);",
      );
      const stacked = step("halves", null, { h: { stack: [0, 1, 2].map(() => ({ step: 0, output: "x" }) as const) } });
      const both = plan([embedding("a"), stacked], {
        programs: [...made.programs, halves.program],
        kernels: [...made.kernels, halves.kernel],
      });
      const error = await run(folder, both).catch((reason: unknown) => reason);
      assert.match(String(error), /parts of h have 16 bits and cannot be put together$/);
    }),
    "swiftshader",
  );

  test(
    "what was made to be saved leaves the store with that, and what a stage has made stays",
    withModels(async (folder) => {
      const rounded = one(
        "rounded",
        [
          [0, "embed", "weight", "f16", rows],
          [1, "w", "output", "f32", rows],
        ],
        `if (i < ${n * shape.vocabulary}u) { w[i] = half(i, embed[i / 2u]); }`,
      );
      const make = (stage: number | null): Step => {
        const part = { stage, of: "odd", layer: null, what: "w" };
        return step(
          "rounded",
          null,
          { embed: { model: stage === null ? "a" : "b", tensor: "embed" } },
          { part, durable: ["w"] },
        );
      };
      const tensors = [0, 1].map((at) => ({
        ...{ name: `w.${at}`, dtype: "F32", shape: rows.map(([, size]) => size), from: { step: at, output: "w" } },
      }));
      const save = { format: "safetensors", of: "a", origin: "a", config: {}, quantization: null, tensors };
      const made = plan([make(null), make(0)], {
        ...{ saves: [save], stages: [{ name: "odd", action: "", of: "a" }] },
        ...{ programs: [rounded.program], kernels: [rounded.kernel] },
      });
      for (const name of ["first", "second"]) {
        const store = new StoreFolder(join(folder, "store"));
        await writeFolder(join(folder, name), (output) => run(folder, made, { output, folder: store }));
        assert.equal(
          store.records().map(({ key }) => store.find(key)?.outputs.length),
          name === "first" ? [0, 1] : [0, 1, 0],
        );
        store.close();
      }
      const [first, second] = ["first", "second"].map((name) => readFileSync(join(folder, name, "model.safetensors")));
      assert.equal(first, second);
    }),
    "swiftshader",
  );

  test(
    "a decision picks what a step reads and what is saved",
    withModels(async (folder) => {
      const embed = (at: number): Ref => ({
        pick: Array.from({ length: count }, (_, i) => ({ model: i === 1 ? "b" : "a", tensor: "embed" })),
        by: { step: 3, output: "at" },
        at,
      });
      const steps = [
        ...twoModels,
        step("embed", 0, { tokens: { windows: 0 }, embed: embed(0) }),
        step("embed", 0, { tokens: { windows: 0 }, embed: { model: "b", tensor: "embed" } }),
        step("distance", 0, { x: { step: 4, output: "x" }, y: { step: 5, output: "x" } }),
        step("largest", null, { d: { step: 6, output: "d" } }),
      ];
      const tensors = [0, 1].map((at) => ({
        ...{ name: `chosen.${at}`, dtype: "F16", shape: rows.map(([, size]) => size), from: embed(at) },
      }));
      const save = { format: "safetensors", of: "a", origin: "a", config: { chosen: 2 }, quantization: null, tensors };
      const made = plan(steps, { values: [reported({ step: 7, output: "m" })], saves: [save] });
      const out = join(folder, "out");
      const result = await writeFolder(out, (output) => run(folder, made, { output }));
      assert.is(result.reports[0]?.value, 0, "the first choice is b");
      assert.equal(await valuesOf(out, "chosen.0"), await valuesOf(join(folder, "b"), "embed"));
      const found = await distances(folder);
      const second = found.indexOf(Math.max(...found)) === 1 ? "b" : "a";
      assert.equal(await valuesOf(out, "chosen.1"), await valuesOf(join(folder, second), "embed"));
      assert.is((await openCheckpoint(out)).config["chosen"], 2);
    }),
    "swiftshader",
  );

  test(
    "a check that fails names what is at work and fills in the number and the window",
    withModels(async (folder) => {
      const stage = { part: { stage: 0, of: "odd", layer: 2, what: "statistics" } };
      const counts = { output: "count", must: "none", otherwise: "{n} numbers are above the mean" } as const;
      const stream = { step: 0, output: "x" };
      const counted = [
        embedding("a"),
        step("power", 0, { x: stream }),
        step("above", 0, { x: stream, a: { step: 1, output: "a" } }, { ...stage, checks: [counts] }),
      ];
      await refused(() => run(folder, plan(counted)), /^stage odd, layer 2: \d+ numbers are above the mean$/);
      const window = tokens.findIndex((id, i) => id === 7 && i % length === 0) / length;
      const finite = { output: "y", must: "finite", otherwise: "{n} in window {window}" } as const;
      const broken = [step("broken", 0, { tokens: { windows: 0 } }, { checks: [finite] })];
      for (const made of [plan(broken), away(plan(broken), "host"), away(plan(broken), "disk")])
        await refused(() => run(folder, made), new RegExp(`^model: Infinity in window ${window}$`));
    }),
    "swiftshader",
  );

  test("the device closes", async () => (await device)?.close());
});
