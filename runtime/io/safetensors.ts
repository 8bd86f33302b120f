// The safetensors format, read by range: 8 bytes of header length, a JSON header, then the tensors without a gap.
// Every number of a header is checked here, so that whoever holds a StoredTensor may trust it.
import { isStoredDType, type StoredDType, storedBits } from "../../compiler/plan/stored-types.ts";
import { UserError } from "../user-error.ts";
import { type Arrangement, readArranged } from "./arrangement.ts";
import {
  decodeUtf8,
  explained,
  isJsonObject,
  type OpenFile,
  parseJson,
  readExactly,
  requireUnchanged,
  requireWeights,
  withFile,
} from "./file.ts";

/** A tensor by name, element type and shape. */
export interface TensorDeclaration {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
}

/** A tensor in a file: `bytes` bytes at the absolute position `offset` of the file `path`. */
export interface StoredTensor extends TensorDeclaration {
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
  /** Of the file whose header was read. */
  readonly stamp: string;
  /** How its elements lie there, if not one after the other. */
  readonly arrangement?: Arrangement;
}

/** What a file holds, its tensors in the order of their bytes. */
interface SafetensorsHeader {
  readonly tensors: readonly StoredTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Headers above this are refused, as the reference implementation does. */
const largestHeader = 100_000_000;

const again = "download or write it again";

/** The bytes that a tensor takes, or undefined if that is not a whole number that JavaScript can count. */
export function byteSize(dtype: StoredDType, shape: readonly number[]): number | undefined {
  if (shape.includes(0)) return 0;
  const bits = shape.reduce((product, size) => product * size, storedBits(dtype));
  return Number.isSafeInteger(bits) && bits % 8 === 0 ? bits / 8 : undefined;
}

/** Reads the header of a file, and nothing else of it. */
export async function readHeader(path: string): Promise<SafetensorsHeader> {
  return withFile(path, async (file) => {
    const length = await headerLength(file);
    const bytes = await readExactly(file, new Uint8Array(length), 8);
    const header = parseJson(decodeUtf8(bytes, `the header of ${path}`), `the header of ${path}`);
    if (!isJsonObject(header)) throw new UserError(`the header of ${path} is not a JSON object; ${again}`);
    const { __metadata__: metadata, ...entries } = header;
    const tensors = Object.entries(entries).map(([name, entry]) => storedTensor(name, entry, file, 8 + length));
    tensors.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
    checkCover(tensors, file, 8 + length);
    return { tensors, metadata: checkedMetadata(metadata, path) };
  });
}

async function headerLength(file: OpenFile): Promise<number> {
  const { path, size } = file;
  if (size < 8) throw new UserError(`${path} is not a safetensors file: it has only ${size} bytes; ${again}`);
  const prefix = await readExactly(file, new Uint8Array(8), 0);
  requireWeights(prefix, path);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(largestHeader)) {
    throw new UserError(`${path} is not a safetensors file: it claims a header of ${length} bytes; ${again}`);
  }
  if (length > BigInt(size - 8)) {
    throw new UserError(`${path} is cut off: its header should have ${length} bytes, ${size - 8} are there; ${again}`);
  }
  return Number(length);
}

function storedTensor(name: string, entry: unknown, file: OpenFile, base: number): StoredTensor {
  const { path, size, stamp } = file;
  const refuse = (problem: string): never => {
    throw new UserError(`tensor ${name} in ${path}: ${problem}; ${again}`);
  };
  if (!isJsonObject(entry)) return refuse("its header entry is not an object");
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !isStoredDType(dtype)) {
    return refuse(`unknown dtype ${JSON.stringify(dtype)}`);
  }
  if (!isSizes(shape)) return refuse(`its shape ${excerpt(shape)} is not a list of whole numbers from 0 on`);
  const bytes = byteSize(dtype, shape);
  if (bytes === undefined) return refuse(`a shape of ${excerpt(shape)} ${dtype} is not possible`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    return refuse(`its data_offsets ${excerpt(offsets)} are not two whole numbers`);
  }
  const [start, end] = offsets as readonly [number, number];
  if (start > end || end > size - base) {
    return refuse(`its bytes ${start} to ${end} are not in the file, which holds ${size - base} bytes of tensors`);
  }
  if (end - start !== bytes) {
    return refuse(`it has ${end - start} bytes where ${excerpt(shape)} ${dtype} takes ${bytes}`);
  }
  return { name, dtype, shape, path, offset: base + start, bytes, stamp };
}

const isSizes = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

/** A value of a header for a message: at most one short line. */
const excerpt = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};

/** Refuses gaps and overlaps, as the format does; a name that occurs twice leaves a gap too. */
function checkCover(tensors: readonly StoredTensor[], { path, size }: OpenFile, base: number): void {
  let end = base;
  let last = "the header";
  for (const { name, offset, bytes } of tensors) {
    if (offset < end) throw new UserError(`tensors ${last} and ${name} overlap in ${path}; ${again}`);
    if (offset > end)
      throw new UserError(`${offset - end} bytes after ${last} belong to no tensor in ${path}; ${again}`);
    end = offset + bytes;
    last = name;
  }
  if (end < size) throw new UserError(`${size - end} bytes after ${last} belong to no tensor in ${path}; ${again}`);
}

function checkedMetadata(metadata: unknown, path: string): Readonly<Record<string, string>> {
  if (metadata === undefined || metadata === null) return {};
  if (!isJsonObject(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    throw new UserError(`the __metadata__ of ${path} must map strings to strings; ${again}`);
  }
  return metadata as Readonly<Record<string, string>>;
}

/** Fills `into` from byte `start` of a tensor, whose file is open. Refuses a file that is no longer the one whose header was read. */
export async function readFrom(
  file: OpenFile,
  tensor: StoredTensor,
  start: number,
  into: Uint8Array,
): Promise<Uint8Array> {
  const { arrangement, path, bytes, name } = tensor;
  const end = start + into.byteLength;
  if (start < 0 || end > bytes) throw new RangeError(`bytes ${start} to ${end} of ${name}, which has ${bytes}`);
  return explained("read", path, async () => {
    const read = arrangement
      ? await readArranged(file, { ...tensor, arrangement }, start, into)
      : await readExactly(file, into, tensor.offset + start);
    requireUnchanged(file, tensor.stamp);
    return read;
  });
}
