// Writes one safetensors file by streaming: all tensors are declared first, their bytes may come in any order.
// The file depends on declarations, metadata and bytes alone.
import { type FileHandle, open } from "node:fs/promises";
import { explained, writeExactly } from "./file.ts";
import { hashFile, hashing } from "./hash.ts";
import { byteSize, type TensorDeclaration } from "./safetensors.ts";

interface Place {
  readonly offset: number;
  readonly bytes: number;
  /** What is written so far: disjoint half-open ranges in order, neighbours merged. */
  readonly written: [start: number, end: number][];
}

/** The order of text by UTF-16 units, equal on every machine. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The bytes that a declared tensor takes; a declaration comes from the compiler, so a bad one is a bug. */
export function declaredBytes({ name, dtype, shape }: TensorDeclaration): number {
  const bytes = byteSize(dtype, shape);
  if (bytes === undefined) throw new RangeError(`tensor ${name} cannot be ${dtype} [${shape.join(", ")}]`);
  return bytes;
}

/** The order of tensors in a file. Widest elements first, then by name: every tensor starts at a multiple of its element's size. */
export function inFileOrder(declarations: readonly TensorDeclaration[]): readonly TensorDeclaration[] {
  const width = ({ dtype }: TensorDeclaration) => byteSize(dtype, [8]) ?? 0;
  return [...declarations].sort((a, b) => width(b) - width(a) || byText(a.name, b.name));
}

function layOut(declarations: readonly TensorDeclaration[], metadata: Readonly<Record<string, string>>) {
  const places = new Map<string, Place>();
  const header: [name: string, entry: unknown][] = [["__metadata__", metadata]];
  let offset = 0;
  for (const declaration of inFileOrder(declarations)) {
    const { name, dtype, shape } = declaration;
    if (places.has(name)) throw new RangeError(`tensor ${name} is declared twice`);
    const bytes = declaredBytes(declaration);
    header.push([name, { dtype, shape, data_offsets: [offset, offset + bytes] }]);
    places.set(name, { offset, bytes, written: [] });
    offset += bytes;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const length = Math.ceil(json.byteLength / 8) * 8;
  const head = new Uint8Array(8 + length).fill(0x20, 8);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(json, 8);
  return { head, places };
}

/** Records a range as written; false if a part of it was written before. */
function record(written: Place["written"], start: number, end: number): boolean {
  const at = written.findIndex((range) => range[0] >= start);
  const next = at < 0 ? written.length : at;
  const before = written[next - 1];
  const after = written[next];
  if ((before && before[1] > start) || (after && after[0] < end)) return false;
  const from = before?.[1] === start ? before[0] : start;
  const to = after?.[0] === end ? after[1] : end;
  const low = from < start ? next - 1 : next;
  written.splice(low, (from < start ? 1 : 0) + (to > end ? 1 : 0), [from, to]);
  return true;
}

/** How a file is written: its metadata, and the name that messages give it if it will be renamed. */
interface WriterOptions {
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly shownAs?: string;
}

/** A safetensors file being written. `close` or `abandon` ends its life. */
export class SafetensorsWriter {
  /** The name that messages give the file. */
  readonly path: string;
  readonly #file: string;
  readonly #handle: FileHandle;
  readonly #base: number;
  readonly #places: ReadonlyMap<string, Place>;
  /** Of the bytes from the first on that were written in their order. */
  readonly #hash = hashing();
  #hashed = 0;

  private constructor(
    { file, shownAs }: { readonly file: string; readonly shownAs: string },
    handle: FileHandle,
    base: number,
    places: ReadonlyMap<string, Place>,
  ) {
    this.path = shownAs;
    this.#file = file;
    this.#handle = handle;
    this.#base = base;
    this.#places = places;
  }

  /** Creates the file, which must not exist, and writes its header. */
  static async create(
    path: string,
    declarations: readonly TensorDeclaration[],
    { metadata = { format: "pt" }, shownAs = path }: WriterOptions = {},
  ): Promise<SafetensorsWriter> {
    const { head, places } = layOut(declarations, metadata);
    const handle = await explained("write", shownAs, () => open(path, "wx"));
    const writer = new SafetensorsWriter({ file: path, shownAs }, handle, head.byteLength, places);
    await writer.#put(head, 0);
    return writer;
  }

  /** Writes bytes of a declared tensor, from its byte `at` on; each byte exactly once. */
  async write(name: string, bytes: Uint8Array, at = 0): Promise<void> {
    const place = this.#places.get(name);
    if (!place) throw new RangeError(`tensor ${name} was not declared for ${this.path}`);
    const end = at + bytes.byteLength;
    if (at < 0 || end > place.bytes) {
      throw new RangeError(`bytes ${at} to ${end} are outside of tensor ${name} (${place.bytes} bytes)`);
    }
    if (bytes.byteLength === 0) return;
    if (!record(place.written, at, end)) throw new RangeError(`bytes ${at} to ${end} of ${name} were written before`);
    await this.#put(bytes, this.#base + place.offset + at);
  }

  /**
   * Ends the file and returns its sha256, for which it is read again only where its bytes came in another order than they lie in. A
   * tensor that is not complete is a bug of the caller.
   */
  async close(): Promise<string> {
    await this.abandon();
    let size = this.#base;
    for (const [name, { bytes, written }] of this.#places) {
      const done = written.reduce((sum, [start, end]) => sum + end - start, 0);
      if (done < bytes) throw new RangeError(`tensor ${name}: ${done} of ${bytes} bytes were written to ${this.path}`);
      size += bytes;
    }
    return this.#hashed === size ? this.#hash.digest("hex") : hashFile(this.#file);
  }

  /** Lets go of the file as it is. */
  async abandon(): Promise<void> {
    await explained("write", this.path, () => this.#handle.close());
  }

  async #put(bytes: Uint8Array, position: number): Promise<void> {
    try {
      await explained("write", this.path, () => writeExactly(this.#handle, bytes, position));
    } catch (error) {
      await this.abandon();
      throw error;
    }
    if (position !== this.#hashed) return;
    this.#hash.update(bytes);
    this.#hashed += bytes.byteLength;
  }
}
