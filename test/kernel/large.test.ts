import * as assert from "uvu/assert";
import { type CompiledGraph, compileGraph } from "../../compiler/compile-graph.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import { simplify } from "../../compiler/rewrite/simplify.ts";
import { type Family, families } from "../../compiler/schedule/family.ts";
import { type Schedules, schedules } from "../../compiler/schedule/schedules.ts";
import { type BufferPool, bufferPool } from "../../runtime/gpu/buffers.ts";
import { executor } from "../../runtime/gpu/execute.ts";
import { facts, type Words, words } from "../fuse/sketch.ts";
import { reader } from "../gpu/read.ts";
import { suite } from "../harness/suite.ts";
import { cases, type MakeCase } from "../ops/cases.ts";
import { firstDifference } from "../ops/compare.ts";
import { composites } from "../ops/composites.ts";
import { randomOf, seed } from "../ops/random.ts";
import { type Bench, expectedOf, openBench } from "../ops/run.ts";
import { sketch } from "../ops/sketch.ts";
import { validateWgsl } from "./validate-wgsl.ts";

let bench: Promise<Bench> | undefined;

/** The case on the device as if it had these facts, with these schedules. */
async function compare(
  make: MakeCase,
  name: string,
  family: Family,
  options: { readonly facts?: Partial<DeviceFacts>; readonly schedules?: Schedules },
): Promise<void> {
  bench ??= openBench();
  const { device, run } = await bench;
  const made = make(randomOf(name, 3));
  const { outputs } = await run(made, family, { ...options, facts: { ...device.facts, ...options.facts } });
  for (const [output, { values, tolerances }] of expectedOf(made)) {
    const difference = firstDifference(outputs.get(output), values, tolerances);
    if (difference !== undefined) assert.unreachable(`${name}: ${output}${difference}`);
  }
}

/** Cases in which every operand and result may lie in several parts. */
const parted: Readonly<Record<string, MakeCase>> = {
  ...Object.fromEntries((["add", "select", "reduce", "gather", "best", "merge"] as const).map((op) => [op, cases[op]])),
  ...composites,
};

for (const family of families)
  suite(`small bindings, ${family} schedules, LCOMP_SEED=${seed}`, ({ test }) => {
    for (const [name, make] of Object.entries(parted))
      test(`${name}, bound in parts of 40 KiB`, () =>
        compare(make, name, family, { facts: { maxStorageBufferBindingSize: 40 * 1024 } }));
  });

/** One invocation per workgroup, and one workgroup per element, row and output. */
const single: Schedules = {
  ...schedules,
  contraction: () => ({ kind: "plain", workgroup: 1 }),
  map: () => ({ workgroup: 1, repeats: 1 }),
  row: () => ({ kind: "workgroup", lanes: 2, rows: 1 }),
};

const many: Readonly<Record<string, MakeCase>> = {
  "elements of a map": (random) => {
    const s = sketch(random);
    return s.case(s.op("mul", s.input({ row: 65_541, column: 3 }), s.input({ column: 3 })));
  },
  rows: (random) => {
    const s = sketch(random);
    const x = s.input({ row: 70_001, column: 3 });
    return s.case(s.reduce("max", x, "column"));
  },
  "batches of a product": (random) => {
    const s = sketch(random);
    const [a, b] = [s.input({ batch: 34_000, m: 2, k: 2 }), s.input({ batch: 34_000, n: 1, k: 2 })];
    return s.case(s.reduce("sum", s.op("mul", a, b), "k"));
  },
};

suite(`more than 65535 workgroups, LCOMP_SEED=${seed}`, ({ test }) => {
  for (const [name, make] of Object.entries(many))
    for (const family of families)
      test(`${name}, ${family} schedules`, () => compare(make, name, family, { schedules: single }));
});

/** Element i of a large tensor: exact in f32, and unlike its neighbours and those a part away. */
const valueAt = (i: number): number => (Math.imul(i, 0x9e3779b1) >>> 9) / 2 ** 22 - 1;

interface Large {
  readonly graph: Graph;
  /** Of the large input `table`. */
  readonly elements: number;
  /** Of the small inputs, by name. */
  readonly small: Readonly<Record<string, Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>>>;
  /** Of the output `y`. */
  readonly outputs: number;
  readonly expected: (i: number) => number;
  /** Relative to the result's size. */
  readonly tolerance: number;
}

/** A part of 128 MiB ends within a row of 100. */
const width = 100;
const boundary = 2 ** 25 / width;

