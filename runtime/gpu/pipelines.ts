/** Pipelines: each kernel is compiled once per device, all that a program needs at the same time, and ready when it is first used. */
import type { Kernel } from "../../compiler/plan/program.ts";
import { UserError } from "../user-error.ts";
import { createBindGroup } from "./bind-groups.ts";
import { bufferUsage, type Device } from "./device.ts";

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

export interface Pipelines {
  /** Compiles what is not compiled yet; in the order given. */
  readonly compile: (kernels: readonly Kernel[]) => Promise<readonly Pipeline[]>;
  /** Seconds during which at least one kernel was being compiled. */
  readonly seconds: () => number;
}

/** The device's pipelines by the hash of their kernel. */
export function pipelines(device: Device): Pipelines {
  const compiled = new Map<string, Promise<Pipeline>>();
  let active = 0;
  let begin = 0;
  let milliseconds = 0;
  const timed = async <T>(work: Promise<T>): Promise<T> => {
    if (active++ === 0) begin = performance.now();
    try {
      return await work;
    } finally {
      if (--active === 0) milliseconds += performance.now() - begin;
    }
  };
  const pipelineOf = (kernel: Kernel): Promise<Pipeline> => {
    const known = compiled.get(kernel.hash);
    if (known !== undefined) return known;
    const pipeline = timed(compile(device, kernel));
    compiled.set(kernel.hash, pipeline);
    return pipeline;
  };
  return { compile: (kernels) => Promise.all(kernels.map(pipelineOf)), seconds: () => milliseconds / 1000 };
}

/** GPUShaderStage.COMPUTE: Dawn does not make it global. */
const computeStage = 4;

/** Layouts are explicit, so that a binding that the driver finds unused stays in its place. */
async function compile({ device, create, settle }: Device, kernel: Kernel): Promise<Pipeline> {
  const missing = kernel.features.find((feature) => !device.features.has(feature));
  if (missing !== undefined) throw new UserError(`The plan was made for a GPU with ${missing}, which this one lacks.`);
  const entries = kernel.bindings.map((access, binding) => ({
    binding,
    visibility: computeStage,
    buffer: { type: access === "read" ? ("read-only-storage" as const) : ("storage" as const) },
  }));
  const { module, layout, pipelineLayout } = await create(`kernel ${kernel.hash}`, () => {
    const bindGroupLayout = device.createBindGroupLayout({ entries });
    return {
      module: device.createShaderModule({ code: kernel.wgsl, label: kernel.hash }),
      layout: bindGroupLayout,
      pipelineLayout: device.createPipelineLayout({ bindGroupLayouts: [bindGroupLayout] }),
    };
  });
  const made = device.createComputePipelineAsync({ layout: pipelineLayout, compute: { module }, label: kernel.hash });
  const pipeline = await settle(made.catch((error) => refuse(kernel, error)));
  await create(`kernel ${kernel.hash}`, () => dispatchNothing(device, { pipeline, layout }, entries.length));
  await settle(device.queue.onSubmittedWorkDone());
  return { pipeline, layout };
}

/** The largest element that a kernel binds, vec4f. */
const elementBytes = 16;

/**
 * A dispatch of no workgroups: lavapipe compiles a kernel for the CPU when it is first dispatched. Their number is read from a
 * buffer, as Dawn warns of a literal 0.
 */
function dispatchNothing(device: GPUDevice, { pipeline, layout }: Pipeline, bindings: number): void {
  const none = device.createBuffer({ size: 3 * Uint32Array.BYTES_PER_ELEMENT, usage: bufferUsage.INDIRECT });
  const buffers = Array.from({ length: bindings }, () =>
    device.createBuffer({ size: elementBytes, usage: bufferUsage.STORAGE }),
  );
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  pass.setBindGroup(0, createBindGroup(device, { layout, entries }));
  pass.dispatchWorkgroupsIndirect(none, 0);
  pass.end();
  device.queue.submit([encoder.finish()]);
  for (const buffer of [none, ...buffers]) buffer.destroy();
}

function refuse({ hash }: Kernel, error: unknown): never {
  const [reason] = (error instanceof Error ? error.message : String(error)).split("\n", 1);
  throw new UserError(`The GPU refused kernel ${hash}: ${reason}`, { cause: error });
}
