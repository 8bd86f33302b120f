import * as assert from "uvu/assert";
import type { Buffer, Dispatch, Kernel, Program } from "../../compiler/plan/program.ts";
import { createBindGroup } from "../../runtime/gpu/bind-groups.ts";
import { bufferPool } from "../../runtime/gpu/buffers.ts";
import { type Device, OutOfMemory, openDevice } from "../../runtime/gpu/device.ts";
import { executor } from "../../runtime/gpu/execute.ts";
import { roomOn } from "../../runtime/gpu/room.ts";
import { UserError } from "../../runtime/user-error.ts";
import { suite } from "../harness/suite.ts";
import { randomOf, seed } from "../ops/random.ts";
import { reader } from "./read.ts";

const count = 1000;
const bytes = 4 * count;

/** b = f(a), element by element. */
const kernel = (hash: string, f: string): Kernel => ({
  hash,
  features: [],
  bindings: ["read", "read_write"],
  wgsl: `
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i < arrayLength(&a)) { b[i] = ${f}; }
}`,
});
const kernels = [
  kernel("double", "2.0 * a[i]"),
  kernel("increment", "a[i] + 1.0"),
  kernel("accumulate", "b[i] + a[i]"),
];

const dispatch = (name: string, from: number, to: number): Dispatch => ({
  kernel: name,
  bindings: [from, to].map((buffer) => ({ buffer, offset: 0, bytes })),
  workgroups: [Math.ceil(count / 64), 1, 1],
  origin: ["execute.test.ts:1"],
  bytesMoved: 2 * bytes,
  operations: count,
  shape: "map",
});
const slot = (id: number, name: string, role: "weight" | "data" | "accumulator"): Buffer => ({
  id,
  bytes,
  slot: { name, role, dtype: "f32", dims: [{ name: "i", size: count }] },
});

