/**
 * A value for each window. The values stay on the GPU while they fit, else in host memory; those that a step reads all at once lie
 * one after the other in one buffer. How many blocks the model has makes no difference.
 */
import { showBytes } from "../bytes.ts";
import type { BufferPool } from "../gpu/buffers.ts";
import { type Device, OutOfMemory } from "../gpu/device.ts";
import type { Piece, Readback } from "../gpu/readback.ts";
import type { Windows } from "../io/corpus.ts";
import { UserError } from "../user-error.ts";
import { type HostMemory, hostMemory } from "./host-memory.ts";
import { contentBytes, type SlotBuffer } from "./slots.ts";

/** For as long as a step reads windows. */
export interface WindowReader {
  /** A buffer that holds the value of a window until the next one is read. */
  readonly read: (window: number) => GPUBuffer;
  readonly close: () => void;
}

/** For as long as a step writes windows, in order. */
export interface WindowWriter {
  /** A buffer for the value of a window. */
  readonly next: (window: number) => Promise<GPUBuffer>;
  /** Keeps the value, whose commands are submitted. */
  readonly written: (window: number) => Promise<void>;
  readonly close: () => void;
}

export interface Stream {
  /** What all values take there. */
  readonly deviceBytes: number;
  readonly hostBytes: number;
  readonly reader: () => Promise<WindowReader>;
  readonly writer: () => Promise<WindowWriter>;
  /** All values in one buffer, if they were made for that. */
  readonly whole: GPUBuffer | null;
  /** The values without padding, one after the other. */
  readonly contents: () => AsyncGenerator<Piece>;
  /** Gives the value of a window back. */
  readonly drop: (window: number) => void;
  readonly release: () => void;
}

interface Surroundings {
  readonly device: Device;
  readonly pool: BufferPool;
  readonly readback: Readback;
  /** Bytes of windows that may stay on the GPU. */
  readonly activationMemory: number;
}

interface Asked {
  readonly count: number;
  /** What holds the value of one window. */
  readonly value: SlotBuffer;
  /** Bytes of the buffer in which all values are read at once; undefined: they are read window by window. */
  readonly whole: number | undefined;
  /** Streams whose windows go one by one as those of the new one come. */
  readonly replaced: readonly Stream[];
}

/** Makes streams, and decides for each where it lies. */
export type MakeStream = (asked: Asked) => Promise<Stream>;

/** There are none at first. */
export function streams(at: Surroundings): MakeStream {
  const memory = hostMemory();
  const live = new Set<Stream>();
  const choose = async ({ count, value, whole, replaced }: Asked): Promise<Stream> => {
    if (whole !== undefined) return gathered(at, count, value, whole);
    const others = [...live].filter((stream) => !replaced.includes(stream));
    const held = others.reduce((sum, { deviceBytes }) => sum + deviceBytes, 0);
    const isReplacing = replaced.some(({ deviceBytes }) => deviceBytes > 0);
    const fits = held + (count + 1) * value.bytes <= at.activationMemory;
    if (fits && (await hasRoom(at.pool, isReplacing ? 1 : count + 1, value.bytes))) return onDevice(at, count, value);
    const needed = count * value.bytes;
    requireMemory(count, needed - replaced.reduce((sum, { hostBytes }) => sum + hostBytes, 0));
    return onHost(at, needed, value, memory);
  };
  return async (asked) => {
    const made = await choose(asked);
    const stream = {
      ...made,
      release: () => {
        live.delete(stream);
        made.release();
      },
    };
    live.add(stream);
    return stream;
  };
}

/** Whether the GPU has so many buffers; they wait in the pool. */
async function hasRoom(pool: BufferPool, count: number, bytes: number): Promise<boolean> {
  const buffers: GPUBuffer[] = [];
  try {
    while (buffers.length < count) buffers.push(await pool.acquire(bytes, what));
    return true;
  } catch (error) {
    if (!(error instanceof OutOfMemory)) throw error;
    return false;
  } finally {
    for (const buffer of buffers) pool.release(buffer);
  }
}

function requireMemory(count: number, needed: number): void {
  const available = process.availableMemory();
  if (needed > available)
    throw new UserError(
      `the activations of ${count} windows take ${showBytes(needed)}, and ${showBytes(available)} of memory are available; use fewer or shorter windows`,
    );
}

const what = "the activations";

