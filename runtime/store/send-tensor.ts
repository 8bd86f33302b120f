/** Tensors in files, read piece by piece and sent to the GPU. */
import { elements, pieceBytes, type SlotBuffer } from "../../compiler/plan/slots.ts";
import { canBind, floatWidth, isFloatDType } from "../../compiler/plan/stored-types.ts";
import type { BufferPool } from "../gpu/buffers.ts";
import type { Piece } from "../gpu/readback.ts";
import { requireFinite } from "../io/checkpoint.ts";
import { openFile } from "../io/file.ts";
import { readFrom, type StoredTensor, type TensorDeclaration } from "../io/safetensors.ts";
import { UserError } from "../user-error.ts";

/** What the last one that read pieces has left for the next. */
let spare: Uint8Array<ArrayBuffer> | undefined;

/** Bytes that are in the processor's cache while they are hashed, looked at and sent. */
const stretch = 2 ** 19;

/** A tensor that can be read, wherever it is. */
export interface TensorSource extends TensorDeclaration {
  readonly bytes: number;
  /** Its bytes in order. */
  readonly pieces: () => AsyncGenerator<Piece>;
}

/** An output of a step that can be read, in parts too. */
export interface OutputSource extends TensorSource {
  readonly sha256: string;
  /** The bytes from `start` on in front of `end`, of all at first. */
  readonly pieces: (start?: number, end?: number) => AsyncGenerator<Piece>;
}

/** The bytes of a tensor in order: those from `start` on in front of `end`. */
export async function* piecesOf(tensor: StoredTensor, start = 0, end = tensor.bytes): AsyncGenerator<Piece> {
  const staging = spare ?? new Uint8Array(pieceBytes);
  spare = undefined;
  const most = tensor.arrangement ? pieceBytes : stretch;
  try {
    await using file = await openFile(tensor.path);
    for (let at = start; at < end; at += most) {
      const piece = staging.subarray(0, Math.min(most, end - at));
      await readFrom(file, tensor, at, piece);
      for (let from = 0; from < piece.byteLength; from += stretch)
        yield { piece: piece.subarray(from, from + stretch), at: at + from };
    }
  } finally {
    spare = staging;
  }
}

/** The bytes of a given tensor in order, its floats checked to be finite. */
export async function* finitePieces(tensor: StoredTensor): AsyncGenerator<Piece> {
  const { dtype } = tensor;
  for await (const { piece, at } of piecesOf(tensor)) {
    if (isFloatDType(dtype)) requireFinite(tensor, piece, at / floatWidth(dtype));
    yield { piece, at };
  }
}

/** The stored bytes of a tensor on the GPU as they are, for a slot. */
export async function sendTensor(
  pool: BufferPool,
  tensor: TensorSource,
  { slot, bytes }: SlotBuffer,
): Promise<GPUBuffer> {
  const { name, dtype, shape } = tensor;
  if (!canBind(tensor, { dtype: slot.dtype, count: elements(slot) })) {
    const expected = `${slot.dtype} [${slot.dims.map(({ size }) => size).join(", ")}]`;
    const found = `${dtype} [${shape.join(", ")}]`;
    throw new UserError(`the plan was made for another model: it expects ${name} as ${expected}, here it is ${found}`);
  }
  const buffer = await pool.acquire(bytes, `tensor ${name}`);
  if (bytes > tensor.bytes) pool.clear(buffer);
  await sendPieces(pool, tensor.pieces(), buffer, 0);
  return buffer;
}

/** Sends bytes to the GPU, `by` bytes further on than they were in their tensor. */
export async function sendPieces(
  pool: BufferPool,
  pieces: AsyncGenerator<Piece>,
  buffer: GPUBuffer,
  by: number,
): Promise<void> {
  for await (const { piece, at } of pieces) {
    const padded = Math.ceil(piece.byteLength / 4) * 4;
    await pool.upload(
      buffer,
      new Uint8Array(piece.buffer, piece.byteOffset, padded).fill(0, piece.byteLength),
      at + by,
    );
  }
}
