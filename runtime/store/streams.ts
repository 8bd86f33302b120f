/**
 * A value for each window. The values lie on the GPU, in host memory or on disk, as the plan says; those that a step reads all at once lie one
 * after the other in one buffer. How many blocks the model has makes no difference.
 */
import { contentBits, contentBytes, type SlotBuffer } from "../../compiler/plan/slots.ts";
import type { BufferPool } from "../gpu/buffers.ts";
import type { Device } from "../gpu/device.ts";
import type { Piece, Readback } from "../gpu/readback.ts";
import type { Windows } from "../io/corpus.ts";
import type { Content, ContentWriter } from "./contents.ts";
import type { HostMemory } from "./host-memory.ts";
import { type OutputSource, sendPieces } from "./send-tensor.ts";

/** For as long as a step reads windows. */
export interface WindowReader {
  /** A buffer that holds the value of a window until the next one is read. */
  readonly read: (window: number) => Promise<GPUBuffer>;
  readonly close: () => void;
}

/** For as long as a step writes windows, in order. */
export interface WindowWriter {
  /** A buffer for the value of a window. */
  readonly next: (window: number) => Promise<GPUBuffer>;
  /** Keeps the value, whose commands are submitted. */
  readonly written: (window: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface Stream {
  readonly reader: () => Promise<WindowReader>;
  readonly writer: () => Promise<WindowWriter>;
  /** All values in one buffer, if they were made for that. */
  readonly whole: GPUBuffer | null;
  /** All values in one file, if they were written there. */
  readonly content: () => Content | null;
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
  readonly hostMemory: HostMemory;
}

interface Asked {
  readonly count: number;
  /** What holds the value of one window. */
  readonly value: SlotBuffer;
  /** Bytes of the buffer in which all values are read at once; undefined: they are read window by window. */
  readonly whole: number | undefined;
  /** Where values lie that are read window by window. */
  readonly place: "gpu" | "host" | OnDisk;
}

/** A file that is there, or how one is made. */
interface OnDisk {
  readonly found: OutputSource | null;
  readonly create: () => Promise<ContentWriter>;
}

/** Memory for a value for each window. */
export async function makeStream(at: Surroundings, { count, value, whole, place }: Asked): Promise<Stream> {
  const bits = contentBits(value.slot);
  if (bits % 8 !== 0) throw new Error(`windows of ${value.slot.name} have ${bits} bits and cannot follow each other`);
  if (whole !== undefined) return gathered(at, count, value, whole);
  if (place === "gpu") return onDevice(at, value);
  return place === "host" ? onHost(at, value) : onDisk(at, value, place);
}

const what = "the activations";
const nothingElse = { whole: null, content: () => null };

function onDevice({ pool, readback }: Surroundings, { slot, bytes }: SlotBuffer): Stream {
  const buffers = new Map<number, GPUBuffer>();
  const bufferOf = (window: number): GPUBuffer => buffers.get(window) ?? missing(window);
  const drop = (window: number): void => {
    const buffer = buffers.get(window);
    if (buffer !== undefined) pool.release(buffer);
    buffers.delete(window);
  };
  return {
    ...nothingElse,
    reader: async () => ({ read: async (window) => bufferOf(window), close: () => undefined }),
    writer: async () => ({
      next: async (window) => {
        const buffer = await pool.acquire(bytes, what);
        buffers.set(window, buffer);
        return buffer;
      },
      written: async () => undefined,
      close: async () => undefined,
    }),
    contents: () => rowOf([...buffers.values()].map((buffer) => readback.pieces(buffer, contentBytes(slot)))),
    drop,
    release: () => {
      for (const window of buffers.keys()) drop(window);
    },
  };
}

function onHost({ pool, readback, hostMemory }: Surroundings, { slot, bytes }: SlotBuffer): Stream {
  const values = new Map<number, Uint8Array<ArrayBuffer>>();
  const valueAt = (window: number): Uint8Array<ArrayBuffer> => values.get(window) ?? missing(window);
  const drop = (window: number): void => {
    const value = values.get(window);
    if (value !== undefined) hostMemory.give(value);
    values.delete(window);
  };
  return {
    ...nothingElse,
    reader: async () => {
      const staging = await pool.acquire(bytes, what);
      const read = async (window: number): Promise<GPUBuffer> => {
        pool.upload(staging, valueAt(window));
        return staging;
      };
      return { read, close: () => pool.release(staging) };
    },
    writer: async () => {
      const staging = await pool.acquire(bytes, what);
      const written = async (window: number): Promise<void> => {
        const value = hostMemory.take(bytes);
        values.set(window, value);
        for await (const { piece, at } of readback.pieces(staging, bytes)) value.set(piece, at);
      };
      return { next: async () => staging, written, close: async () => pool.release(staging) };
    },
    contents: () =>
      rowOf([...values.values()].map((value) => [{ piece: value.subarray(0, contentBytes(slot)), at: 0 }])),
    drop,
    release: () => {
      for (const window of values.keys()) drop(window);
    },
  };
}

/** All windows in one file, from which they are read as long as it is needed. */
function onDisk({ pool, readback }: Surroundings, { slot, bytes }: SlotBuffer, { found, create }: OnDisk): Stream {
  const each = contentBytes(slot);
  let file: ContentWriter | null = null;
  let content: Content | null = null;
  const complete = (): OutputSource => content?.tensor ?? found ?? missing(0);
  return {
    whole: null,
    content: () => content,
    reader: async () => {
      const staging = await pool.acquire(bytes, what);
      const read = async (window: number): Promise<GPUBuffer> => {
        const start = window * each;
        await sendPieces(pool, complete().pieces(start, start + each), staging, -start);
        return staging;
      };
      return { read, close: () => pool.release(staging) };
    },
    writer: async () => {
      const [staging, made] = [await pool.acquire(bytes, what), await create()];
      file = made;
      const written = async (): Promise<void> => {
        for await (const { piece } of readback.pieces(staging, each)) await made.write(piece);
      };
      const close = async (): Promise<void> => {
        pool.release(staging);
        content = await made.finish();
        file = null;
      };
      return { next: async () => staging, written, close };
    },
    contents: () => complete().pieces(),
    drop: () => undefined,
    release: () => void file?.abandon(),
  };
}

/** All windows in one buffer of at least `room` bytes. */
async function gathered(at: Surroundings, count: number, { slot, bytes }: SlotBuffer, room: number): Promise<Stream> {
  const { pool, readback } = at;
  const each = contentBytes(slot);
  if (each % 4 !== 0) throw new Error(`windows of ${slot.name} have ${each} bytes and cannot be read at once`);
  const whole = await pool.acquire(Math.max(room, count * each), "the results of all windows");
  return {
    whole,
    content: () => null,
    reader: async () => {
      const staging = await pool.acquire(bytes, "the results of a window");
      const read = async (window: number): Promise<GPUBuffer> => {
        copy(at.device, { buffer: whole, offset: window * each }, { buffer: staging, offset: 0 }, each);
        return staging;
      };
      return { read, close: () => pool.release(staging) };
    },
    writer: async () => {
      const staging = await pool.acquire(bytes, "the results of a window");
      const written = async (window: number): Promise<void> =>
        copy(at.device, { buffer: staging, offset: 0 }, { buffer: whole, offset: window * each }, each);
      return { next: async () => staging, written, close: async () => pool.release(staging) };
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
  const read = async (window: number): Promise<GPUBuffer> => {
    pool.upload(buffer, new Int32Array(at(window)));
    return buffer;
  };
  return { read, close: () => pool.release(buffer) };
}

function missing(window: number): never {
  throw new Error(`nothing holds window ${window}`);
}
