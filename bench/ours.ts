/** lcomp: a graph through the compiler, its program on the device. */

import { compileGraph } from "../compiler/compile-graph.ts";
import type { Graph } from "../compiler/graph/graph.ts";
import { isPacked } from "../compiler/plan/dtype.ts";
import type { Dispatch, Program, Slot } from "../compiler/plan/program.ts";
import { simplify } from "../compiler/rewrite/simplify.ts";
import type { BufferPool } from "../runtime/gpu/buffers.ts";
import type { Device } from "../runtime/gpu/device.ts";
import type { Executor, Loaded } from "../runtime/gpu/execute.ts";
import { reader } from "../test/gpu/read.ts";
import { encodePacked } from "../test/ops/packed.ts";
import type { Contestant } from "./contestant.ts";
import type { Named } from "./values.ts";

export interface Runtime {
  readonly device: Device;
  readonly pool: BufferPool;
  readonly executor: Executor;
}

export interface Part extends Pick<Contestant, "run" | "close"> {
  readonly dispatches: readonly Dispatch[];
}

interface Bound {
  readonly slot: Slot;
  readonly buffer: GPUBuffer;
  readonly bytes: number;
}

export interface Ours extends Contestant {
  readonly program: Program;
  /** The dispatches of each kernel alone, as often as the program has them. */
  readonly parts: () => Promise<readonly Part[]>;
}

/** The program of a graph with one output, with its inputs on the device, after its setup. */
export async function openOurs(graph: Graph, inputs: Named, { device, pool, executor }: Runtime): Promise<Ours> {
  const { program, kernels } = compileGraph(simplify(graph), device.facts);
  const read = await reader(device, pool);
  const loaded = await executor.load(program, kernels);
  const bound: Bound[] = [];
  for (const { slot, bytes } of program.buffers) {
    if (slot === undefined) continue;
    const buffer = await pool.acquire(bytes, slot.name);
    pool.upload(buffer, contentOf(slot, bytes, inputs));
    loaded.bind(slot.role, slot.name, buffer);
    bound.push({ slot, buffer, bytes });
  }
  const isOutput = ({ slot }: Bound): boolean => slot.role === "output";
  const { buffer: output, slot, bytes } = found(bound.find(isOutput), "output");
  const size = slot.dims.reduce((product, dim) => product * dim.size, 1);
  loaded.setup();
  const running =
    ({ run }: Loaded): Contestant["run"] =>
    async (times) => {
      for (let i = 0; i < times; i++) run();
      await device.settle(device.queue.onSubmittedWorkDone());
    };
  return {
    name: "lcomp",
    program,
    run: running(loaded),
    parts: async () => {
      const parts: Part[] = [];
      for (const main of Map.groupBy(program.main, ({ kernel }) => kernel).values()) {
        const part = await executor.load({ ...program, setup: [], main }, kernels);
        for (const { slot, buffer } of bound) part.bind(slot.role, slot.name, buffer);
        parts.push({ dispatches: main, run: running(part), close: part.unload });
      }
      return parts;
    },
    result: async () => {
      loaded.run();
      return new Float32Array(await read(output, Math.min(4 * size, bytes)));
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
