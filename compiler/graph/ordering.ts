/** What the primitives mean that put numbers in order. */
import { offsets, strides } from "./offsets.ts";
import type { Dim } from "./type.ts";

interface Of {
  readonly dims: readonly Dim[];
}

/** NaN is below all others. */
export const ascending = (a: number, b: number): number =>
  Number.isNaN(a) || Number.isNaN(b) ? Number(Number.isNaN(b)) - Number(Number.isNaN(a)) : a - b;

/** 1 for the `keep` greatest of each row, of equals for the later. */
export function bestOf(
  { dims }: Of,
  values: Float64Array,
  { keep, over }: { readonly keep: number; readonly over: readonly string[] },
): Float64Array {
  const result = new Float64Array(values.length);
  for (const row of rowsOf(dims, over)) {
    const sorted = row.toSorted((a, b) => ascending(values[a] ?? NaN, values[b] ?? NaN));
    for (const at of sorted.slice(row.length - keep)) result[at] = 1;
  }
  return result;
}

/** The places of each row in ascending order. */
export function orderOf({ dims }: Of, values: Float64Array, over: string): Float64Array {
  const result = new Float64Array(values.length);
  for (const row of rowsOf(dims, [over])) {
    const places = [...row.keys()].sort((a, b) => ascending(values[row[a] ?? 0] ?? NaN, values[row[b] ?? 0] ?? NaN));
    for (const [i, at] of row.entries()) result[at] = places[i] ?? NaN;
  }
  return result;
}

/** Where the elements of each row lie, along the dimensions in the order given. */
function rowsOf(dims: readonly Dim[], over: readonly string[]): readonly (readonly number[])[] {
  const inner = over.flatMap((name) => dims.filter((dim) => dim.name === name));
  const outer = dims.filter(({ name }) => !over.includes(name));
  const along = strides(dims);
  return [...offsets(outer, along)].map((start) => [...offsets(inner, along)].map((offset) => start + offset));
}