const large: Readonly<Record<string, (w: Words) => Large>> = {
  "a gather from a table of 200 MiB": (w) => {
    const word = 2 ** 21 / 4;
    const near = [-2, -1, 0, 1, 2].map((step) => Math.floor(boundary) + step);
    const tokens = Int32Array.from([0, 1, ...near, word - 2, word - 1]);
    const table = w.weight("table", { word, width });
    const at = w.data("tokens", { token: tokens.length }, "i32");
    return {
      graph: w.graph({ y: w.gather(table, "word", at) }),
      elements: word * width,
      small: { tokens },
      outputs: tokens.length * width,
      expected: (i) => valueAt((tokens[Math.floor(i / width)] ?? NaN) * width + (i % width)),
      tolerance: 0,
    };
  },
  "a map over 132 MiB": (w) => {
    const elements = 33 * 2 ** 20;
    const table = w.data("table", { element: elements });
    return {
      graph: w.graph({ y: w.op("max", w.op("mul", table, 2), -1.5) }),
      elements,
      small: {},
      outputs: elements,
      expected: (i) => Math.max(2 * valueAt(i), -1.5),
      tolerance: 0,
    };
  },
  "a product with a table of 132 MiB": (w) => {
    const word = Math.ceil((33 * 2 ** 20) / width);
    const x = Float32Array.from({ length: 3 * width }, (_, i) => valueAt(7 * i));
    const [a, b] = [w.data("x", { token: 3, width }), w.weight("table", { word, width })];
    const expected = (i: number): number => {
      const [token, row] = [Math.floor(i / word), i % word];
      return Array.from({ length: width }, (_, k) => (x[token * width + k] ?? NaN) * valueAt(row * width + k)).reduce(
        (sum, term) => sum + term,
      );
    };
    const graph = w.graph({ y: w.reduce("sum", w.op("mul", a, b), "width") });
    // K · 2^-24 · Σ|a||b|, where both are below 1.
    return {
      graph,
      elements: word * width,
      small: { x },
      outputs: 3 * word,
      expected,
      tolerance: width * width * 2 ** -24,
    };
  },
};

/** Indices of a result around every place where a part of the table or of the result may end, and some between. */
const looked = (outputs: number): readonly number[] =>
  [0, 2 ** 25, boundary, outputs / 3, outputs / 3 + boundary, (2 * outputs) / 3, (2 * outputs) / 3 + boundary, outputs]
    .flatMap((at) => Array.from({ length: 400 }, (_, i) => Math.floor(at) + i - 200))
    .concat(Array.from({ length: 2000 }, (_, i) => Math.floor((i * outputs) / 2000)))
    .filter((i) => i >= 0 && i < outputs);

async function runLarge(
  { graph, elements, small, outputs, expected, tolerance }: Large,
  family: Family,
): Promise<void> {
  bench ??= openBench();
  const { device } = await bench;
  const pool = bufferPool(device);
  const read = await reader(device, pool);
  const { program, kernels } = compileGraph(
    simplify(graph),
    { ...device.facts, maxStorageBufferBindingSize: 2 ** 27 },
    { family },
  );
  const loaded = await executor(device, pool).load(program, kernels);
  const memory = new Map<string, GPUBuffer>();
  for (const { slot, bytes } of program.buffers) {
    if (slot === undefined) continue;
    const buffer = await pool.acquire(bytes, slot.name);
    if (slot.name === "table") upload(pool, buffer, elements);
    else if (slot.role !== "output") pool.upload(buffer, small[slot.name] ?? new Float32Array());
    loaded.bind(slot.role, slot.name, buffer);
    memory.set(slot.name, buffer);
  }
  loaded.setup();
  loaded.run();
  const y = new Float32Array(await read(memory.get("y") as GPUBuffer, 4 * outputs));
  loaded.unload();
  pool.destroy();
  for (const i of looked(outputs)) {
    const off = Math.abs((y[i] ?? NaN) - expected(i));
    if (!(off <= tolerance)) assert.unreachable(`[${i}] is ${y[i]}, not ${expected(i)} ± ${tolerance}`);
  }
}

/** Writes the table in pieces, so that this process holds no copy of it. */
function upload(pool: BufferPool, buffer: GPUBuffer, elements: number): void {
  const piece = new Float32Array(2 ** 22);
  for (let start = 0; start < elements; start += piece.length) {
    const length = Math.min(piece.length, elements - start);
    for (let i = 0; i < length; i++) piece[i] = valueAt(start + i);
    pool.upload(buffer, piece.subarray(0, length), 4 * start);
  }
}

/** What every WebGPU device offers. */
const least: DeviceFacts = {
  ...facts,
  maxStorageBufferBindingSize: 2 ** 27,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 16384,
};

async function verifyLimits({ program, kernels }: CompiledGraph): Promise<void> {
  for (const { bindings, workgroups } of [...program.setup, ...program.main]) {
    assert.ok(bindings.length <= 8, `${bindings.length} bindings`);
    assert.ok(Math.max(...workgroups) <= 65_535, workgroups.join("x"));
    for (const { buffer, offset, bytes } of bindings) {
      assert.ok(bytes <= 2 ** 27 && offset % 256 === 0, `${bytes} bytes from ${offset}`);
      assert.ok(offset + bytes <= (program.buffers[buffer]?.bytes ?? 0), "a binding ends within its buffer");
    }
  }
  for (const { wgsl } of kernels) assert.equal(await validateWgsl(wgsl), [], wgsl);
}

suite("large tensors", ({ test }) => {
  for (const [name, make] of Object.entries(large))
    for (const family of families) {
      test(`${name} is right at the boundaries of parts, ${family} schedules`, () =>
        runLarge(make(words(name)), family));

      test(`${name} keeps the least limits of WebGPU, ${family} schedules`, () =>
        verifyLimits(compileGraph(simplify(make(words(name)).graph), least, { family })));
    }
});
