/** Where each weight of a model lies: a given model's in its own files, what a stage has changed in the stage's file. */
import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storedTypes } from "../../compiler/plan/program.ts";
import type { BufferPool } from "../gpu/buffers.ts";
import { type Checkpoint, requireFinite } from "../io/checkpoint.ts";
import type { OutputFolder } from "../io/output-folder.ts";
import { readHeader, readRange, type StoredTensor, type TensorDeclaration } from "../io/safetensors.ts";
import { SafetensorsWriter } from "../io/safetensors-writer.ts";
import { makeBeside } from "../io/unfinished.ts";
import { UserError } from "../user-error.ts";
import { elements, type LoadedProgram, type SlotBuffer } from "./programs.ts";

/** A tensor is read, written and sent to the GPU in pieces of at most this many bytes. */
export const pieceBytes = 16 * 2 ** 20;

/** A given model or a stage's result. */
export interface Model {
  /** The folder that it began as. */
  readonly origin: Checkpoint;
  /** In the order of the origin. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** The models of a run, by name. */
export interface Models {
  readonly of: (name: string) => Model;
  /** Opens a stage's file for the tensors that it changes; `finish` makes the stage's result known under its name. */
  readonly stage: (name: string, of: Model, changed: readonly TensorDeclaration[]) => Promise<StageFile>;
  /** Removes the stages' files. */
  readonly close: () => void;
}

export interface StageFile {
  readonly write: SafetensorsWriter["write"];
  readonly finish: () => Promise<void>;
  readonly abandon: () => Promise<void>;
}

/** The given models; stages' files go to the hidden folder of the output, or to a temporary one where there is no output. */
export function models(given: ReadonlyMap<string, Checkpoint>, output: OutputFolder | null): Models {
  const known = new Map<string, Model>();
  for (const [name, origin] of given) known.set(name, { origin, tensors: origin.tensors });
  let folder: string | undefined;
  const remove = (): void => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
    process.off("exit", remove);
  };
  return {
    of: (name) => known.get(name) ?? missing(name),
    stage: async (name, of, changed) => {
      if (folder === undefined) {
        folder = makeFolder(output);
        process.once("exit", remove);
      }
      const path = join(folder, `${name}.safetensors`);
      const writer = await SafetensorsWriter.create(path, changed, { shownAs: output?.target ?? path });
      return {
        write: (tensor, bytes, at) => writer.write(tensor, bytes, at),
        abandon: () => writer.abandon().catch(() => undefined),
        finish: async () => {
          await writer.close();
          const { tensors } = await readHeader(path);
          const made = new Map(tensors.map((tensor) => [tensor.name, tensor]));
          const merged = [...of.tensors].map(([key, tensor]) => [key, made.get(key) ?? tensor] as const);
          known.set(name, { origin: of.origin, tensors: new Map(merged) });
        },
      };
    },
    close: remove,
  };
}

function missing(name: string): never {
  throw new Error(`the plan needs a model ${name} that nobody gave or made`);
}

function makeFolder(output: OutputFolder | null): string {
  if (output === null) return makeBeside(join(tmpdir(), "lcomp-stages"));
  const folder = join(output.partial, ".stages");
  mkdirSync(folder);
  return folder;
}

/** Weights of one model on the GPU: read when first asked for, all given back together. */
export interface HeldWeights {
  /** The buffer of a stored tensor, for a slot. */
  readonly get: (tensor: string, slot: SlotBuffer) => Promise<GPUBuffer>;
  /** Puts another content in a tensor's place; the buffer is held from now on. */
  readonly replace: (tensor: string, buffer: GPUBuffer) => void;
  readonly release: () => void;
}

/** Nothing is held at first. */
export function holdWeights(pool: BufferPool, { tensors }: Model): HeldWeights {
  const held = new Map<string, GPUBuffer>();
  return {
    get: async (name, slot) => {
      const known = held.get(name);
      if (known !== undefined) return known;
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new UserError(`the plan was made for another model: this one has no ${name}`);
      const buffer = await sendWeight(pool, tensor, slot);
      held.set(name, buffer);
      return buffer;
    },
    replace: (name, buffer) => {
      const old = held.get(name);
      if (old !== undefined) pool.release(old);
      held.set(name, buffer);
    },
    release: () => {
      for (const buffer of held.values()) pool.release(buffer);
      held.clear();
    },
  };
}

/** Binds all weights of a program; `{layer}` in a slot's name becomes the layer's number. */
export async function bindWeights(program: LoadedProgram, weights: HeldWeights, layer: number | null): Promise<void> {
  for (const slot of program.slots("weight")) {
    const tensor = slot.slot.name.replaceAll("{layer}", String(layer));
    program.bind("weight", slot.slot.name, await weights.get(tensor, slot));
  }
}

/** The stored bytes of a tensor on the GPU as they are, all of them checked to be finite. */
async function sendWeight(pool: BufferPool, tensor: StoredTensor, { slot, bytes }: SlotBuffer): Promise<GPUBuffer> {
  const { name, dtype, shape } = tensor;
  const count = shape.reduce((product, size) => product * size, 1);
  if (storedTypes.get(dtype) !== slot.dtype || count !== elements(slot)) {
    const expected = `${slot.dtype} [${slot.dims.map(({ size }) => size).join(", ")}]`;
    const found = `${dtype} [${shape.join(", ")}]`;
    throw new UserError(`the plan was made for another model: it expects ${name} as ${expected}, here it is ${found}`);
  }
  const buffer = await pool.acquire(bytes, `tensor ${name}`);
  try {
    if (bytes > tensor.bytes) pool.clear(buffer);
    for await (const { piece, at } of pieces(tensor)) {
      const padded = Math.ceil(piece.byteLength / 4) * 4;
      const whole = new Uint8Array(piece.buffer, piece.byteOffset, padded).fill(0, piece.byteLength);
      requireFinite(tensor, piece, at / (dtype === "F32" ? 4 : 2));
      pool.upload(buffer, whole, at);
    }
  } catch (error) {
    pool.release(buffer);
    throw error;
  }
  return buffer;
}

/** What the last one that read pieces has left for the next. */
let spare: Uint8Array<ArrayBuffer> | undefined;

/** The bytes of a tensor in order; a piece is overwritten by the next one. */
export async function* pieces(
  tensor: StoredTensor,
): AsyncGenerator<{ readonly piece: Uint8Array<ArrayBuffer>; readonly at: number }> {
  const staging = spare ?? new Uint8Array(pieceBytes);
  spare = undefined;
  try {
    for (let at = 0; at < tensor.bytes; at += pieceBytes) {
      const piece = staging.subarray(0, Math.min(pieceBytes, tensor.bytes - at));
      await readRange(tensor, at, at + piece.byteLength, piece);
      yield { piece, at };
    }
  } finally {
    spare = staging;
  }
}
