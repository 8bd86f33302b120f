/** How much memory a GPU has: WebGPU does not tell, so that it is taken and given back. */
import { bufferPool } from "./buffers.ts";
import { type Device, OutOfMemory } from "./device.ts";

/** In so many pieces the memory is taken: what is found is that much too little at most. */
const pieces = 64;

/** The most bytes of a piece, which every device allows. */
const largestPiece = 2 ** 28;

/** How many of these bytes the GPU has room for. */
export async function roomOn(device: Device, wanted: number): Promise<number> {
  const pool = bufferPool(device);
  const piece = Math.min(largestPiece, 4 * Math.ceil(wanted / pieces / 4));
  try {
    while (pool.memory().used < wanted) await pool.acquire(piece, "a look at how much there is");
    return wanted;
  } catch (error) {
    if (!(error instanceof OutOfMemory)) throw error;
    return pool.memory().used;
  } finally {
    pool.destroy();
  }
}
