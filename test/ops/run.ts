/** Runs a case on the device, through everything between the graph and the result. */

import { type CompileOptions, compileGraph } from "../../compiler/compile-graph.ts";
import type { Output } from "../../compiler/graph/graph.ts";
import { interpret, roundTo } from "../../compiler/graph/interpret.ts";
import { count as elements } from "../../compiler/graph/type.ts";
import { verifyGraph } from "../../compiler/graph/verify.ts";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import { type DType, isPacked } from "../../compiler/plan/dtype.ts";
import type { Slot } from "../../compiler/plan/program.ts";
import { simplify } from "../../compiler/rewrite/simplify.ts";
import type { Family } from "../../compiler/schedule/family.ts";
import type { Schedules } from "../../compiler/schedule/schedules.ts";
import { type BufferPool, bufferPool } from "../../runtime/gpu/buffers.ts";
import { type Device, openDevice } from "../../runtime/gpu/device.ts";
import { type Executor, executor } from "../../runtime/gpu/execute.ts";
import { type Read, reader } from "../gpu/read.ts";
import { decodePacked, encodePacked } from "./packed.ts";
import type { Case } from "./sketch.ts";
import { tolerancesOf } from "./tolerances.ts";

/** Values by output name, and what is to be compared with them. */
export interface Run {
  readonly outputs: ReadonlyMap<string, Float64Array>;
}

/** Instead of the compiler's choice of schedules, and of what the device has. */
interface RunOptions {
  readonly schedules?: Schedules;
  readonly facts?: DeviceFacts;
}

export interface Bench {
  readonly device: Device;
  /** With the schedules of a family, whatever the adapter is. */
  readonly run: (from: Case, family: Family, options?: RunOptions) => Promise<Run>;
}

/** The process's device, with the memory and the pipelines of all cases. */
export async function openBench(): Promise<Bench> {
  const device = await openDevice();
  const pool = bufferPool(device);
  const surroundings = { pool, ...executor(device, pool), read: await reader(device, pool) };
  return {
    device,
    run: (from, family, { facts = device.facts, ...options } = {}) =>
      run(from, { family, ...options }, facts, surroundings),
  };
}

type Surroundings = Pick<Executor, "load"> & { readonly pool: BufferPool; readonly read: Read };

/** Accumulators begin with this at element i, and the data is run twice. */
const initial = (i: number): number => (i % 7) - 3;

async function run(
  { graph, inputs }: Case,
  options: CompileOptions,
  facts: DeviceFacts,
  { pool, load, read }: Surroundings,
): Promise<Run> {
  const simple = simplify(graph);
  verifyGraph(simple);
  const { program, kernels } = compileGraph(simple, facts, options);
  const loaded = await load(program, kernels);
  const slots = program.buffers.flatMap(({ slot, bytes }) => (slot === undefined ? [] : [{ slot, bytes }]));
  const bound = new Map<string, { readonly slot: Slot; readonly bytes: number; readonly buffer: GPUBuffer }>();
  for (const { slot, bytes } of slots) {
    const buffer = await pool.acquire(bytes, slot.name);
    pool.upload(buffer, contentOf(slot, bytes, inputs));
    loaded.bind(slot.role, slot.name, buffer);
    bound.set(slot.name, { slot, bytes, buffer });
  }
  loaded.setup();
  loaded.run();
  if (graph.outputs.some(({ accumulate }) => accumulate !== undefined)) loaded.run();
  const outputs = new Map<string, Float64Array>();
  for (const { name } of graph.outputs) {
    const { slot, bytes, buffer } = bound.get(name) ?? fail(`the program has no slot ${name}`);
    const data = new Uint8Array(await read(buffer, bytes));
    outputs.set(name, decode(slot.dtype, data).subarray(0, elements(slot)));
  }
  loaded.unload();
  for (const { buffer } of bound.values()) pool.release(buffer);
  return { outputs };
}

/** Outputs begin as NaN, so that an element that no kernel writes is seen. */
function contentOf({ name, role, dims, dtype }: Slot, bytes: number, inputs: Case["inputs"]): Uint8Array<ArrayBuffer> {
  const content = new Uint8Array(bytes).fill(0xff);
  if (role === "output") return content;
  const values =
    role === "accumulator" ? Float64Array.from({ length: elements({ dims }) }, (_, i) => initial(i)) : inputs.get(name);
  if (values === undefined) return fail(`the program reads ${name}, which the case has not`);
  content.set(encode(dtype, values));
  return content;
}

/** What the accumulated outputs must hold after two runs, and how far they may be from it; the others as the reference says. */
export function expectedOf({
  graph,
  inputs,
}: Case): ReadonlyMap<string, { readonly values: Float64Array; readonly tolerances: Float64Array }> {
  const values = interpret(graph, inputs);
  const tolerances = tolerancesOf(graph, inputs);
  return new Map(
    graph.outputs.map(({ name, accumulate }) => {
      const expected = {
        values: values.get(name) ?? new Float64Array(0),
        tolerances: tolerances.get(name) ?? new Float64Array(0),
      };
      return [name, accumulate === undefined ? expected : accumulated(accumulate, expected)];
    }),
  );
}

/** What an accumulator holds after two runs that each give it these values; `round` is applied to every result. */
export const accumulatedTwice = (
  by: NonNullable<Output["accumulate"]>,
  values: Float64Array,
  round: (x: number) => number,
): Float64Array => {
  const combine = by === "sum" ? (a: number, b: number) => a + b : Math[by];
  return values.map((x, i) => round(combine(round(combine(initial(i), x)), x)));
};

function accumulated(
  by: NonNullable<Output["accumulate"]>,
  { values, tolerances }: { values: Float64Array; tolerances: Float64Array },
): {
  readonly values: Float64Array;
  readonly tolerances: Float64Array;
} {
  const twice = accumulatedTwice(by, values, (x) => x);
  if (by !== "sum") return { values: twice, tolerances };
  // Two more additions, each with a rounding of its result.
  const bound = (x: number, i: number): number =>
    2 * (tolerances[i] ?? NaN) + 2 ** -23 * (Math.abs(initial(i)) + 2 * Math.abs(x));
  return { values: twice, tolerances: values.map(bound) };
}

function encode(dtype: DType, values: Float64Array): Uint8Array {
  const rounded = values.map((x) => roundTo(dtype, x));
  if (isPacked(dtype)) return encodePacked(dtype, values);
  const words =
    dtype === "f32"
      ? Float32Array.from(rounded)
      : dtype === "i32"
        ? Int32Array.from(rounded)
        : Uint32Array.from(rounded);
  return new Uint8Array(words.buffer);
}

function decode(dtype: DType, bytes: Uint8Array): Float64Array {
  if (isPacked(dtype)) return decodePacked(dtype, bytes);
  const { buffer } = bytes.slice();
  return Float64Array.from(
    dtype === "f32" ? new Float32Array(buffer) : dtype === "i32" ? new Int32Array(buffer) : new Uint32Array(buffer),
  );
}

function fail(message: string): never {
  throw new Error(message);
}
