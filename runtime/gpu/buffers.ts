/**
 * GPU memory: a pool of buffers. What nobody holds waits to be used again, but
 * only as long as all buffers together take no more than what has been held at once: the peak is that of what is held.
 */
import { showBytes } from "../../compiler/plan/bytes.ts";
import { bufferUsage, type Device, OutOfMemory } from "./device.ts";
import { type Transfer, transfer } from "./transfer.ts";

export interface BufferPool extends Transfer {
  /**
   * A buffer of `bytes` bytes, whose content is arbitrary, to be bound, copied from and copied to unless another usage is asked for;
   * `what` names it in the message when there is no memory.
   */
  readonly acquire: (bytes: number, what: string, usage?: number) => Promise<GPUBuffer>;
  /** Gives a buffer back; commands that are already submitted may still use it. */
  readonly release: (buffer: GPUBuffer) => void;
  /** Frees everything. */
  readonly destroy: () => void;
  readonly memory: () => Memory;
}

/** In bytes. */
export interface Memory {
  /** Held by somebody. */
  readonly used: number;
  /** On the GPU, whether held or waiting. */
  readonly total: number;
  /** The most that has been on the GPU, which is the most that has been held. */
  readonly peak: number;
}

export interface PoolOptions {
  /** Bytes on the GPU at any time; what would exceed them is refused. */
  readonly limit?: number;
}

const storage = bufferUsage.STORAGE | bufferUsage.COPY_SRC | bufferUsage.COPY_DST;

/** A pool on an open device, empty at first. */
export function bufferPool(device: Device, { limit = Infinity }: PoolOptions = {}): BufferPool {
  /** The one that has waited longest first. */
  const waiting: GPUBuffer[] = [];
  const held = new Set<GPUBuffer>();
  let used = 0;
  let mostUsed = 0;
  let total = 0;
  let peak = 0;

  /** Frees what waits until no more than `most` bytes are on the GPU. */
  const trim = async (most: number): Promise<void> => {
    const before = total;
    while (total > most) {
      const oldest = waiting.shift();
      if (oldest === undefined) break;
      total -= oldest.size;
      oldest.destroy();
    }
    if (total < before) await freed(device);
  };
  const create = (size: number, usage: number, what: string): Promise<GPUBuffer> =>
    device.create(what, () => device.device.createBuffer({ size, usage, label: what }));
  const allocate = async (size: number, usage: number, what: string): Promise<GPUBuffer> => {
    total += size;
    try {
      await trim(Math.max(mostUsed, used));
      const buffer = await create(size, usage, what).catch(async (error: unknown) => {
        if (!(error instanceof OutOfMemory)) throw error;
        await trim(0);
        return create(size, usage, what);
      });
      peak = Math.max(peak, total);
      return buffer;
    } catch (error) {
      total -= size;
      throw error;
    }
  };

  return {
    acquire: async (bytes, what, usage = storage) => {
      // Counted first, since others may ask while this waits.
      used += bytes;
      try {
        if (used > limit) throw new OutOfMemory(`${what} is beyond the limit.`);
        const at = waiting.findLastIndex((buffer) => buffer.size === bytes && buffer.usage === usage);
        const buffer = waiting.splice(at, at === -1 ? 0 : 1)[0] ?? (await allocate(bytes, usage, what));
        held.add(buffer);
        mostUsed = Math.max(mostUsed, used);
        return buffer;
      } catch (error) {
        used -= bytes;
        throw error instanceof OutOfMemory ? shortage(what, used, bytes, limit) : error;
      }
    },
    release: (buffer) => {
      if (!held.delete(buffer)) throw new Error("a buffer was released that is not held");
      used -= buffer.size;
      waiting.push(buffer);
    },
    ...transfer(device),
    destroy: () => {
      for (const buffer of [...held, ...waiting.splice(0)]) buffer.destroy();
      held.clear();
      used = 0;
      total = 0;
    },
    memory: () => ({ used, total, peak }),
  };
}

/**
 * Waits until what is destroyed takes no memory any more: until the next submission has ended, which otherwise may be what the new
 * buffers are for. Dawn may tell of that end before it gives the memory back, but not of the end of another submission.
 */
async function freed({ queue, settle }: Device): Promise<void> {
  for (let submissions = 0; submissions < 2; submissions++) {
    queue.submit([]);
    await settle(queue.onSubmittedWorkDone());
  }
}

function shortage(what: string, used: number, size: number, limit: number): OutOfMemory {
  const most = used + size > limit ? `${showBytes(limit)} are allowed` : "and the GPU has no more";
  return new OutOfMemory(
    `No GPU memory for ${what}: ${showBytes(used)} are in use, ${showBytes(size)} more are needed, ${most}.`,
  );
}
