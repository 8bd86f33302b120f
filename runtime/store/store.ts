/**
 * The artefacts of a run by reference, wherever they lie: given tensors and durable outputs in files, with a copy on the GPU while
 * steps use it; other outputs on the GPU; streams on the GPU, in host memory or in files. Each leaves with its last reader.
 */
import { measuredIn } from "../../compiler/plan/durable.ts";
import {
  type CopyRef,
  isCopy,
  keyOf,
  type Lifetimes,
  lifetimes,
  type PlainRef,
} from "../../compiler/plan/lifetimes.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import type { Slot } from "../../compiler/plan/program.ts";
import { contentBits, contentBytes, outputOf, type SlotBuffer } from "../../compiler/plan/slots.ts";
import { type Ref, tensorsSaved } from "../../compiler/plan/step.ts";
import { fileType } from "../../compiler/plan/stored-types.ts";
import { describeAdapter } from "../gpu/adapter.ts";
import type { BufferPool } from "../gpu/buffers.ts";
import type { Device } from "../gpu/device.ts";
import type { Piece, Readback } from "../gpu/readback.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import { UserError } from "../user-error.ts";
import { chosenWindows, type Tokens } from "./chosen-windows.ts";
import type { Content, ContentWriter } from "./contents.ts";
import { type FinishedSteps, finishedSteps } from "./finished-steps.ts";
import { type GivenTensors, givenTensors, type TensorHashes } from "./given-tensors.ts";
import { type HostMemory, hostMemory } from "./host-memory.ts";
import { type OutputSource, sendPieces, sendTensor, type TensorSource } from "./send-tensor.ts";
import { type StoreFolder, temporaryFolder } from "./store-folder.ts";
import { makeStream, type Stream, tokenReader, type WindowReader, type WindowWriter } from "./streams.ts";

export interface StoreOptions {
  readonly device: Device;
  readonly pool: BufferPool;
  readonly readback: Readback;
  /** By the names that the plan gives them. */
  readonly models: ReadonlyMap<string, Checkpoint>;
  readonly corpora: ReadonlyMap<string, Tokens>;
  /** Where durable artefacts lie; without it, in a temporary folder. */
  readonly folder?: StoreFolder;
  /** The most bytes that it may hold; by default twice the models. */
  readonly storeLimit?: number | undefined;
}

/** What a step has made. */
type Made = Extract<Ref, { readonly step: number }>;

export interface Store {
  /** Where durable artefacts lie. */
  readonly folder: StoreFolder;
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
  /** Where a durable output is written, in order; it is read from there once it has left the GPU. */
  readonly keep: (made: Made) => Promise<ContentWriter>;
  /** The places of the steps that are to be run: all others have ended in earlier runs. */
  readonly pending: () => Promise<ReadonlySet<number>>;
  /** A step is done, and its durable outputs are complete: it need not be run again. */
  readonly record: FinishedSteps["record"];
  readonly noneOf: FinishedSteps["noneOf"];
  readonly secondsOf: FinishedSteps["secondsOf"];
  /** A step that is not run has read what it reads. */
  readonly skipped: (step: number) => Promise<void>;
  /** The numbers of an artefact. */
  readonly numbers: (ref: Ref) => Promise<readonly number[]>;
  /** The content hashes of all given tensors that have been read, in earlier runs too. */
  readonly hashes: () => TensorHashes;
  /** A step needs a window no more. */
  readonly passed: (step: number, window: number) => void;
  /** All models are saved: what was made of their codes for that leaves the folder, where the codes stay. */
  readonly saved: () => void;
  /** What no later step reads leaves. */
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
  readonly folder: StoreFolder;
  readonly given: GivenTensors;
  readonly finished: FinishedSteps;
  readonly hostMemory: HostMemory;
  readonly onDevice: Map<string, Held>;
  readonly inStreams: Map<string, Stream>;
  readonly inFiles: Map<string, OutputSource>;
  readonly decisions: Map<string, Promise<Int32Array>>;
  /** What measures read of each window, which stays in its file. */
  readonly measured: ReadonlySet<string>;
  /** What was put together for the step at hand. */
  readonly copies: GPUBuffer[];
}

