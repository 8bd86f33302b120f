/** Bytes of which groups lie at equal distances, such as a field of blocks: of every `stride` bytes, `width` from `start` on. */
export interface Groups {
  readonly start: number;
  readonly width: number;
  readonly stride: number;
}

/** Writes bytes that lie together, the first of which is byte `at` of all groups' bytes, to their places. */
export function toGroups(together: Uint8Array, at: number, apart: Uint8Array, groups: Groups): void {
  for (const { offset, place, width, count } of runsOf(at, together.byteLength, groups))
    move(
      { bytes: together, start: offset, stride: groups.width },
      { bytes: apart, start: place, stride: groups.stride },
      { width, count },
    );
}

/** Reads bytes from their places, the inverse of `toGroups`. */
export function fromGroups(apart: Uint8Array, groups: Groups, together: Uint8Array, at: number): void {
  for (const { offset, place, width, count } of runsOf(at, together.byteLength, groups))
    move(
      { bytes: apart, start: place, stride: groups.stride },
      { bytes: together, start: offset, stride: groups.width },
      { width, count },
    );
}

/** Groups of which the same part moves: at most the rest of one, whole ones, and the beginning of one. */
interface Run {
  readonly offset: number;
  readonly place: number;
  readonly width: number;
  readonly count: number;
}

function runsOf(at: number, length: number, { start, width, stride }: Groups): readonly Run[] {
  const run = (offset: number, own: number, count: number): Run => {
    const group = Math.floor((at + offset) / width);
    return { offset, place: group * stride + start + ((at + offset) % width), width: own, count };
  };
  const rest = Math.min(length, (width - (at % width)) % width);
  const whole = Math.floor((length - rest) / width);
  const last = length - rest - whole * width;
  return [run(0, rest, 1), run(rest, width, whole), run(length - last, last, 1)].filter(
    ({ width, count }) => width > 0 && count > 0,
  );
}

interface Spaced {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly stride: number;
}

/** Groups that are moved while they are in the cache. */
const stretch = 4096;

/** Moves two bytes at once where all lies at even places. */
function move(from: Spaced, into: Spaced, { width, count }: { readonly width: number; readonly count: number }): void {
  const places = [from, into].flatMap(({ bytes, start, stride }) => [bytes.byteOffset + start, stride]);
  const unit = [...places, width].every((place) => place % 2 === 0) ? 2 : 1;
  const [source, target] = [elements(from, unit), elements(into, unit)];
  const [by, step] = [from.stride / unit, into.stride / unit];
  for (let first = 0; first < count; first += stretch) {
    const end = Math.min(count, first + stretch);
    for (let i = 0; i < width / unit; i++)
      for (let group = first, a = first * by + i, b = first * step + i; group < end; group++, a += by, b += step)
        target[b] = source[a] as number;
  }
}

/** What lies from the start on, in elements of so many bytes. */
function elements({ bytes, start }: Spaced, unit: 1 | 2): Uint8Array | Uint16Array {
  const [first, length] = [bytes.byteOffset + start, bytes.byteLength - start];
  return unit === 1 ? bytes.subarray(start) : new Uint16Array(bytes.buffer, first, Math.floor(length / 2));
}
