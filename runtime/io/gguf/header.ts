/**
 * What a GGUF file begins with: metadata by key, then the tensors' names, sizes, types and places. Every count and size is held to
 * what is left of the file before anything is made for it, so that whoever holds a header may trust it.
 */
import { readSync } from "node:fs";
import { UserError } from "../../user-error.ts";
import { decodeUtf8, type OpenFile, requireWeights } from "../file.ts";
import type { TensorType } from "./tables.ts";
import { tensorType } from "./types.ts";

/** A list of numbers is an array of its own type; bools are bytes. 64 bits are a bigint only where a number cannot count so far. */
export type Value = number | bigint | boolean | string | readonly string[] | Numbers;

type Numbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** A tensor in a file, `shape` with the dimension that varies fastest last, `offset` from the beginning of the file. */
export interface GgufTensor {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly bytes: number;
}

export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, Value>;
  /** In the order of their bytes, without a gap. */
  readonly tensors: readonly GgufTensor[];
}

/** The bytes of a file; `read` gives `length` of them, which are there. */
export interface Source {
  readonly path: string;
  readonly size: number;
  readonly read: (position: number, length: number) => Uint8Array;
}

const again = "download or write it again";

/** What no header reaches: a vocabulary of a million tokens takes a tenth. */
const largestHeader = 2 ** 28;

/** Bytes that are read at once. */
const window = 2 ** 20;

/** The bytes of an open file. */
export const sourceOf = ({ handle, path, size }: OpenFile): Source => ({
  path,
  size,
  read: (position, length) => {
    const into = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const read = readSync(handle.fd, into, done, length - done, position + done);
      if (read === 0) throw new UserError(`${path} ends at byte ${position + done} while being read; ${again}`);
      done += read;
    }
    return into;
  },
});

/** Walks through the bytes of a header, from the front. */
class Cursor {
  readonly source: Source;
  at = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #start = 0;

  constructor(source: Source) {
    this.source = source;
  }

  refuse(problem: string): never {
    throw new UserError(`${this.source.path} is damaged: ${problem}; ${again}`);
  }