/** The store of one run, which holds what is given. */
export function openStore(plan: Plan, options: StoreOptions): Store {
  const [onDevice, inStreams, inFiles, decisions] = [new Map(), new Map(), new Map(), new Map()];
  const folder = options.folder ?? temporaryFolder();
  const given = givenTensors(plan, options.models, folder);
  const adapter = describeAdapter(options.device.adapterInfo);
  const { corpora, storeLimit: limit = 2 * plan.models.reduce((sum, { bytes }) => sum + bytes, 0) } = options;
  const finished = finishedSteps({ plan, folder, given, corpora, adapter, limit });
  const places = {
    folder,
    given,
    finished,
    onDevice,
    inStreams,
    inFiles,
    decisions,
    measured: measuredIn(plan.steps),
    copies: [],
  };
  const at: Holdings = { ...options, ...lifetimes(plan), ...places, plan, hostMemory: hostMemory() };
  return {
    folder,
    whole: (ref, slot) => whole(at, ref, slot),
    reader: (ref, slot) => reader(at, ref, slot),
    make: (made, slot) => make(at, made, slot),
    writer: async (made, value, count) => (await streamFor(at, made, value, count)).writer(),
    contents: async function* (ref) {
      yield* contents(at, await resolve(at, ref));
    },
    keep: (made) => keep(at, made),
    pending: () => finished.pending((key, output) => inFiles.set(key, output)),
    record: finished.record,
    noneOf: finished.noneOf,
    secondsOf: finished.secondsOf,
    skipped: async (step) => {
      for (const ref of Object.values(plan.steps[step]?.reads ?? {}))
        for (const part of partsIn(ref)) await use(at, part);
    },
    numbers: (ref) => numbersIn(at, ref),
    hashes: given.hashes,
    passed: (step, window) => {
      for (const stream of endingStreams(at, step)) stream.drop(window);
    },
    saved: () => {
      for (const { from } of plan.saves.flatMap(tensorsSaved))
        if ("step" in from && plan.steps[from.step]?.part.stage === null) leaveFolder(at, from);
    },
    ended: (step) => {
      for (const buffer of at.copies.splice(0)) options.pool.release(buffer);
      for (const ref of at.endings[step] ?? []) release(at, ref);
      for (const made of at.leaving[step] ?? []) leaveFolder(at, made);
    },
    close: () => {
      for (const stream of at.inStreams.values()) stream.release();
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
  const picked = ref.pick[chosen];
  if (picked === undefined)
    throw new UserError(
      `the plan picks number ${chosen} of ${ref.pick.length}: it was changed after it was made; plan again`,
    );
  return resolve(at, picked);
}

async function integers(pieces: AsyncGenerator<Piece>): Promise<Int32Array> {
  const found: number[] = [];
  for await (const { piece } of pieces) for (const value of new Int32Array(piece.slice().buffer)) found.push(value);
  return Int32Array.from(found);
}

/** The references that a copy is made of; all others are whole. */
const partsIn = (ref: Ref): readonly Ref[] => ("stack" in ref ? ref.stack : "element" in ref ? [ref.of] : [ref]);

/** A given tensor counts as used. */
async function use(at: Holdings, ref: Ref): Promise<void> {
  const plain = await resolve(at, ref);
  if ("tensor" in plain) await at.given.hash(plain, { isUsed: true });
}

/** A given tensor, or what lies in the store's folder. */
const sourceOf = ({ given, inFiles }: Holdings, ref: PlainRef): TensorSource | undefined =>
  "tensor" in ref ? given.source(ref) : inFiles.get(keyOf(ref));

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
  const known = at.onDevice.get(key)?.buffer ?? (await streamIn(at, plain))?.whole;
  if (known) return known;
  const buffer = await sendTensor(at.pool, sourceOf(at, plain) ?? absent(key), slot);
  at.onDevice.set(key, { slot: slot.slot, buffer });
  return buffer;
}

/** Elements of artefacts, in memory of their own until the step ends. */
async function copied(at: Holdings, ref: CopyRef, { slot, bytes }: SlotBuffer): Promise<GPUBuffer> {
  const { device, pool, copies } = at;
  const parts = partsIn(ref);
  const bits = contentBits(slot) / parts.length;
  if (bits % 32 !== 0) throw new Error(`parts of ${slot.name} have ${bits} bits and cannot be put together`);
  const length = bits / 8;
  const buffer = await pool.acquire(bytes, `${slot.name}, put together`);
  copies.push(buffer);
  const encoder = device.device.createCommandEncoder();
  for (const [i, part] of parts.entries()) {
    const plain = await resolve(at, part);
    const key = keyOf(plain);
    const start = "element" in ref ? ref.element * length : 0;
    const source = at.onDevice.get(key)?.buffer ?? (await streamIn(at, plain))?.whole;
    if (source) encoder.copyBufferToBuffer(source, start, buffer, i * length, length);
    else {
      const file = at.inFiles.get(key) ?? absent(key);
      await sendPieces(pool, file.pieces(start, start + length), buffer, i * length - start);
    }
  }
  device.queue.submit([encoder.finish()]);
  return buffer;
}

async function reader(at: Holdings, ref: Ref, { bytes }: SlotBuffer): Promise<WindowReader> {
  const plain = await resolve(at, ref);
  if (!("windows" in plain)) return ((await streamIn(at, plain)) ?? absent(keyOf(plain))).reader();
  const record = at.plan.windows[plain.windows] ?? absent(keyOf(plain));
  return tokenReader(at.pool, chosenWindows(record, at.corpora), bytes);
}

/** Memory for what a step makes of each of so many windows. */
async function streamFor(at: Holdings, made: Made, value: SlotBuffer, count: number): Promise<Stream> {
  const key = keyOf(made);
  const onDisk = { found: at.inFiles.get(key) ?? null, create: () => create(at, made) };
  const place = placeOf(at.plan, made);
  const stream = await makeStream(at, {
    count,
    value,
    whole: at.wholes.get(key),
    place: place === "disk" ? onDisk : place,
  });
  at.inStreams.set(key, stream);
  return stream;
}

const placeOf = ({ steps }: Plan, { step, output }: Made): "gpu" | "host" | "disk" =>
  steps[step]?.places[output] ?? "gpu";

/** How many values an output has, one for each window; null: it is one for all. */
function countOf(plan: Plan, { step, output }: Made): number | null {
  const over = plan.steps[step]?.over ?? null;
  const isEach = over !== null && outputOf(plan, step, output).slot.role === "output";
  return isEach ? (plan.windows[over]?.count ?? 0) : null;
}

/** The values of windows; those that an earlier run has left are read from their file. */
async function streamIn(at: Holdings, ref: PlainRef): Promise<Stream | undefined> {
  const [known, file] = [at.inStreams.get(keyOf(ref)), at.inFiles.get(keyOf(ref))];
  if (known !== undefined || file === undefined || !("step" in ref)) return known;
  const count = countOf(at.plan, ref);
  if (count === null) return undefined;
  const value = outputOf(at.plan, ref.step, ref.output);
  const stream = await streamFor(at, ref, value, count);
  if (placeOf(at.plan, ref) === "disk") return stream;
  const [writer, each] = [await stream.writer(), contentBytes(value.slot)];
  for (let window = 0; window < count; window++) {
    const start = window * each;
    await sendPieces(at.pool, file.pieces(start, start + each), await writer.next(window), -start);
    await writer.written(window);
  }
  await writer.close();
  return stream;
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

/** A file for what a step makes. */
function create({ plan, folder }: Holdings, made: Made): Promise<ContentWriter> {
  const { slot } = outputOf(plan, made.step, made.output);
  const count = countOf(plan, made);
  const shape = [...(count === null ? [] : [count]), ...slot.dims.map(({ size }) => size)];
  return folder.create({ name: made.output, dtype: fileType(slot.dtype), shape });
}

async function keep(at: Holdings, made: Made): Promise<ContentWriter> {
  const written = at.inStreams.get(keyOf(made))?.content();
  const writer = written ? writtenAlready(written) : await create(at, made);
  return {
    ...writer,
    finish: async () => {
      const content = await writer.finish();
      at.inFiles.set(keyOf(made), content.tensor);
      return content;
    },
  };
}

const writtenAlready = (content: Content): ContentWriter => ({
  write: async () => undefined,
  finish: async () => content,
  abandon: async () => undefined,
});

async function numbersIn(at: Holdings, ref: Ref): Promise<readonly number[]> {
  const plain = await resolve(at, ref);
  if (!("step" in plain)) return absent(`numbers ${keyOf(plain)}`);
  const { slot } = outputOf(at.plan, plain.step, plain.output);
  const numbers: number[] = [];
  for await (const { piece } of contents(at, plain)) {
    const bytes = piece.slice().buffer;
    for (const number of slot.dtype === "f32" ? new Float32Array(bytes) : new Int32Array(bytes)) numbers.push(number);
  }
  return numbers;
}

/** The streams of steps before that a step is the last to read. */
const endingStreams = ({ endings, inStreams }: Holdings, step: number): readonly Stream[] =>
  (endings[step] ?? []).flatMap((ref) => ("step" in ref && ref.step !== step ? (inStreams.get(keyOf(ref)) ?? []) : []));

/** Takes an artefact from the GPU, or a stream from the memory that holds it, and from its file where that is for its readers alone. */
function release(at: Holdings, ref: PlainRef): void {
  const { plan, pool, wholes, measured, onDevice, inStreams } = at;
  const key = keyOf(ref);
  const held = onDevice.get(key);
  if (held !== undefined) pool.release(held.buffer);
  onDevice.delete(key);
  const stream = inStreams.get(key);
  stream?.release();
  inStreams.delete(key);
  if (!("step" in ref) || countOf(plan, ref) === null || wholes.has(key)) return;
  const isLater = measured.has(key) && plan.steps[ref.step]?.durable.includes(ref.output);
  if (!isLater) leaveFolder(at, ref, stream);
}

/** Takes what a step has made, perhaps as a stream, from its file. */
function leaveFolder({ folder, finished, inFiles }: Holdings, made: Made, stream?: Stream): void {
  const source = inFiles.get(keyOf(made)) ?? stream?.content()?.tensor;
  inFiles.delete(keyOf(made));
  finished.drop(made.step, made.output);
  if (source) folder.release(source);
}

/** What only a bug can cause. */
function absent(what: string): never {
  throw new Error(`the store has no ${what}`);
}