function onDevice({ pool, readback }: Surroundings, count: number, { slot, bytes }: SlotBuffer): Stream {
  const buffers = new Map<number, GPUBuffer>();
  const bufferOf = (window: number): GPUBuffer => buffers.get(window) ?? missing(window);
  const drop = (window: number): void => {
    const buffer = buffers.get(window);
    if (buffer !== undefined) pool.release(buffer);
    buffers.delete(window);
  };
  return {
    deviceBytes: count * bytes,
    hostBytes: 0,
    whole: null,
    reader: async () => ({ read: bufferOf, close: () => undefined }),
    writer: async () => ({
      next: async (window) => {
        const buffer = await pool.acquire(bytes, what);
        buffers.set(window, buffer);
        return buffer;
      },
      written: async () => undefined,
      close: () => undefined,
    }),
    contents: () => rowOf([...buffers.values()].map((buffer) => readback.pieces(buffer, contentBytes(slot)))),
    drop,
    release: () => {
      for (const window of buffers.keys()) drop(window);
    },
  };
}

function onHost(
  { pool, readback }: Surroundings,
  hostBytes: number,
  { slot, bytes }: SlotBuffer,
  memory: HostMemory,
): Stream {
  const values = new Map<number, Uint8Array<ArrayBuffer>>();
  const valueAt = (window: number): Uint8Array<ArrayBuffer> => values.get(window) ?? missing(window);
  const drop = (window: number): void => {
    const value = values.get(window);
    if (value !== undefined) memory.give(value);
    values.delete(window);
  };
  return {
    deviceBytes: 0,
    hostBytes,
    whole: null,
    reader: async () => {
      const staging = await pool.acquire(bytes, what);
      const read = (window: number): GPUBuffer => {
        pool.upload(staging, valueAt(window));
        return staging;
      };
      return { read, close: () => pool.release(staging) };
    },
    writer: async () => {
      const staging = await pool.acquire(bytes, what);
      const written = async (window: number): Promise<void> => {
        const value = memory.take(bytes);
        values.set(window, value);
        for await (const { piece, at } of readback.pieces(staging, bytes)) value.set(piece, at);
      };
      return { next: async () => staging, written, close: () => pool.release(staging) };
    },
    contents: () =>
      rowOf([...values.values()].map((value) => [{ piece: value.subarray(0, contentBytes(slot)), at: 0 }])),
    drop,
    release: () => {
      for (const window of values.keys()) drop(window);
    },
  };
}

/** All windows in one buffer of at least `room` bytes. */
async function gathered(at: Surroundings, count: number, { slot, bytes }: SlotBuffer, room: number): Promise<Stream> {
  const { pool, readback } = at;
  const each = contentBytes(slot);
  if (each % 4 !== 0) throw new Error(`windows of ${slot.name} have ${each} bytes and cannot be read at once`);
  const whole = await pool.acquire(Math.max(room, count * each), "the results of all windows");
  return {
    deviceBytes: 0,
    hostBytes: 0,
    whole,
    reader: async () => {
      const staging = await pool.acquire(bytes, "the results of a window");
      const read = (window: number): GPUBuffer => {
        copy(at.device, { buffer: whole, offset: window * each }, { buffer: staging, offset: 0 }, each);
        return staging;
      };
      return { read, close: () => pool.release(staging) };
    },
    writer: async () => {
      const staging = await pool.acquire(bytes, "the results of a window");
      const written = async (window: number): Promise<void> =>
        copy(at.device, { buffer: staging, offset: 0 }, { buffer: whole, offset: window * each }, each);
      return { next: async () => staging, written, close: () => pool.release(staging) };
    },
    contents: () => readback.pieces(whole, count * each),
    drop: () => undefined,
    release: () => pool.release(whole),
  };
}

interface Place {
  readonly buffer: GPUBuffer;
  readonly offset: number;
}

function copy({ device, queue }: Device, from: Place, to: Place, bytes: number): void {
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, bytes);
  queue.submit([encoder.finish()]);
}

/** The pieces of values, as those of one row. */
async function* rowOf(values: readonly (Iterable<Piece> | AsyncIterable<Piece>)[]): AsyncGenerator<Piece> {
  let start = 0;
  for (const pieces of values) {
    let end = start;
    for await (const { piece, at } of pieces) {
      yield { piece, at: start + at };
      end += piece.byteLength;
    }
    start = end;
  }
}

/** The token ids of windows, sent as they are read. */
export async function tokenReader(pool: BufferPool, { at }: Windows, bytes: number): Promise<WindowReader> {
  const buffer = await pool.acquire(bytes, "a window of tokens");
  const read = (window: number): GPUBuffer => {
    pool.upload(buffer, new Int32Array(at(window)));
    return buffer;
  };
  return { read, close: () => pool.release(buffer) };
}

function missing(window: number): never {
  throw new Error(`nothing holds window ${window}`);
}
