import * as assert from "uvu/assert";
import { bufferPool } from "../../runtime/gpu/buffers.ts";
import { openDevice } from "../../runtime/gpu/device.ts";
import { readback } from "../../runtime/gpu/readback.ts";
import { type Stream, streams } from "../../runtime/store/streams.ts";
import { suite } from "../harness/suite.ts";

const bytes = 1024;
const count = 8;
const slot = { name: "x", role: "output", dtype: "f32", dims: [{ name: "token", size: bytes / 4 }] } as const;
const asked = { count, value: { slot, bytes }, whole: undefined };
const numbersOf = (window: number): Float32Array<ArrayBuffer> => new Float32Array(bytes / 4).fill(window + 0.5);

async function open(activationMemory: number) {
  const device = await openDevice();
  const pool = bufferPool(device);
  const back = readback(device, pool);
  const make = streams({ device, pool, readback: back, activationMemory });
  const fill = async (stream: Stream): Promise<void> => {
    const writer = await stream.writer();
    for (let window = 0; window < count; window++) {
      pool.upload(await writer.next(window), numbersOf(window));
      await writer.written(window);
    }
    writer.close();
  };
  const close = (): void => {
    back.destroy();
    pool.destroy();
    device.close();
  };
  return { pool, make, fill, close };
}

suite("store: streams", ({ test }) => {
  test(
    "values that replace others window by window take one buffer more on the GPU, and none once all are gone",
    async () => {
      const { pool, make, fill, close } = await open(2 ** 30);
      const old = await make({ ...asked, replaced: [] });
      await fill(old);
      const next = await make({ ...asked, replaced: [old] });
      const writer = await next.writer();
      for (let window = 0; window < count; window++) {
        await writer.next(window);
        old.drop(window);
      }
      assert.is(pool.memory().peak, (count + 1) * bytes);
      next.release();
      assert.is(pool.memory().used, 0);
      close();
    },
    "swiftshader",
  );

  for (const [where, activationMemory, whole] of [
    ["on the GPU", 2 ** 30, undefined],
    ["in host memory", 0, undefined],
    ["in one buffer", 0, count * bytes],
  ] as const)
    test(
      `what is written ${where} is read again, window by window and as a row`,
      async () => {
        const { pool, make, fill, close } = await open(activationMemory);
        const stream = await make({ ...asked, whole, replaced: [] });
        await fill(stream);
        assert.is(stream.whole !== null, whole !== undefined);
        const reader = await stream.reader();
        for (const window of [3, 0, 7])
          assert.equal(new Float32Array(await pool.read(reader.read(window), bytes)), numbersOf(window));
        reader.close();
        const row = new Uint8Array(count * bytes);
        for await (const { piece, at } of stream.contents()) row.set(piece, at);
        assert.equal(
          [...new Float32Array(row.buffer)],
          Array.from({ length: count }, (_, i) => [...numbersOf(i)]).flat(),
        );
        stream.release();
        assert.is(pool.memory().used, 0);
        close();
      },
      "swiftshader",
    );
});
