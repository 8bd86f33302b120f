/**
 * The artefacts of a run by reference, wherever they lie: given tensors and durable outputs in files, with a copy on the GPU while
 * steps use it; other outputs on the GPU; streams on the GPU or in host memory. Each leaves with its last reader.
 */
import {
  type CopyRef,
  isCopy,
  keyOf,
  type Lifetimes,
  lifetimes,
  type PlainRef,
} from "../../compiler/plan/lifetimes.ts";
import type { Plan, WindowsRecord } from "../../compiler/plan/plan.ts";
import type { Slot } from "../../compiler/plan/program.ts";
import { contentBytes, type SlotBuffer } from "../../compiler/plan/slots.ts";
import type { Ref } from "../../compiler/plan/step.ts";
import { fileType, slotType } from "../../compiler/plan/stored-types.ts";
import type { BufferPool } from "../gpu/buffers.ts";
import type { Device } from "../gpu/device.ts";
import type { Piece, Readback } from "../gpu/readback.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import { sample, type Windows, windows } from "../io/corpus.ts";
import type { OutputFolder } from "../io/output-folder.ts";
import { UserError } from "../user-error.ts";
import type { ContentWriter } from "./contents.ts";
import { type GivenTensors, givenTensors, type TensorHashes } from "./given-tensors.ts";
import { hostMemory } from "./host-memory.ts";
import { type StoreFolder, temporaryFolder } from "./store-folder.ts";
import { sendTensor, type TensorSource } from "./stored-tensors.ts";
import { makeStream, type Stream, tokenReader, type WindowReader, type WindowWriter } from "./streams.ts";

/** The token ids of a corpus, split by split. */
export type Tokens = Readonly<Partial<Record<WindowsRecord["split"], Int32Array>>>;

export interface StoreOptions {
  readonly device: Device;
  readonly pool: BufferPool;
  readonly readback: Readback;
  /** By the names that the plan gives them. */
  readonly models: ReadonlyMap<string, Checkpoint>;
  readonly corpora: ReadonlyMap<string, Tokens>;
  /** Beside which durable artefacts are written. */
  readonly output: OutputFolder | null;
  /** Where durable artefacts are written; by default, where nothing stays. */
  readonly folder?: StoreFolder;
}

/** What a step has made. */
type Made = Extract<Ref, { readonly step: number }>;

export interface Store {
  /** The whole artefact, in a buffer that a slot can be bound to. */
  readonly whole: (ref: Ref, slot: SlotBuffer) => Promise<GPUBuffer>;
  /** Its windows, for a slot. */
  readonly reader: (ref: Ref, slot: SlotBuffer) => Promise<WindowReader>;
  /** Memory for what a step makes; an accumulator's begins as neutral. */
  readonly make: (made: Made, slot: SlotBuffer) => Promise<GPUBuffer>;
  /** Memory for what a step makes of each of so many windows. */
  readonly writer: (made: Made, slot: SlotBuffer, count: number) => Promise<WindowWriter>;
  /** The elements of an artefact; of a stream, those of window 0, then those of window 1 … */
  readonly contents: (ref: Ref) => AsyncGenerator<Piece>;
  /** A file for a durable output, which is read from there once it has left the GPU. */
  readonly keep: (made: Made) => Promise<ContentWriter>;
  /** The number in a scalar. */
  readonly number: (ref: Ref) => Promise<number>;
  /** The content hashes of all given tensors that have been read. */
  readonly hashes: () => TensorHashes;
  /** A step needs a window no more. */
  readonly passed: (step: number, window: number) => void;
  /** A step is done. */
  readonly ended: (step: number) => void;
  readonly close: () => void;
}

interface Held {
  readonly slot: Slot;
  readonly buffer: GPUBuffer;
}

/** Where everything is, by key. */
interface Holdings extends StoreOptions, Lifetimes {
  readonly plan: Plan;
  readonly given: GivenTensors;
  readonly onDevice: Map<string, Held>;
  readonly inStreams: Map<string, Stream>;
  readonly inFiles: Map<string, TensorSource>;
  readonly decisions: Map<string, Promise<Int32Array>>;
  /** What was put together for the step at hand. */
  readonly copies: GPUBuffer[];
}

