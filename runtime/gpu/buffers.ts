/**
 * GPU memory: a pool of buffers by size. Every buffer can be bound, copied from and copied to. What waits in the pool makes room
 * where there is none.
 */
import { bufferUsage, type Device, OutOfMemory } from "./device.ts";
import { type Transfer, transfer } from "./transfer.ts";

export interface BufferPool extends Transfer {
  /** A buffer of at least `bytes`, whose content is arbitrary; `what` names it in the message when there is no memory. */
  readonly acquire: (bytes: number, what: string) => Promise<GPUBuffer>;
  /** A buffer outside the pool, for the caller to destroy. */
  readonly create: Create;
  /** Gives a buffer back; commands that are already submitted may still use it. */
  readonly release: (buffer: GPUBuffer) => void;
  /** Frees what nobody holds. */
  readonly trim: () => void;
  /** Frees everything. */
  readonly destroy: () => void;
  readonly memory: () => Memory;
}

/** Makes a buffer of `size` bytes. */
export type Create = (size: number, usage: number, what: string) => Promise<GPUBuffer>;

/** In bytes, as allocated: whole size classes. */
export interface Memory {
  /** Held by somebody. */
  readonly used: number;
  /** On the GPU, whether held or waiting. */
  readonly total: number;
  readonly peak: number;
}

export interface PoolOptions {
  /** Bytes on the GPU at any time; what would exceed them is refused. */
  readonly limit?: number;
}

const usage = bufferUsage.STORAGE | bufferUsage.COPY_SRC | bufferUsage.COPY_DST;

/** A pool on an open device, empty at first. */
export function bufferPool(device: Device, { limit = Infinity }: PoolOptions = {}): BufferPool {
  const waiting = new Map<number, GPUBuffer[]>();
  const held = new Set<GPUBuffer>();
  let used = 0;
  let total = 0;
  let peak = 0;

  const trim = (): void => {
    for (const buffer of [...waiting.values()].flat()) {
      total -= buffer.size;
      buffer.destroy();
    }
    waiting.clear();
  };
  const attempt: Create = async (size, usage, what) => {
    if (total > limit) throw new OutOfMemory(`${what} is beyond the limit.`);
    return device.create(what, () => device.device.createBuffer({ size, usage, label: what }));
  };
  const create: Create = async (size, usage, what) => {
    try {
      return await attempt(size, usage, what).catch(async (error: unknown) => {
        if (!(error instanceof OutOfMemory)) throw error;
        trim();
        // What is destroyed takes memory as long as commands use it.
        await device.settle(device.queue.onSubmittedWorkDone());
        return attempt(size, usage, what);
      });
    } catch (error) {
      if (!(error instanceof OutOfMemory)) throw error;
      throw new OutOfMemory(`No GPU memory for ${what}: ${shortage(used, size, limit)}.`);
    }
  };
  const allocate = async (size: number, what: string): Promise<GPUBuffer> => {
    // Counted first, since others may ask while this waits.
    total += size;
    try {
      const buffer = await create(size, usage, what);
      peak = Math.max(peak, total);
      return buffer;
    } catch (error) {
      total -= size;
      throw error;
    }
  };

  return {
    acquire: async (bytes, what) => {
      const size = sizeClass(bytes, device.facts.maxBufferSize);
      const buffer = waiting.get(size)?.pop() ?? (await allocate(size, what));
      held.add(buffer);
      used += buffer.size;
      return buffer;
    },
    release: (buffer) => {
      if (!held.delete(buffer)) throw new Error("a buffer was released that is not held");
      used -= buffer.size;
      const same = waiting.get(buffer.size);
      if (same === undefined) waiting.set(buffer.size, [buffer]);
      else same.push(buffer);
    },
    create,
    ...transfer(device, create),
    trim,
    destroy: () => {
      trim();
      for (const buffer of held) buffer.destroy();
      held.clear();
      used = 0;
      total = 0;
    },
    memory: () => ({ used, total, peak }),
  };
}

/** The next size in steps of an eighth of a power of two, at least 256 bytes, so that sizes meet again and little is wasted. */
function sizeClass(bytes: number, largest: number): number {
  const step = Math.max(256, 2 ** (Math.floor(Math.log2(Math.max(bytes, 1))) - 3));
  const size = Math.ceil(Math.max(bytes, 1) / step) * step;
  return bytes <= largest ? Math.min(size, largest) : size;
}

function shortage(used: number, size: number, limit: number): string {
  const most = limit === Infinity ? "and the GPU has no more" : `${show(limit)} are allowed`;
  return `${show(used)} are in use, ${show(size)} more are needed, ${most}`;
}

const show = (bytes: number): string =>
  bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
