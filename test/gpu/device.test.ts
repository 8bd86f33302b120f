import * as assert from "uvu/assert";
import { bufferUsage, type Device, mapMode, openDevice } from "../../runtime/gpu/device.ts";
import { UserError } from "../../runtime/user-error.ts";
import { suite } from "../harness/suite.ts";
import { validateWgsl } from "../kernel/validate-wgsl.ts";

/** Of each value: `value`, where `i` is its index. */
const kernel = (value: string): string => `
@group(0) @binding(0) var<storage, read_write> values: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&values)) { let i = id.x; values[i] = 2.0 * ${value}; }
}`;

/** Twice each value, or twice another one. */
async function runDouble(
  { device, queue, create, settle }: Device,
  input: Float32Array<ArrayBuffer>,
  value = "values[i]",
): Promise<Float32Array> {
  const size = input.byteLength;
  const { values, result } = await create("two buffers", () => ({
    values: device.createBuffer({ size, usage: bufferUsage.STORAGE | bufferUsage.COPY_SRC | bufferUsage.COPY_DST }),
    result: device.createBuffer({ size, usage: bufferUsage.MAP_READ | bufferUsage.COPY_DST }),
  }));
  const module = device.createShaderModule({ code: kernel(value) });
  const pipeline = await settle(device.createComputePipelineAsync({ layout: "auto", compute: { module } }));
  const entries = [{ binding: 0, resource: { buffer: values } }];
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  queue.writeBuffer(values, 0, input);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(Math.ceil(input.length / 64));
  pass.end();
  encoder.copyBufferToBuffer(values, 0, result, 0, size);
  queue.submit([encoder.finish()]);
  await settle(result.mapAsync(mapMode.READ));
  return new Float32Array(result.getMappedRange().slice(0));
}

/** The message of the UserError that `work` ends with. */
async function failureOf(work: Promise<unknown>): Promise<string> {
  const outcome = await work.then(
    () => "nothing failed",
    (error: unknown) => error,
  );
  if (!(outcome instanceof UserError)) throw outcome;
  return outcome.message;
}

suite("device", ({ test }) => {
  test(
    "runs a kernel on the adapter that is demanded",
    async () => {
      const device = await openDevice();
      const demand = process.env["LCOMP_ADAPTER"];
      if (demand) assert.is(device.adapterInfo.kind, demand);
      const input = Float32Array.from({ length: 100 }, (_, i) => i - 50);
      assert.equal(
        await runDouble(device, input),
        input.map((x) => 2 * x),
      );
      device.close();
    },
    "swiftshader",
  );

  test(
    "opens with the limits that its facts promise",
    async () => {
      const { device, facts, close } = await openDevice();
      assert.is(device.limits.maxStorageBufferBindingSize, facts.maxStorageBufferBindingSize);
      assert.is(device.limits.maxComputeInvocationsPerWorkgroup, facts.maxComputeInvocationsPerWorkgroup);
      assert.is(device.features.has("shader-f16"), facts.hasF16);
      assert.is(device.features.has("subgroups"), facts.hasSubgroups);
      close();
    },
    "swiftshader",
  );

  test(
    "with robust access an index outside of a buffer means its last element or 0, one outside of a variable its last",
    async () => {
      const device = await openDevice({ access: "robust" });
      const read = (value: string) => runDouble(device, Float32Array.from([3]), value);
      const [found = Number.NaN] = await read("values[i + 500000000u]");
      assert.ok([0, 6].includes(found), `${found}`);
      assert.equal(await read("array(1.0, 2.0, 5.0)[i + 500000000u]"), Float32Array.from([10]));
      device.close();
    },
    "swiftshader",
  );

  test("a demand for an adapter that does not exist is refused", async () => {
    const before = process.env["LCOMP_ADAPTER"];
    process.env["LCOMP_ADAPTER"] = "fastest";
    assert.is(await failureOf(openDevice()), 'LCOMP_ADAPTER is "fastest", but can only be gpu, lavapipe, swiftshader.');
    if (before === undefined) delete process.env["LCOMP_ADAPTER"];
    else process.env["LCOMP_ADAPTER"] = before;
  });

  test("memory that runs out is named", async () => {
    const { device, create, close } = await openDevice({ adapter: "null" });
    const size = 250 * 2 ** 20;
    const fill = async (): Promise<void> => {
      for (let i = 0; i < 4; i++)
        await create("the weights of block 3", () => device.createBuffer({ size, usage: bufferUsage.STORAGE }));
    };
    assert.is(await failureOf(fill()), "The GPU has too little memory for the weights of block 3.");
    close();
  });

  test("a command that the device refuses fails where it is made", async () => {
    const { device, facts, create, close } = await openDevice({ adapter: "null" });
    const size = 2 * facts.maxBufferSize;
    const message = await failureOf(
      create("a buffer", () => device.createBuffer({ size, usage: bufferUsage.STORAGE })),
    );
    assert.match(message, /^The GPU refused a buffer: Buffer size \(\d+\) exceeds/);
    close();
  });

  test("an error that nobody awaited is thrown by the next wait", async () => {
    const { device, queue, facts, settle, close } = await openDevice({ adapter: "null" });
    device.createBuffer({ size: 2 * facts.maxBufferSize, usage: bufferUsage.STORAGE });
    assert.match(await failureOf(settle(queue.onSubmittedWorkDone())), /^The GPU refused a command: Buffer size/);
    close();
  });

  test("the loss of the device rejects what waits on it", async () => {
    const { device, settle, lost } = await openDevice();
    const buffer = device.createBuffer({ size: 16, usage: bufferUsage.MAP_READ | bufferUsage.COPY_DST });
    const map = failureOf(settle(buffer.mapAsync(mapMode.READ)));
    device.destroy();
    assert.match(await map, /^The GPU was lost while it worked/);
    assert.match(await failureOf(lost), /^The GPU was lost while it worked/);
  });

  test("closing is no loss", async () => {
    const { lost, close } = await openDevice();
    let isLost = false;
    lost.catch(() => (isLost = true));
    close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.is(isLost, false);
  });
});

suite("validation", ({ test }) => {
  test("a valid shader has no message", async () => assert.equal(await validateWgsl(kernel("values[i]")), []));

  test("every feature is there", async () => {
    const enables = ["f16", "subgroups", "chromium_experimental_subgroup_matrix"]
      .map((name) => `enable ${name};`)
      .join("\n");
    assert.equal(await validateWgsl(`${enables}\n${kernel("values[i]")}`), []);
  });

  test("an error has a position", async () => {
    const messages = await validateWgsl("fn f() -> f32 {\n  return 1u;\n}");
    assert.equal(
      messages.map(({ type, line }) => ({ type, line })),
      [{ type: "error", line: 2 }],
    );
  });
});