/** Setup: 2·w. Main: y += ((x + 1) · 2 + 1) · 2 by way of three scratch buffers; and then 2·w. */
const program: Program = {
  name: "chain",
  graph: "",
  buffers: [
    slot(0, "w", "weight"),
    { id: 1, bytes, region: 0 },
    slot(2, "x", "data"),
    slot(3, "y", "accumulator"),
    ...[1, 2, 1, 2].map((region, i) => ({ id: 4 + i, bytes, region })),
  ],
  regions: [true, false, false].map((lasts) => ({ bytes, lasts })),
  setup: [dispatch("double", 0, 1)],
  main: [
    dispatch("increment", 2, 4),
    dispatch("double", 4, 5),
    dispatch("increment", 5, 6),
    dispatch("double", 6, 7),
    dispatch("accumulate", 7, 3),
    dispatch("accumulate", 1, 3),
  ],
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const failure = async (work: () => Promise<unknown>): Promise<string> => {
  const outcome = await work().then(
    () => "nothing failed",
    (error: unknown) => error,
  );
  if (!(outcome instanceof UserError)) throw outcome;
  return outcome.message;
};

suite("execute", ({ test }) => {
  test(
    "500 steps give the sum and hold memory flat",
    async () => {
      const device = await openDevice();
      const pool = bufferPool(device);
      const { load, compileSeconds } = executor(device, pool);
      const read = await reader(device, pool);
      const held = pool.memory().used;
      const loaded = await load(program, kernels);
      assert.ok(compileSeconds() > 0);
      const [w, y] = [await pool.acquire(bytes, "w"), await pool.acquire(bytes, "y")];
      pool.upload(
        w,
        Float32Array.from({ length: count }, (_, i) => i),
      );
      pool.clear(y);
      loaded.bind("weight", "w", w);
      loaded.bind("accumulator", "y", y);
      loaded.setup();
      let after10 = 0;
      for (let step = 0; step < 500; step++) {
        const x = await pool.acquire(bytes, "x");
        pool.upload(x, new Float32Array(count).fill(step % 2));
        loaded.bind("data", "x", x);
        loaded.run();
        pool.release(x);
        if (step % 50 === 0) await read(y, 4);
        if (step === 10) after10 = pool.memory().total;
      }
      const result = new Float32Array(await read(y, bytes));
      // 250 steps of x = 0 give 6, 250 of x = 1 give 10; each adds 2·w.
      const expected = Float32Array.from({ length: count }, (_, i) => 250 * 16 + 500 * 2 * i);
      assert.equal(result, expected);
      assert.is(pool.memory().total, after10);
      assert.is(pool.memory().peak, after10);
      loaded.unload();
      pool.release(w);
      pool.release(y);
      assert.is(pool.memory().used, held);
      pool.destroy();
      assert.is(pool.memory().total, 0);
      device.close();
    },
    "swiftshader",
  );

  test("bind groups that nobody has do not pile up", async () => {
    const device = await openDevice();
    const pool = bufferPool(device);
    const [buffer, target] = [await pool.acquire(bytes, "b"), await pool.acquire(bytes, "c")];
    const layout = device.device.createBindGroupLayout({
      entries: [{ binding: 0, visibility: 4, buffer: { type: "storage" } }],
    });
    const [kept, made] = [new Array<GPUBindGroup>(3000), 30_000];
    let [collected, most] = [0, 0];
    const registry = new FinalizationRegistry<null>(() => collected++);
    for (let i = 0; i < made; i++) {
      const group = createBindGroup(device.device, { layout, entries: [{ binding: 0, resource: { buffer } }] });
      registry.register(group, null);
      kept[i % kept.length] = group;
      most = Math.max(most, i + 1 - collected);
      if (i % 100 > 0) continue;
      pool.clear(target);
      await device.settle(device.queue.onSubmittedWorkDone());
    }
    assert.ok(most < 10_000, `${most} of ${made} bind groups were there at once, and ${kept.length} in use`);
    device.close();
  });

  test("kernels are compiled once, and a broken one is named", async () => {
    const device = await openDevice();
    const pool = bufferPool(device);
    const { load, compileSeconds } = executor(device, pool);
    await load(program, kernels);
    const before = compileSeconds();
    await load(program, kernels);
    assert.is(compileSeconds(), before);
    const broken = [{ ...kernel("broken", "a[i] +"), hash: "broken" }];
    const bad = { ...program, setup: [], main: [dispatch("broken", 2, 3)] };
    assert.match(await failure(() => load(bad, broken)), /^The GPU refused kernel broken: /);
    device.close();
  });

  test("a program for a larger device is refused", async () => {
    const device = await openDevice();
    const { load } = executor(device, bufferPool(device));
    const large = { ...dispatch("double", 0, 1), workgroups: [100_000, 1, 1] as const };
    assert.match(
      await failure(() => load({ ...program, setup: [large] }, kernels)),
      /execute\.test\.ts:1 needs 100000 workgroups in a row, this GPU offers \d+\.$/,
    );
    device.close();
  });

  test("what a command does wrong is thrown by the next read", async () => {
    const device = await openDevice();
    const pool = bufferPool(device);
    const loaded = await executor(device, pool).load(
      { ...program, setup: [], main: [dispatch("double", 2, 3)] },
      kernels,
    );
    const read = await reader(device, pool);
    const x = await pool.acquire(bytes, "x");
    loaded.bind("data", "x", x);
    loaded.bind("accumulator", "y", x);
    loaded.run();
    assert.match(await failure(() => read(x, 4)), /^The GPU refused a command: /);
    device.close();
  });

  test("a limit on memory is kept, and named when it is reached", async () => {
    const device = await openDevice();
    const pool = bufferPool(device, { limit: 2 ** 20 });
    pool.release(await pool.acquire(600_000, "a"));
    const held = await pool.acquire(700_000, "b");
    const message = await failure(() => pool.acquire(400_000, "the weights of block 3"));
    assert.match(
      message,
      /^No GPU memory for the weights of block 3: 683\.59 KiB are in use, 390\.63 KiB more are needed, 1 MiB are allowed\.$/,
    );
    assert.ok(pool.memory().peak <= 2 ** 20);
    assert.ok(held.size >= 700_000);
    pool.destroy();
    device.close();
  });

  // Where the adapter is the processor, its memory is the process's own.
  test("what is given up has left memory before anything new is made", async () => {
    const device = await openDevice();
    const pool = bufferPool(device);
    const first = await pool.acquire(2 ** 26, "a");
    pool.clear(first);
    await device.settle(device.queue.onSubmittedWorkDone());
    pool.release(first);
    const before = process.memoryUsage.rss();
    await pool.acquire(2 ** 25, "b");
    assert.is(pool.memory().total, 2 ** 25);
    if (device.facts.software) assert.ok(before - process.memoryUsage.rss() > 2 ** 25);
    pool.destroy();
    device.close();
  });

  test("where the GPU has no memory left, what waits makes room, and a shortage is named in bytes", async () => {
    const device = await openDevice();
    let left = 2 ** 20;
    const scarce: Device = {
      ...device,
      create: async (what, make) => {
        const made = await device.create(what, make);
        const buffer = made as GPUBuffer;
        const { size } = buffer;
        if (size > left) {
          buffer.destroy();
          throw new OutOfMemory("The GPU has too little memory.");
        }
        left -= size;
        const destroy = buffer.destroy.bind(buffer);
        buffer.destroy = () => {
          left += size;
          return destroy();
        };
        return made;
      },
    };
    const room = await roomOn(scarce, 2 ** 21);
    assert.ok(room <= left && room > 0.9 * left, `${room} bytes of ${left}`);
    assert.is(await roomOn(scarce, 600_000), 600_000);
    const pool = bufferPool(scarce);
    pool.release(await pool.acquire(600_000, "a"));
    const held = await pool.acquire(700_000, "b");
    const message = await failure(() => pool.acquire(400_000, "the weights of block 3"));
    const expected =
      /^No GPU memory for the weights of block 3: 683\.59 KiB are in use, 390\.63 KiB more are needed, and the GPU/;
    assert.match(message, expected);
    pool.release(held);
    pool.release(await pool.acquire(400_000, "the weights of block 3"));
    pool.destroy();
    device.close();
  });

  test(`the peak is that of what is held, whatever waits (seed ${seed})`, async () => {
    const device = await openDevice({ adapter: "null" });
    const pool = bufferPool(device);
    const random = randomOf("pool");
    const held: GPUBuffer[] = [];
    let most = 0;
    for (let step = 0; step < 500; step++) {
      const [given] = random.integer(0, 1) === 0 ? held.splice(random.integer(0, held.length - 1), 1) : [];
      if (given !== undefined) pool.release(given);
      else held.push(await pool.acquire(4 * random.integer(1, 4) ** 4, "a"));
      most = Math.max(most, sum(held.map(({ size }) => size)));
      assert.is(pool.memory().peak, most);
      assert.ok(pool.memory().total <= most);
    }
    pool.destroy();
    device.close();
  });
});
