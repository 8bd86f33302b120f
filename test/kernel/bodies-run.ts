/** Runs one kernel on arrays, for tests of bodies whose header they write themselves. */
import * as assert from "uvu/assert";
import type { Body } from "../../compiler/kernel/body.ts";
import { extensions } from "../../compiler/kernel/header.ts";
import { bufferUsage, type Device, mapMode } from "../../runtime/gpu/device.ts";

/** The whole kernel: features, `inputs` arrays x0, x1 … and y to write, the header's functions, the body. */
export function kernelText(body: Body, inputs: number, functions: string): string {
  const enabled = body.features.map((feature) => `enable ${extensions[feature]};`);
  const memory = Array.from(
    { length: inputs },
    (_, i) => `@group(0) @binding(${i}) var<storage, read> x${i}: array<f32>;`,
  );
  const output = `@group(0) @binding(${inputs}) var<storage, read_write> y: array<f32>;`;
  return [...enabled, ...memory, output, functions, body.wgsl].join("\n");
}

/** Elements behind the last that a kernel may write: those of a tile beyond the last row of outputs. */
const margin = 2 ** 14;

/** What those elements hold before and after. */
const untouched = 12345;

/** What `y` holds afterwards, of `length` elements; nothing may be written behind them. */
export async function runKernel(
  { device, queue, settle }: Device,
  code: string,
  workgroups: Body["workgroups"],
  inputs: readonly Float32Array<ArrayBuffer>[],
  length: number,
): Promise<Float32Array<ArrayBuffer>> {
  const usage = bufferUsage.STORAGE | bufferUsage.COPY_SRC | bufferUsage.COPY_DST;
  const arrays = [...inputs, new Float32Array(length + margin).fill(untouched, length)];
  const memory = arrays.map(({ byteLength: size }) => device.createBuffer({ size, usage }));
  for (const [i, input] of arrays.entries()) queue.writeBuffer(memory[i] as GPUBuffer, 0, input);
  const module = device.createShaderModule({ code });
  const pipeline = await settle(device.createComputePipelineAsync({ layout: "auto", compute: { module } }));
  const entries = memory.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const size = 4 * (length + margin);
  const result = device.createBuffer({ size, usage: bufferUsage.MAP_READ | bufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...workgroups);
  pass.end();
  encoder.copyBufferToBuffer(memory.at(-1) as GPUBuffer, 0, result, 0, size);
  queue.submit([encoder.finish()]);
  await settle(result.mapAsync(mapMode.READ));
  const values = new Float32Array(result.getMappedRange().slice(0));
  for (const buffer of [...memory, result]) buffer.destroy();
  const beyond = values.findIndex((value, i) => i >= length && value !== untouched);
  assert.is(beyond, -1, `element ${beyond} was written, of ${length}`);
  return values.slice(0, length);
}
