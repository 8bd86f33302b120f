/** lcomp: graphs through the compiler, their programs on the device. */

import { compileGraph } from "../compiler/compile-graph.ts";
import { isPacked } from "../compiler/plan/dtype.ts";
import type { Dispatch, Program, Slot } from "../compiler/plan/program.ts";
import { simplify } from "../compiler/rewrite/simplify.ts";
import type { BufferPool } from "../runtime/gpu/buffers.ts";
import type { Device } from "../runtime/gpu/device.ts";
import type { Executor, Loaded } from "../runtime/gpu/execute.ts";
import { reader } from "../test/gpu/read.ts";
import { encodePacked } from "../test/ops/packed.ts";
import type { Contestant } from "./contestant.ts";
import type { Task } from "./line.ts";
import type { Named } from "./values.ts";

export interface Runtime {
  readonly device: Device;
  readonly pool: BufferPool;
  readonly executor: Executor;
}

export interface Part extends Pick<Contestant, "run" | "close"> {
  readonly dispatches: readonly Dispatch[];
  /** How often they run for each run of the line. */
  readonly times: number;
}

export interface Ours extends Contestant {
  /** With how often each runs. */
  readonly programs: readonly { readonly program: Program; readonly times: number }[];
  /** The dispatches of each kernel alone, as often as its program has them. */
  readonly parts: () => Promise<readonly Part[]>;
}

interface Bound {
  readonly slot: Slot;
  readonly buffer: GPUBuffer;
  readonly bytes: number;
}

interface Opened {
  readonly program: Program;
  readonly times: number;
  readonly loaded: Loaded;
  readonly bound: readonly Bound[];
  readonly parts: () => Promise<readonly (readonly [dispatches: readonly Dispatch[], part: Loaded])[]>;
}

/** The programs of tasks, with their inputs on the device, after their setup. */
export async function openOurs(tasks: readonly Task[], runtime: Runtime): Promise<Ours> {
  const { device, pool } = runtime;
  const read = await reader(device, pool);
  const opened: Opened[] = [];
  for (const task of tasks) opened.push(await open(task, runtime));
  const settled = (): Promise<unknown> => device.settle(device.queue.onSubmittedWorkDone());
  return {
    name: "lcomp",
    programs: opened,
    run: async (count) => {
      for (let i = 0; i < count; i++)
        for (const { loaded, times } of opened) for (let run = 0; run < times; run++) loaded.run();
      await settled();
    },
    parts: async () => {
      const parts: Part[] = [];
      for (const { parts: open, times } of opened)
        for (const [dispatches, part] of await open()) {
          const run = async (count: number): Promise<void> => {
            for (let i = 0; i < count; i++) part.run();
            await settled();
          };
          parts.push({ dispatches, times, run, close: part.unload });
        }
      return parts;
    },
    result: async () => {
      const { loaded, bound } = found(opened.at(-1), "program");
      loaded.run();
      const isOutput = ({ slot }: Bound): boolean => slot.role === "output";
      const { buffer, slot, bytes } = found(bound.find(isOutput), "output");
      const size = slot.dims.reduce((product, dim) => product * dim.size, 1);
      return new Float32Array(await read(buffer, Math.min(4 * size, bytes)));
    },
    close: () => {
      for (const { loaded, bound } of opened) {
        loaded.unload();
        for (const { buffer } of bound) pool.release(buffer);
      }
    },
  };
}

async function open({ graph, inputs, times }: Task, { device, pool, executor }: Runtime): Promise<Opened> {
  const { program, kernels } = compileGraph(simplify(graph), device.facts);
  const loaded = await executor.load(program, kernels);
  const bound: Bound[] = [];
  for (const { slot, bytes } of program.buffers) {
    if (slot === undefined) continue;
    const buffer = await pool.acquire(bytes, slot.name);
    await pool.upload(buffer, contentOf(slot, bytes, inputs));
    loaded.bind(slot.role, slot.name, buffer);
    bound.push({ slot, buffer, bytes });
  }
  loaded.setup();
  const parts: Opened["parts"] = async () => {
    const made: [readonly Dispatch[], Loaded][] = [];
    for (const main of Map.groupBy(program.main, ({ kernel }) => kernel).values()) {
      const part = await executor.load({ ...program, setup: [], main }, kernels);
      for (const { slot, buffer } of bound) part.bind(slot.role, slot.name, buffer);
      made.push([main, part]);
    }
    return made;
  };
  return { program, times, loaded, bound, parts };
}

/** A slot's memory: what it reads, 0 where it adds, NaN where nothing is. */
function contentOf({ name, role, dtype }: Slot, bytes: number, inputs: Named): ArrayBufferView<ArrayBuffer> {
  const content = new Float32Array(bytes / 4).fill(role === "accumulator" ? 0 : Number.NaN);
  if (role === "output" || role === "accumulator") return content;
  const { values } = found(inputs[name], name);
  if (isPacked(dtype)) new Uint8Array(content.buffer).set(encodePacked(dtype, Float64Array.from(values)));
  else if (dtype === "i32") new Int32Array(content.buffer).set(values);
  else content.set(values);
  return content;
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`there is no ${what}`);
  return value;
}
