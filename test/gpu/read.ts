import type { BufferPool } from "../../runtime/gpu/buffers.ts";
import type { Device } from "../../runtime/gpu/device.ts";
import { readback } from "../../runtime/gpu/readback.ts";

/** Reads the first bytes of a buffer. */
export type Read = (buffer: GPUBuffer, bytes: number) => Promise<ArrayBuffer>;

export async function reader(device: Device, pool: BufferPool): Promise<Read> {
  const { pieces } = await readback(device, pool);
  return async (buffer, bytes) => {
    const copy = new Uint8Array(bytes);
    for await (const { piece, at } of pieces(buffer, bytes)) copy.set(piece, at);
    return copy.buffer;
  };
}