  /** Makes `length` bytes readable, which `what` takes. */
  need(length: number, what: string): void {
    const { size, read } = this.source;
    const end = this.at + length;
    if (end > size) this.refuse(`${what} at byte ${this.at} takes ${length} bytes, and ${size - this.at} are left`);
    if (end > largestHeader) this.refuse(`its header goes on beyond ${largestHeader} bytes, with ${what}`);
    if (end <= this.#start + this.#bytes.byteLength) return;
    const { buffer, byteOffset, byteLength } = read(this.at, Math.min(Math.max(length, window), size - this.at));
    this.#bytes = Buffer.from(buffer, byteOffset, byteLength);
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#start = this.at;
  }

  /** A number of `bytes` bytes, of `what`. */
  number<T>(what: string, bytes: number, get: (view: DataView, at: number) => T): T {
    this.need(bytes, what);
    const value = get(this.#view, this.at - this.#start);
    this.at += bytes;
    return value;
  }

  u32(what: string): number {
    return this.number(what, 4, (view, at) => view.getUint32(at, true));
  }

  /** A count of things of at least `least` bytes each. */
  count(what: string, least: number): number {
    const count = this.number(what, 8, (view, at) => view.getBigUint64(at, true));
    const left = this.source.size - this.at;
    if (count > BigInt(Math.floor(left / least))) this.refuse(`${what} is ${count}, more than ${left} bytes can hold`);
    return Number(count);
  }

  text(what: string): string {
    const length = this.count(`the length of ${what}`, 1);
    const bytes = this.bytes(length, what);
    const text = bytes.toString("utf8");
    return text.includes("\ufffd") ? decodeUtf8(bytes, `${what} in ${this.source.path}`) : text;
  }

  /** A view, which the next `need` may leave behind. */
  bytes(length: number, what: string): Buffer {
    this.need(length, what);
    const start = this.at - this.#start;
    this.at += length;
    return this.#bytes.subarray(start, start + length);
  }
}

interface ScalarType {
  readonly bytes: number;
  readonly get: (view: DataView, at: number) => number | bigint;
  readonly list: new (buffer: ArrayBuffer) => Numbers;
}

const isBool = 7;
const isText = 8;
const isList = 9;

/** The types of values by their numbers, but for texts and lists. */
const scalars: ReadonlyMap<number, ScalarType> = new Map<number, ScalarType>([
  [0, { bytes: 1, get: (view, at) => view.getUint8(at), list: Uint8Array }],
  [1, { bytes: 1, get: (view, at) => view.getInt8(at), list: Int8Array }],
  [2, { bytes: 2, get: (view, at) => view.getUint16(at, true), list: Uint16Array }],
  [3, { bytes: 2, get: (view, at) => view.getInt16(at, true), list: Int16Array }],
  [4, { bytes: 4, get: (view, at) => view.getUint32(at, true), list: Uint32Array }],
  [5, { bytes: 4, get: (view, at) => view.getInt32(at, true), list: Int32Array }],
  [6, { bytes: 4, get: (view, at) => view.getFloat32(at, true), list: Float32Array }],
  [isBool, { bytes: 1, get: (view, at) => view.getUint8(at), list: Uint8Array }],
  [10, { bytes: 8, get: (view, at) => plain(view.getBigUint64(at, true)), list: BigUint64Array }],
  [11, { bytes: 8, get: (view, at) => plain(view.getBigInt64(at, true)), list: BigInt64Array }],
  [12, { bytes: 8, get: (view, at) => view.getFloat64(at, true), list: Float64Array }],
]);

const plain = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value);

/** Reads the header of a file, and nothing else of it. */
export function readGgufHeader(source: Source): GgufHeader {
  const cursor = new Cursor(source);
  requireVersion(cursor);
  const tensorCount = cursor.count("the number of tensors", 24);
  const fieldCount = cursor.count("the number of metadata fields", 13);
  const metadata = new Map<string, Value>();
  for (let i = 0; i < fieldCount; i++) {
    const key = cursor.text(`the key of metadata field ${i}`);
    if (metadata.has(key)) cursor.refuse(`it has the key ${shown(key)} twice`);
    metadata.set(key, readValue(cursor, shown(key)));
  }
  const alignment = alignmentOf(cursor, metadata);
  const entries = Array.from({ length: tensorCount }, (_, i) => readEntry(cursor, i));
  return { metadata, tensors: placed(cursor, entries, alignment) };
}

/** A name that a file gives for a message: at most one short line. */
export const shown = (name: string): string =>
  /^[\w.{}-]{1,64}$/.test(name) ? name : JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);

function requireVersion(cursor: Cursor): void {
  const { path, size } = cursor.source;
  if (size < 24) throw new UserError(`${path} is no GGUF file: it has only ${size} bytes; ${again}`);
  requireWeights(cursor.source.read(0, 8), path);
  const magic = cursor.bytes(4, "its magic").toString("latin1");
  if (magic !== "GGUF")
    throw new UserError(`${path} is no GGUF file: it begins with ${JSON.stringify(magic)}; ${again}`);
  const version = cursor.u32("its version");
  if (version === 2 || version === 3) return;
  if (version % 65536 === 0) throw new UserError(`${path} is big-endian; write it again as little-endian`);
  throw new UserError(
    `${path} is GGUF of version ${version}; lcomp reads 2 and 3: write it again with a tool of today`,
  );
}

function readValue(cursor: Cursor, key: string): Value {
  const type = cursor.u32(`the type of ${key}`);
  if (type === isText) return cursor.text(key);
  if (type === isList) return readList(cursor, key);
  const scalar = scalars.get(type) ?? cursor.refuse(`${key} has the type ${type}, which GGUF has not`);
  const value = cursor.number(key, scalar.bytes, scalar.get);
  if (type !== isBool) return value;
  return value === 1 || (value === 0 ? false : cursor.refuse(`${key} is ${value}, neither true nor false`));
}

