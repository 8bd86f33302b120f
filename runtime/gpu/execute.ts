/** Runs programs: binds tensors to the slots, gives scratch memory, and submits all dispatches of a call at once. */
import type { Dispatch, Kernel, Program, Slot } from "../../compiler/plan/program.ts";
import { UserError } from "../user-error.ts";
import { createBindGroup } from "./bind-groups.ts";
import type { BufferPool } from "./buffers.ts";
import type { Device } from "./device.ts";
import { type Pipeline, pipelines } from "./pipelines.ts";

export interface Executor {
  /** Compiles the program's kernels (of those given, by hash) and takes memory for its scratch buffers. */
  readonly load: (program: Program, kernels: readonly Kernel[]) => Promise<Loaded>;
  /** Seconds spent compiling kernels so far. */
  readonly compileSeconds: () => number;
}

/** A program on the device. Errors of its commands are thrown by the next wait on the device, such as a read. */
export interface Loaded {
  readonly program: Program;
  /** What the slot reads or writes from now on. Accumulators keep what the caller has put into them. */
  readonly bind: (role: Slot["role"], name: string, buffer: GPUBuffer) => void;
  /** To be called again when a weight or a state has been bound anew or has changed. */
  readonly setup: () => void;
  /** To be called for each binding of the data. */
  readonly run: () => void;
  /** The same among other commands, which the caller submits. */
  readonly record: (encoder: GPUCommandEncoder) => void;
  /** Gives the scratch memory back. */
  readonly unload: () => void;
}

/** An executor that takes its memory from the pool. */
export function executor(device: Device, pool: BufferPool): Executor {
  const { compile, seconds } = pipelines(device);
  return {
    compileSeconds: seconds,
    load: async (program, kernels) => {
      const dispatches = [...program.setup, ...program.main];
      const byHash = new Map(kernels.map((kernel) => [kernel.hash, kernel]));
      const needed = dispatches.map(({ kernel }) => byHash.get(kernel) ?? fail(`kernel ${kernel} is not in the plan`));
      for (const dispatch of dispatches) checkLimits(dispatch, device);
      const made = await compile(needed);
      const regions = await regionsFor(program, pool);
      const compiled = dispatches.map((dispatch, i) => ({ dispatch, pipeline: made[i] as Pipeline }));
      return loaded(device, program, compiled, regions, () => {
        for (const region of regions) pool.release(region);
      });
    },
  };
}

/** Memory for all regions. */
async function regionsFor({ name, regions }: Program, pool: BufferPool): Promise<readonly GPUBuffer[]> {
  const held: GPUBuffer[] = [];
  try {
    for (const { bytes, lasts } of regions) {
      const buffer = await pool.acquire(bytes, `the intermediate results of ${name}`);
      held.push(buffer);
      if (lasts) pool.clear(buffer);
    }
  } catch (error) {
    for (const buffer of held) pool.release(buffer);
    throw error;
  }
  return held;
}

interface Compiled {
  readonly dispatch: Dispatch;
  readonly pipeline: Pipeline;
}

function loaded(
  { device, queue }: Device,
  program: Program,
  compiled: readonly Compiled[],
  regions: readonly GPUBuffer[],
  unload: () => void,
): Loaded {
  const memory = new Map<number, GPUBuffer>();
  for (const { id, region } of program.buffers)
    if (region !== undefined) memory.set(id, regions[region] ?? fail(`${program.name} has no region ${region}`));
  const groups = new Map<Compiled, GPUBindGroup>();
  const slots = new Map(program.buffers.flatMap((buffer) => (buffer.slot ? [[keyOf(buffer.slot), buffer]] : [])));
  if (slots.size < program.buffers.filter(({ slot }) => slot).length) fail(`${program.name} has a slot twice`);
  const memoryOf = (id: number): GPUBuffer =>
    memory.get(id) ?? fail(`nothing is bound to ${program.buffers[id]?.slot?.name ?? `buffer ${id}`}`);
  const groupOf = (one: Compiled): GPUBindGroup => {
    const known = groups.get(one);
    if (known !== undefined) return known;
    const entries = one.dispatch.bindings.map(({ buffer, offset, bytes }, binding) => ({
      binding,
      resource: { buffer: memoryOf(buffer), offset, size: bytes },
    }));
    const group = createBindGroup(device, { layout: one.pipeline.layout, entries });
    groups.set(one, group);
    return group;
  };
  const record = (encoder: GPUCommandEncoder, chosen: readonly Compiled[]): void => {
    const pass = encoder.beginComputePass();
    for (const one of chosen) {
      pass.setPipeline(one.pipeline.pipeline);
      pass.setBindGroup(0, groupOf(one));
      pass.dispatchWorkgroups(...one.dispatch.workgroups);
    }
    pass.end();
  };
  const submit = (chosen: readonly Compiled[]): void => {
    if (chosen.length === 0) return;
    const encoder = device.createCommandEncoder({ label: program.name });
    record(encoder, chosen);
    queue.submit([encoder.finish()]);
  };
  const setup = compiled.slice(0, program.setup.length);
  const main = compiled.slice(program.setup.length);
  return {
    program,
    bind: (role, name, buffer) => {
      const { id, bytes } = slots.get(keyOf({ role, name })) ?? fail(`${program.name} has no slot ${name}`);
      if (buffer.size < bytes) fail(`slot ${name} needs ${bytes} bytes, the buffer has ${buffer.size}`);
      if (memory.get(id) === buffer) return;
      memory.set(id, buffer);
      for (const one of compiled)
        if (one.dispatch.bindings.some((binding) => binding.buffer === id)) groups.delete(one);
    },
    setup: () => submit(setup),
    run: () => submit(main),
    record: (encoder) => record(encoder, main),
    unload,
  };
}

/** A program may read a slot and write one of the same name: a block's `x`. */
const keyOf = ({ role, name }: Pick<Slot, "role" | "name">): string => `${role} ${name}`;

/** A plan may have been made for another device. */
function checkLimits({ origin, workgroups, bindings }: Dispatch, { facts }: Device): void {
  const refuse = (what: string, needed: number, offered: number): void => {
    if (needed <= offered) return;
    const numbers = `${needed} ${what}, this GPU offers ${offered}`;
    throw new UserError(`The plan was made for another GPU: the kernel of ${origin.join(", ")} needs ${numbers}.`);
  };
  refuse("workgroups in a row", Math.max(...workgroups), facts.maxComputeWorkgroupsPerDimension);
  refuse("bytes in a binding", Math.max(0, ...bindings.map(({ bytes }) => bytes)), facts.maxStorageBufferBindingSize);
  refuse("buffers in a kernel", bindings.length, facts.maxStorageBuffersPerShaderStage);
}

/** What only a bug can cause. */
function fail(message: string): never {
  throw new Error(message);
}
