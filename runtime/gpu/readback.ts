/** Reads results back in pieces, through one staging buffer and into memory that is used again: garbage would count as peak. */
import { pieceBytes } from "../../compiler/plan/slots.ts";
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
}

/** Takes its memory, here and on the GPU, once for all. */
export async function readback({ device, queue, settle }: Device, pool: BufferPool): Promise<Readback> {
  const staging = await pool.acquire(pieceBytes, "a copy of results", bufferUsage.MAP_READ | bufferUsage.COPY_DST);
  const memory = new Uint8Array(pieceBytes);
  async function* pieces(buffer: GPUBuffer, bytes: number): AsyncGenerator<Piece> {
    for (let at = 0; at < bytes; at += pieceBytes) {
      const piece = memory.subarray(0, Math.min(pieceBytes, bytes - at));
      const padded = Math.ceil(piece.byteLength / 4) * 4;
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, at, staging, 0, padded);
      queue.submit([encoder.finish()]);
      await settle(staging.mapAsync(mapMode.READ, 0, padded));
      piece.set(new Uint8Array(staging.getMappedRange(0, padded)).subarray(0, piece.byteLength));
      staging.unmap();
      yield { piece, at };
    }
  }
  return { pieces };
}