function readList(cursor: Cursor, key: string): Value {
  const type = cursor.u32(`the type of the elements of ${key}`);
  if (type === isText) {
    const count = cursor.count(`the length of ${key}`, 8);
    return Array.from({ length: count }, (_, i) => cursor.text(`element ${i} of ${key}`));
  }
  if (type === isList) cursor.refuse(`${key} is a list of lists, which nothing reads`);
  const scalar = scalars.get(type) ?? cursor.refuse(`${key} is a list of the type ${type}, which GGUF has not`);
  const bytes = cursor.count(`the length of ${key}`, scalar.bytes) * scalar.bytes;
  const list = new scalar.list(Uint8Array.from(cursor.bytes(bytes, key)).buffer);
  const odd = type === isBool ? list.findIndex((value: number | bigint) => value > 1) : -1;
  if (odd >= 0) cursor.refuse(`element ${odd} of ${key} is neither true nor false`);
  return list;
}

function alignmentOf(cursor: Cursor, metadata: ReadonlyMap<string, Value>): number {
  const alignment = metadata.get("general.alignment") ?? 32;
  if (typeof alignment === "number" && alignment > 0 && Number.isInteger(Math.log2(alignment))) return alignment;
  return cursor.refuse(`general.alignment is ${String(alignment).slice(0, 40)}, and must be a power of two`);
}

/** A tensor as the header lists it; `place` is counted from where tensors begin. */
interface Entry extends Omit<GgufTensor, "offset"> {
  readonly place: bigint;
}

function readEntry(cursor: Cursor, i: number): Entry {
  const name = cursor.text(`the name of tensor ${i}`);
  const what = `tensor ${shown(name)}`;
  const rank = cursor.u32(`the number of dimensions of ${what}`);
  if (rank < 1 || rank > 4) cursor.refuse(`${what} has ${rank} dimensions; GGUF has 1 to 4`);
  const sizes = Array.from({ length: rank }, () =>
    cursor.number(`a dimension of ${what}`, 8, (view, at) => view.getBigUint64(at, true)),
  );
  const id = cursor.u32(`the type of ${what}`);
  const place = cursor.number(`the place of ${what}`, 8, (view, at) => view.getBigUint64(at, true));
  const type = tensorType(id) ?? cursor.refuse(`${what} has the type ${id}, which lcomp does not know`);
  const [columns = 0n] = sizes;
  const count = sizes.reduce((product, size) => product * size, 1n);
  const bytes = (count / BigInt(type.block)) * BigInt(type.bytes);
  if (count === 0n || bytes > BigInt(cursor.source.size))
    cursor.refuse(`${what} of ${sizes.join(" × ")} weights cannot lie in ${cursor.source.size} bytes`);
  if (columns % BigInt(type.block) !== 0n)
    cursor.refuse(
      `the rows of ${what} have ${columns} weights, which blocks of ${type.block} (${type.name}) do not divide`,
    );
  return { name, type, shape: sizes.map(Number).reverse(), bytes: Number(bytes), place };
}

/** Tensors follow one another in the order of the list, each at the next multiple of the alignment, up to the end of the file. */
function placed(cursor: Cursor, entries: readonly Entry[], alignment: number): readonly GgufTensor[] {
  const { size } = cursor.source;
  const aligned = (at: number): number => Math.ceil(at / alignment) * alignment;
  const start = aligned(cursor.at);
  const names = new Set<string>();
  let next = 0;
  let end = cursor.at;
  const tensors = entries.map(({ name, place, ...entry }) => {
    const what = `tensor ${shown(name)}`;
    if (names.has(name)) cursor.refuse(`it has ${what} twice`);
    names.add(name);
    if (place !== BigInt(next)) cursor.refuse(`${what} lies at ${place}, and ${next} follows from those before it`);
    const offset = start + next;
    end = offset + entry.bytes;
    if (end > size) cursor.refuse(`it is cut off: ${what} ends at byte ${end}, and the file has ${size}`);
    next = aligned(next + entry.bytes);
    return { name, ...entry, offset };
  });
  if (size > aligned(end)) cursor.refuse(`${size - aligned(end)} bytes at its end belong to no tensor`);
  return tensors;
}
