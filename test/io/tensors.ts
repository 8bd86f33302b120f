// Whole tensors of safetensors files, as bytes and as values, and values as they are stored.

import type { FloatDType } from "../../compiler/plan/stored-types.ts";
import { requireFinite } from "../../runtime/io/checkpoint.ts";
import { openFile } from "../../runtime/io/file.ts";
import { toFloat32 } from "../../runtime/io/numbers.ts";
import { readFrom, type StoredTensor } from "../../runtime/io/safetensors.ts";

/** Bytes `start` to `end` of a tensor, into `into` if given. */
export async function readRange(
  tensor: StoredTensor,
  start: number,
  end: number,
  into: Uint8Array = new Uint8Array(end - start),
): Promise<Uint8Array> {
  await using file = await openFile(tensor.path);
  return await readFrom(file, tensor, start, into);
}

/** All bytes of a tensor. */
export const readTensor = (tensor: StoredTensor, into?: Uint8Array): Promise<Uint8Array> =>
  readRange(tensor, 0, tensor.bytes, into);

/** The values of a weight, all of them finite. */
export async function readWeight(tensor: StoredTensor): Promise<Float32Array> {
  const bytes = await readTensor(tensor);
  requireFinite(tensor, bytes);
  return toFloat32(bytes, tensor.dtype as FloatDType);
}

/** Values as stored floats, rounded to nearest, ties to even. */
export function toStored(values: Float32Array, dtype: FloatDType): Uint8Array {
  if (dtype === "F32") return new Uint8Array(values.slice().buffer);
  if (dtype === "F16") return new Uint8Array(Float16Array.from(values).buffer);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return new Uint8Array(Uint16Array.from(bits, (word) => (word + 0x7fff + ((word >>> 16) & 1)) >>> 16).buffer);
}

/** Tensors of several types, whose files are not in the order of their names. */
export const declarations = [
  { name: "c", dtype: "F32", shape: [10] },
  { name: "a", dtype: "F16", shape: [4, 2] },
  { name: "b", dtype: "U8", shape: [100] },
  { name: "d", dtype: "U8", shape: [3] },
] as const;
