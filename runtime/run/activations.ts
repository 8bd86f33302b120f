/**
 * What lies between two blocks: one activation per window. They stay on the GPU while they fit, else in host memory; how many
 * blocks the model has makes no difference.
 */
import { showBytes } from "../bytes.ts";
import { OutOfMemory } from "../gpu/device.ts";
import { UserError } from "../user-error.ts";
import type { Session } from "./session.ts";

export interface Activations {
  /** The first activations: `run` writes that of window `i`. */
  readonly fill: (run: (output: GPUBuffer, i: number) => void) => Promise<void>;
  /** `run` reads that of window `i`. */
  readonly visit: (run: (input: GPUBuffer, i: number) => void) => Promise<void>;
  /** `run` reads that of window `i` and writes what takes its place. */
  readonly advance: (run: (input: GPUBuffer, output: GPUBuffer, i: number) => void) => Promise<void>;
  readonly release: () => void;
}

/** Room for `count` activations of `bytes` bytes. */
export async function activations(session: Session, count: number, bytes: number): Promise<Activations> {
  if ((count + 1) * bytes > session.activationMemory) return onHost(session, count, bytes);
  try {
    return await onDevice(session, count, bytes);
  } catch (error) {
    if (!(error instanceof OutOfMemory)) throw error;
    return onHost(session, count, bytes);
  }
}

async function acquireAll({ pool }: Session, count: number, bytes: number): Promise<GPUBuffer[]> {
  const buffers: GPUBuffer[] = [];
  try {
    while (buffers.length < count) buffers.push(await pool.acquire(bytes, "the activations"));
  } catch (error) {
    for (const buffer of buffers) pool.release(buffer);
    throw error;
  }
  return buffers;
}

async function onDevice(session: Session, count: number, bytes: number): Promise<Activations> {
  const [spare, ...buffers] = (await acquireAll(session, count + 1, bytes)) as [GPUBuffer, ...GPUBuffer[]];
  let free = spare;
  const each = async (run: (buffer: GPUBuffer, i: number) => void): Promise<void> => {
    for (const [i, buffer] of buffers.entries()) {
      run(buffer, i);
      await session.pace();
    }
  };
  return {
    fill: each,
    visit: each,
    advance: (run) =>
      each((buffer, i) => {
        run(buffer, free, i);
        buffers[i] = free;
        free = buffer;
      }),
    release: () => {
      for (const buffer of [free, ...buffers]) session.pool.release(buffer);
    },
  };
}

async function onHost(session: Session, count: number, bytes: number): Promise<Activations> {
  const [needed, available] = [count * bytes, process.availableMemory()];
  if (needed > available)
    throw new UserError(
      `the activations of ${count} windows take ${showBytes(needed)}, and ${showBytes(available)} of memory are available; use fewer or shorter windows`,
    );
  const { pool, readback } = session;
  const [input, output] = (await acquireAll(session, 2, bytes)) as [GPUBuffer, GPUBuffer];
  const stored = Array.from({ length: count }, () => new Uint8Array(bytes));
  const each = async (run: (i: number) => void): Promise<void> => {
    for (const [i, activation] of stored.entries()) {
      pool.upload(input, activation);
      run(i);
      await session.pace();
    }
  };
  const keep = async (run: (i: number) => void): Promise<void> => {
    for (const [i, activation] of stored.entries()) {
      pool.upload(input, activation);
      run(i);
      await session.pace();
      for await (const { piece, at } of readback.pieces(output, bytes)) activation.set(piece, at);
    }
  };
  return {
    fill: (run) => keep((i) => run(output, i)),
    visit: (run) => each((i) => run(input, i)),
    advance: (run) => keep((i) => run(input, output, i)),
    release: () => {
      pool.release(input);
      pool.release(output);
    },
  };
}
