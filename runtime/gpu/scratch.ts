/** Scratch memory of a program: buffers that do not live at the same time lie in the same memory. */
import type { Buffer, Program } from "../../compiler/plan/program.ts";
import type { BufferPool } from "./buffers.ts";

export interface Scratch {
  /** By the program's buffer id. */
  readonly buffers: ReadonlyMap<number, GPUBuffer>;
  /** Gives all of it back to the pool. */
  readonly release: () => void;
}

/** Memory for all buffers without a slot. What setup computes lives on, begins as zeros and shares with nothing. */
export async function placeScratch({ name, buffers }: Program, pool: BufferPool): Promise<Scratch> {
  const held: GPUBuffer[] = [];
  const take = async (bytes: number): Promise<GPUBuffer> => {
    const buffer = await pool.acquire(bytes, `the intermediate results of ${name}`);
    held.push(buffer);
    return buffer;
  };
  const release = (): void => {
    for (const buffer of held.splice(0)) pool.release(buffer);
  };
  const placed = new Map<number, GPUBuffer>();
  try {
    for (const region of share(buffers)) {
      const buffer = await take(region.bytes);
      for (const id of region.ids) placed.set(id, buffer);
    }
    for (const { id, bytes, slot, live } of buffers) {
      if (slot !== undefined || live !== undefined) continue;
      const buffer = await take(bytes);
      pool.clear(buffer);
      placed.set(id, buffer);
    }
  } catch (error) {
    release();
    throw error;
  }
  return { buffers: placed, release };
}

/** A piece of memory and the buffers that lie in it one after the other. */
interface Region {
  readonly bytes: number;
  readonly ids: readonly number[];
}

interface Open {
  bytes: number;
  busyTo: number;
  readonly ids: number[];
}

/** In order of their first use, each buffer goes to the free region that fits it best, growing the largest if none does. */
function share(buffers: readonly Buffer[]): readonly Region[] {
  const regions: Open[] = [];
  const scratch = buffers.flatMap(({ id, bytes, slot, live }) => (slot || !live ? [] : [{ id, bytes, ...live }]));
  scratch.sort((a, b) => a.from - b.from || b.bytes - a.bytes);
  for (const { id, bytes, from, to } of scratch) {
    const free = regions.filter(({ busyTo }) => busyTo < from).sort((a, b) => a.bytes - b.bytes);
    const region = free.find((candidate) => candidate.bytes >= bytes) ?? free.at(-1);
    if (region === undefined) {
      regions.push({ bytes, busyTo: to, ids: [id] });
      continue;
    }
    region.bytes = Math.max(region.bytes, bytes);
    region.busyTo = to;
    region.ids.push(id);
  }
  return regions;
}
