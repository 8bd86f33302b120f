import * as assert from "uvu/assert";
import { bufferPool } from "../../runtime/gpu/buffers.ts";
import { openDevice } from "../../runtime/gpu/device.ts";
import { readback } from "../../runtime/gpu/readback.ts";
import { hostMemory } from "../../runtime/store/host-memory.ts";
import { temporaryFolder } from "../../runtime/store/store-folder.ts";
import { makeStream, type Stream } from "../../runtime/store/streams.ts";
import { reader } from "../gpu/read.ts";
import { suite } from "../harness/suite.ts";

const bytes = 1024;
const count = 8;
const slot = { name: "x", role: "output", dtype: "f32", dims: [{ name: "token", size: bytes / 4 }] } as const;
const asked = { count, value: { slot, bytes }, whole: undefined, place: "gpu" as const };
const numbersOf = (window: number): Float32Array<ArrayBuffer> => new Float32Array(bytes / 4).fill(window + 0.5);

async function open() {
  const device = await openDevice();
  const pool = bufferPool(device);
  const back = await readback(device, pool);
  const read = await reader(device, pool);
  const at = { device, pool, readback: back, hostMemory: hostMemory() };
  const fill = async (stream: Stream): Promise<void> => {
    const writer = await stream.writer();
    for (let window = 0; window < count; window++) {
      pool.upload(await writer.next(window), numbersOf(window));
      await writer.written(window);
    }
    await writer.close();
  };
  const close = (): void => {
    pool.destroy();
    device.close();
  };
  return { pool, at, read, before: pool.memory().used, fill, close };
}

suite("store: streams", ({ test }) => {
  test(
    "values that end inside of a byte do not follow each other",
    async () => {
      const { at, close } = await open();
      const packed = { ...slot, dtype: "u4", dims: [{ name: "token", size: 3 }] } as const;
      const error = await makeStream(at, { ...asked, value: { slot: packed, bytes: 4 } }).catch(
        (reason: unknown) => reason,
      );
      assert.match(String(error), /windows of x have 12 bits/);
      close();
    },
    "swiftshader",
  );

  test(
    "values that replace others window by window take one buffer more on the GPU, and none once all are gone",
    async () => {
      const { pool, at, before, fill, close } = await open();
      const old = await makeStream(at, asked);
      await fill(old);
      const next = await makeStream(at, asked);
      const writer = await next.writer();
      for (let window = 0; window < count; window++) {
        await writer.next(window);
        old.drop(window);
      }
      assert.is(pool.memory().peak - before, (count + 1) * bytes);
      next.release();
      assert.is(pool.memory().used, before);
      close();
    },
    "swiftshader",
  );

  for (const [where, place, whole] of [
    ["on the GPU", "gpu", undefined],
    ["in host memory", "host", undefined],
    ["on disk", "disk", undefined],
    ["in one buffer", "gpu", count * bytes],
  ] as const)
    test(
      `what is written ${where} is read again, window by window and as a row`,
      async () => {
        const { pool, at, read, before, fill, close } = await open();
        const files = temporaryFolder();
        const create = () => files.create({ name: "x", dtype: "F32", shape: [count, bytes / 4] });
        const onDisk = { found: null, create };
        const stream = await makeStream(at, { ...asked, whole, place: place === "disk" ? onDisk : place });
        await fill(stream);
        assert.is(stream.whole !== null, whole !== undefined);
        const windows = await stream.reader();
        for (const window of [3, 0, 7])
          assert.equal(new Float32Array(await read(await windows.read(window), bytes)), numbersOf(window));
        windows.close();
        const row = new Uint8Array(count * bytes);
        for await (const { piece, at } of stream.contents()) row.set(piece, at);
        assert.equal(
          [...new Float32Array(row.buffer)],
          Array.from({ length: count }, (_, i) => [...numbersOf(i)]).flat(),
        );
        stream.release();
        assert.is(pool.memory().used, before);
        files.close();
        close();
      },
      "swiftshader",
    );

  test("what waits in host memory is used again, and given up where other sizes need the room", () => {
    const { take, give } = hostMemory();
    take(4);
    const first = take(8);
    give(first);
    assert.ok(take(8) === first);
    give(first);
    give(take(6));
    assert.not.ok(take(8) === first);
  });
});
