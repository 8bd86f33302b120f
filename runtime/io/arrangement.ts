/**
 * How the elements of a tensor lie in a file that has them otherwise than Hugging Face: what is asked for by its place there is
 * gathered from where it lies.
 */
import { type OpenFile, readExactly } from "./file.ts";
import { fromGroups, type Groups } from "./groups.ts";

export type Arrangement =
  | Regrouped
  /** A matrix [a, b] lies as [b, a]. */
  | { readonly kind: "transposed" }
  /** F32, each above by 1. */
  | { readonly kind: "above-by-one" }
  | Interleaved;

/** Rows lie in runs of so many: what are `parts` runs for each of the groups is for each part a run of every group in the file. */
export interface Regrouped {
  readonly kind: "regrouped";
  readonly groups: number;
  readonly parts: number;
  readonly run: number;
}

/** What it has are groups of another tensor's bytes. */
export interface Interleaved extends Groups {
  readonly kind: "interleaved";
  readonly of: Placed & { readonly arrangement?: Arrangement };
}

/** A tensor in a file. */
export interface Placed {
  readonly shape: readonly number[];
  readonly offset: number;
  readonly bytes: number;
}

/** Bytes from `start` of a tensor as Hugging Face has it, whole elements, into `into`. */
export async function readArranged(
  file: OpenFile,
  tensor: Placed & { readonly arrangement: Arrangement },
  start: number,
  into: Uint8Array,
): Promise<Uint8Array> {
  const { arrangement } = tensor;
  switch (arrangement.kind) {
    case "regrouped":
      return readRegrouped(file, tensor, arrangement, start, into);
    case "transposed":
      return readTransposed(file, tensor, start, into);
    case "interleaved":
      return readInterleaved(file, arrangement, start, into);
    case "above-by-one": {
      await readExactly(file, into, tensor.offset + start);
      const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
      for (let at = 0; at < into.byteLength; at += 4) view.setFloat32(at, view.getFloat32(at, true) - 1, true);
      return into;
    }
  }
}

/** Some strides at a time, of each of which a part is asked for. */
async function readInterleaved(
  file: OpenFile,
  { of, ...groups }: Interleaved,
  start: number,
  into: Uint8Array,
): Promise<Uint8Array> {
  const { width, stride } = groups;
  const count = Math.max(1, Math.floor(stretch / stride));
  const last = Math.ceil((start + into.byteLength) / width);
  const stored = new Uint8Array(Math.min(count, last - Math.floor(start / width)) * stride);
  for (let first = Math.floor(start / width); first < last; first += count) {
    const some = stored.subarray(0, Math.min(count, last - first) * stride);
    const { arrangement } = of;
    if (arrangement) await readArranged(file, { ...of, arrangement }, first * stride, some);
    else await readExactly(file, some, of.offset + first * stride);
    const [begin, end] = [first * width, (first + some.byteLength / stride) * width];
    const [from, to] = [Math.max(start, begin), Math.min(start + into.byteLength, end)];
    fromGroups(some, groups, into.subarray(from - start, to - start), from - begin);
  }
  return into;
}

/** Where the run `at` of all that are regrouped together lies among them in the file. */
export const storedRun = (at: number, { groups, parts }: Regrouped): number =>
  (at % parts) * groups + Math.floor(at / parts);

/** Runs move whole, whatever they hold; all that are regrouped together are read at once if they are few bytes. */
async function readRegrouped(
  file: OpenFile,
  { shape, offset, bytes }: Placed,
  arrangement: Regrouped,
  start: number,
  into: Uint8Array,
): Promise<Uint8Array> {
  const width = (arrangement.run * bytes) / (shape[0] ?? 1);
  const count = arrangement.groups * arrangement.parts;
  const stored = count * width <= 4 * stretch ? new Uint8Array(count * width) : undefined;
  const end = start + into.byteLength;
  for (let at = start - (start % width); at < end; at += width) {
    const run = (at / width) % count;
    const all = at - run * width;
    if (stored && (run === 0 || at <= start)) await readExactly(file, stored, offset + all);
    const [first, last] = [Math.max(start, at), Math.min(end, at + width)];
    const from = storedRun(run, arrangement) * width + first - at;
    const part = into.subarray(first - start, last - start);
    if (stored) part.set(stored.subarray(from, from + part.byteLength));
    else await readExactly(file, part, offset + all + from);
  }
  return into;
}

/** Bytes of stored rows that are read at once. */
const stretch = 2 ** 20;

/** Some stored rows, which are columns of what is asked for, at a time. */
async function readTransposed(
  file: OpenFile,
  { shape, offset, bytes }: Placed,
  start: number,
  into: Uint8Array,
): Promise<Uint8Array> {
  const [rows = 1, columns = 1] = shape;
  const width = bytes / (rows * columns);
  const [first, last] = [start / width, (start + into.byteLength) / width];
  const to = elementsOf(into, width);
  const count = Math.min(columns, Math.max(1, Math.floor(stretch / (rows * width))));
  const stored = new Uint8Array(count * rows * width);
  for (let column = 0; column < columns; column += count) {
    const some = stored.subarray(0, Math.min(count, columns - column) * rows * width);
    await readExactly(file, some, offset + column * rows * width);
    const from = elementsOf(some, width);
    for (let read = 0; read < from.length; read += rows) {
      const at = column + read / rows; // of row 0
      const end = Math.min(rows, Math.ceil((last - at) / columns));
      for (let row = Math.max(0, Math.ceil((first - at) / columns)); row < end; row++)
        to[row * columns + at - first] = from[read + row] as number;
    }
  }
  return into;
}

const elementsOf = ({ buffer, byteOffset, byteLength }: Uint8Array, width: number): Uint16Array | Uint32Array =>
  width === 2
    ? new Uint16Array(buffer, byteOffset, byteLength / 2)
    : new Uint32Array(buffer, byteOffset, byteLength / 4);
