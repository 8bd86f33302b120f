/** Runs one kernel on arrays, for tests of bodies whose header they write themselves. */
import type { ContractionBody } from "../compiler/schedule/contraction.ts";
import { bufferUsage, type Device, mapMode } from "../runtime/gpu/device.ts";

/** How WGSL calls the features of a body. */
const extensions: Readonly<Record<ContractionBody["features"][number], string>> = {
  subgroups: "subgroups",
  "shader-f16": "f16",
  "chromium-experimental-subgroup-matrix": "chromium_experimental_subgroup_matrix",
};

/** The whole kernel: features, `inputs` arrays x0, x1 … and y to write, the header's functions, the body. */
export function kernelText(body: ContractionBody, inputs: number, functions: string): string {
  const enabled = body.features.map((feature) => `enable ${extensions[feature]};`);
  const memory = Array.from(
    { length: inputs },
    (_, i) => `@group(0) @binding(${i}) var<storage, read> x${i}: array<f32>;`,
  );
  const output = `@group(0) @binding(${inputs}) var<storage, read_write> y: array<f32>;`;
  return [...enabled, ...memory, output, functions, body.wgsl].join("\n");
}

/** What `y` holds afterwards, of `length` elements. */
export async function runKernel(
  { device, queue, settle }: Device,
  code: string,
  workgroups: ContractionBody["workgroups"],
  inputs: readonly Float32Array<ArrayBuffer>[],
  length: number,
): Promise<Float32Array<ArrayBuffer>> {
  const usage = bufferUsage.STORAGE | bufferUsage.COPY_SRC | bufferUsage.COPY_DST;
  const memory = [...inputs.map(({ byteLength }) => byteLength), 4 * length].map((size) =>
    device.createBuffer({ size, usage }),
  );
  for (const [i, input] of inputs.entries()) queue.writeBuffer(memory[i] as GPUBuffer, 0, input);
  const module = device.createShaderModule({ code });
  const pipeline = await settle(device.createComputePipelineAsync({ layout: "auto", compute: { module } }));
  const entries = memory.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const result = device.createBuffer({ size: 4 * length, usage: bufferUsage.MAP_READ | bufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...workgroups);
  pass.end();
  encoder.copyBufferToBuffer(memory.at(-1) as GPUBuffer, 0, result, 0, 4 * length);
  queue.submit([encoder.finish()]);
  await settle(result.mapAsync(mapMode.READ));
  const values = new Float32Array(result.getMappedRange().slice(0));
  for (const buffer of [...memory, result]) buffer.destroy();
  return values;
}