/** The store of one run, which holds what is given. */
export function openStore(plan: Plan, options: StoreOptions): Store {
  const [onDevice, inStreams, inFiles, decisions] = [new Map(), new Map(), new Map(), new Map()];
  const given = givenTensors(plan);
  const places = { given, onDevice, inStreams, inFiles, decisions, copies: [] };
  const at: Holdings = { ...options, ...lifetimes(plan), ...places, plan };
  const folder = options.folder ?? temporaryFolder();
  const surroundings = { ...options, hostMemory: hostMemory() };
  return {
    whole: (ref, slot) => whole(at, ref, slot),
    reader: (ref, slot) => reader(at, ref, slot),
    make: (made, slot) => make(at, made, slot),
    writer: async (made, value, count) => {
      const isOnHost = plan.steps[made.step]?.onHost.includes(made.output) ?? false;
      const stream = await makeStream(surroundings, { count, value, whole: at.wholes.get(keyOf(made)), isOnHost });
      inStreams.set(keyOf(made), stream);
      return stream.writer();
    },
    contents: async function* (ref) {
      yield* contents(at, await resolve(at, ref));
    },
    keep: (made) => keep(at, folder, made),
    number: (ref) => numberIn(at, ref),
    hashes: given.hashes,
    passed: (step, window) => {
      for (const stream of endingStreams(at, step)) stream.drop(window);
    },
    ended: (step) => {
      for (const buffer of at.copies.splice(0)) options.pool.release(buffer);
      for (const ref of at.endings[step] ?? []) release(at, keyOf(ref));
    },
    close: () => {
      if (options.folder === undefined) folder.close();
    },
  };
}

/** What the reference means once decisions are made. */
async function resolve(at: Holdings, ref: Ref): Promise<PlainRef> {
  if (isCopy(ref)) throw new Error("a copy is bound as a whole");
  if (!("pick" in ref)) return ref;
  const by = await resolve(at, ref.by);
  const decision = at.decisions.get(keyOf(by)) ?? integers(contents(at, by));
  at.decisions.set(keyOf(by), decision);
  const chosen = (await decision)[ref.at] ?? absent(`element ${ref.at} of ${keyOf(by)}`);
  return resolve(at, ref.pick[chosen] ?? absent(`choice ${chosen} by ${keyOf(by)}`));
}

async function integers(pieces: AsyncGenerator<Piece>): Promise<Int32Array> {
  const found: number[] = [];
  for await (const { piece } of pieces) for (const value of new Int32Array(piece.slice().buffer)) found.push(value);
  return Int32Array.from(found);
}

/** A given tensor, or what lies in the store's folder. */
function sourceOf({ models, given, inFiles }: Holdings, ref: PlainRef): TensorSource | undefined {
  if (!("tensor" in ref)) return inFiles.get(keyOf(ref));
  const tensor = models.get(ref.model)?.tensors.get(ref.tensor);
  if (tensor === undefined) throw new UserError(`the plan was made for another model: this one has no ${ref.tensor}`);
  return { ...tensor, pieces: () => given.pieces(ref.model, tensor) };
}

function contents(at: Holdings, ref: PlainRef): AsyncGenerator<Piece> {
  const key = keyOf(ref);
  const held = at.onDevice.get(key);
  if (held !== undefined) return at.readback.pieces(held.buffer, contentBytes(held.slot));
  return at.inStreams.get(key)?.contents() ?? (sourceOf(at, ref) ?? absent(key)).pieces();
}

async function whole(at: Holdings, ref: Ref, slot: SlotBuffer): Promise<GPUBuffer> {
  if (isCopy(ref)) return copied(at, ref, slot);
  const plain = await resolve(at, ref);
  const key = keyOf(plain);
  const known = at.onDevice.get(key)?.buffer ?? at.inStreams.get(key)?.whole;
  if (known) return known;
  const buffer = await sendTensor(at.pool, sourceOf(at, plain) ?? absent(key), slot);
  at.onDevice.set(key, { slot: slot.slot, buffer });
  return buffer;
}

/** Elements of artefacts that are on the GPU, in memory of their own until the step ends. */
async function copied(at: Holdings, ref: CopyRef, { slot, bytes }: SlotBuffer): Promise<GPUBuffer> {
  const { device, pool, copies } = at;
  const buffer = await pool.acquire(bytes, `${slot.name}, put together`);
  copies.push(buffer);
  const parts = "stack" in ref ? ref.stack : [ref.of];
  const length = contentBytes(slot) / parts.length;
  const encoder = device.device.createCommandEncoder();
  for (const [i, part] of parts.entries()) {
    const key = keyOf(await resolve(at, part));
    const source = at.onDevice.get(key)?.buffer ?? at.inStreams.get(key)?.whole ?? absent(`${key} on the GPU`);
    encoder.copyBufferToBuffer(source, "element" in ref ? ref.element * length : 0, buffer, i * length, length);
  }
  device.queue.submit([encoder.finish()]);
  return buffer;
}

