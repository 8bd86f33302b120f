/** GPU memory: a pool of buffers by size. Every buffer can be bound, copied from and copied to. */
import { UserError } from "../user-error.ts";
import { bufferUsage, type Device } from "./device.ts";
import { type Transfer, transfer } from "./transfer.ts";

export interface BufferPool extends Transfer {
  /** A buffer of at least `bytes`, whose content is arbitrary; `what` names it in the message when there is no memory. */
  readonly acquire: (bytes: number, what: string) => Promise<GPUBuffer>;
  /** Gives a buffer back; commands that are already submitted may still use it. */
  readonly release: (buffer: GPUBuffer) => void;
  /** Frees what nobody holds. */
  readonly trim: () => void;
  /** Frees everything. */
  readonly destroy: () => void;
  readonly memory: () => Memory;
}

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
  const allocate = async (size: number, what: string): Promise<GPUBuffer> => {
    if (total + size > limit) trim();
    if (total + size > limit) throw new UserError(`${what} does not fit: ${shortage(used, size, limit)}.`);
    // Counted first, since others may ask while this waits.
    total += size;
    peak = Math.max(peak, total);
    const usage = bufferUsage.STORAGE | bufferUsage.COPY_SRC | bufferUsage.COPY_DST;
    try {
      return await device.create(what, () => device.device.createBuffer({ size, usage, label: what }));
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
    ...transfer(device),
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
  const [inUse, more, allowed] = [used, size, limit].map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`);
  return `${inUse} of GPU memory are in use, ${more} more are needed, ${allowed} are allowed`;
}
