/** Reads results back in pieces, through one staging buffer and into memory that is used again: garbage would count as peak. */
import { pieceBytes } from "../bytes.ts";
import type { BufferPool } from "./buffers.ts";
import { bufferUsage, type Device, mapMode } from "./device.ts";

/** Bytes of a longer row, from the byte `at` on; overwritten by the next piece. */
export interface Piece {
  readonly piece: Uint8Array<ArrayBuffer>;
  readonly at: number;
}

export interface Readback {
  /** The first `bytes` bytes of a buffer, in order. */
  readonly pieces: (buffer: GPUBuffer, bytes: number) => AsyncGenerator<Piece>;
  readonly destroy: () => void;
}

/** Takes no memory before it is first used. */
export function readback({ device, queue, settle }: Device, { create }: BufferPool): Readback {
  let staging: GPUBuffer | undefined;
  let memory = new Uint8Array(0);
  const grow = async (bytes: number): Promise<GPUBuffer> => {
    const size = Math.ceil(Math.min(bytes, pieceBytes) / 4) * 4;
    if (staging !== undefined && staging.size >= size) return staging;
    staging?.destroy();
    const usage = bufferUsage.MAP_READ | bufferUsage.COPY_DST;
    staging = await create(size, usage, "a copy of the results");
    memory = new Uint8Array(size);
    return staging;
  };
  return {
    pieces: async function* (buffer, bytes) {
      const copy = await grow(bytes);
      for (let at = 0; at < bytes; at += pieceBytes) {
        const piece = memory.subarray(0, Math.min(pieceBytes, bytes - at));
        const padded = Math.ceil(piece.byteLength / 4) * 4;
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(buffer, at, copy, 0, padded);
        queue.submit([encoder.finish()]);
        await settle(copy.mapAsync(mapMode.READ, 0, padded));
        piece.set(new Uint8Array(copy.getMappedRange(0, padded)).subarray(0, piece.byteLength));
        copy.unmap();
        yield { piece, at };
      }
    },
    destroy: () => staging?.destroy(),
  };
}