async function reader(at: Holdings, ref: Ref, { bytes }: SlotBuffer): Promise<WindowReader> {
  const plain = await resolve(at, ref);
  if (!("windows" in plain)) return (at.inStreams.get(keyOf(plain)) ?? absent(keyOf(plain))).reader();
  const record = at.plan.windows[plain.windows] ?? absent(keyOf(plain));
  return tokenReader(at.pool, chooseWindows(record, at.corpora), bytes);
}

function chooseWindows(
  { corpus, split, length, count, seed }: WindowsRecord,
  corpora: StoreOptions["corpora"],
): Windows {
  const tokens = corpora.get(corpus)?.[split];
  if (tokens === undefined) throw new Error(`the run was given no ${corpus}.${split}`);
  const text = { path: `${corpus}.${split}`, tokens };
  return seed === null ? windows(text, length, count) : sample(text, count, length, seed);
}

async function make(at: Holdings, made: Made, { slot, bytes }: SlotBuffer): Promise<GPUBuffer> {
  const size = Math.max(bytes, at.wholes.get(keyOf(made)) ?? 0);
  const buffer = await at.pool.acquire(size, `${slot.name} of ${at.plan.steps[made.step]?.program}`);
  at.onDevice.set(keyOf(made), { slot, buffer });
  if (slot.role === "accumulator") makeNeutral(at.pool, slot, buffer, bytes);
  return buffer;
}

const infinities: Readonly<Record<NonNullable<Slot["accumulate"]>, number>> = { sum: 0, max: -Infinity, min: Infinity };
const extremes: typeof infinities = { sum: 0, max: -(2 ** 31), min: 2 ** 31 - 1 };

/** Fills a buffer with the neutral element of a sum, a maximum or a minimum. */
function makeNeutral(
  pool: BufferPool,
  { accumulate: by = "sum", dtype }: Slot,
  buffer: GPUBuffer,
  bytes: number,
): void {
  if (by === "sum") pool.clear(buffer);
  else if (dtype === "f32") pool.upload(buffer, new Float32Array(bytes / 4).fill(infinities[by]));
  else pool.upload(buffer, new Int32Array(bytes / 4).fill(extremes[by]));
}

async function keep(at: Holdings, folder: StoreFolder, made: Made): Promise<ContentWriter> {
  const { slot } = at.onDevice.get(keyOf(made)) ?? absent(keyOf(made));
  const shape = slot.dims.map(({ size }) => size);
  const writer = await folder.create({ name: made.output, dtype: fileType(slot.dtype), shape });
  return {
    ...writer,
    finish: async () => {
      const content = await writer.finish();
      at.inFiles.set(keyOf(made), content.tensor);
      return content;
    },
  };
}

async function numberIn(at: Holdings, ref: Ref): Promise<number> {
  const plain = await resolve(at, ref);
  const dtype = at.onDevice.get(keyOf(plain))?.slot.dtype ?? slotType(sourceOf(at, plain)?.dtype ?? "");
  for await (const { piece } of contents(at, plain)) {
    const bytes = piece.slice(0, 4).buffer;
    return (dtype === "f32" ? new Float32Array(bytes) : new Int32Array(bytes))[0] ?? absent(keyOf(plain));
  }
  return absent(keyOf(plain));
}

/** The streams of steps before that a step is the last to read. */
const endingStreams = ({ endings, inStreams }: Holdings, step: number): readonly Stream[] =>
  (endings[step] ?? []).flatMap((ref) => ("step" in ref && ref.step !== step ? (inStreams.get(keyOf(ref)) ?? []) : []));

/** Takes an artefact from the GPU, or from the memory that holds a stream. */
function release({ pool, onDevice, inStreams }: Holdings, key: string): void {
  const held = onDevice.get(key);
  if (held !== undefined) pool.release(held.buffer);
  onDevice.delete(key);
  inStreams.get(key)?.release();
  inStreams.delete(key);
}

/** What only a bug can cause. */
function absent(what: string): never {
  throw new Error(`the store has no ${what}`);
}
