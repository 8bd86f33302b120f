/** lcomp: a graph through the compiler, its program on the device. */

import { compileGraph } from "../compiler/compile-graph.ts";
import type { Graph } from "../compiler/graph/graph.ts";
import { isPacked } from "../compiler/plan/dtype.ts";
import type { Program, Slot } from "../compiler/plan/program.ts";
import { simplify } from "../compiler/rewrite/simplify.ts";
import type { BufferPool } from "../runtime/gpu/buffers.ts";
import type { Device } from "../runtime/gpu/device.ts";
import type { Executor } from "../runtime/gpu/execute.ts";
import { reader } from "../test/gpu/read.ts";
import { encodePacked } from "../test/ops/packed.ts";
import type { Contestant } from "./contestant.ts";
import type { Named } from "./values.ts";

export interface Runtime {
  readonly device: Device;
  readonly pool: BufferPool;
  readonly executor: Executor;
}

export interface Ours extends Contestant {
  readonly program: Program;
}

/** The program of a graph with one output, with its inputs on the device, after its setup. */
export async function openOurs(graph: Graph, inputs: Named, { device, pool, executor }: Runtime): Promise<Ours> {
  const { program, kernels } = compileGraph(simplify(graph), device.facts);
  const read = await reader(device, pool);
  const loaded = await executor.load(program, kernels);
  const bound: { readonly slot: Slot; readonly buffer: GPUBuffer }[] = [];
  for (const { slot, bytes } of program.buffers) {
    if (slot === undefined) continue;
    const buffer = await pool.acquire(bytes, slot.name);
    pool.upload(buffer, contentOf(slot, bytes, inputs));
    loaded.bind(slot.role, slot.name, buffer);
    bound.push({ slot, buffer });
  }
  const isOutput = ({ slot }: { readonly slot: Slot }): boolean => slot.role === "output";
  const { buffer: output, slot } = found(bound.find(isOutput), "output");
  const size = slot.dims.reduce((product, dim) => product * dim.size, 1);
  loaded.setup();
  return {
    name: "lcomp",
    program,
    run: async (times) => {
      for (let i = 0; i < times; i++) loaded.run();
      await device.settle(device.queue.onSubmittedWorkDone());
    },
    result: async () => {
      loaded.run();
      return new Float32Array(await read(output, 4 * size));
    },
    close: () => {
      loaded.unload();
      for (const { buffer } of bound) pool.release(buffer);
    },
  };
}

/** A slot's memory, with NaN where nothing is. */
function contentOf({ name, role, dtype }: Slot, bytes: number, inputs: Named): ArrayBufferView<ArrayBuffer> {
  const content = new Float32Array(bytes / 4).fill(Number.NaN);
  if (role === "output") return content;
  const { values } = found(inputs[name], name);
  if (isPacked(dtype)) new Uint8Array(content.buffer).set(encodePacked(dtype, Float64Array.from(values)));
  else content.set(values);
  return content;
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`there is no ${what}`);
  return value;
}
