/** Where the elements of a tensor lie, row-major in the order of its dimensions. */
import type { Dim } from "./type.ts";

/** Row-major strides by name. */
export function strides(dims: readonly Dim[]): Map<string, number> {
  const result = new Map<string, number>();
  let stride = 1;
  for (const { name, size } of dims.toReversed()) {
    result.set(name, stride);
    stride *= size;
  }
  return result;
}

/** For each element over `dims`, row-major: its offset where each named dimension has that stride, and others 0. */
export function offsets(dims: readonly Dim[], strideOf: ReadonlyMap<string, number>): Int32Array {
  let result = Int32Array.of(0);
  for (const { name, size } of dims) {
    const stride = strideOf.get(name) ?? 0;
    const next = new Int32Array(result.length * size);
    for (const [i, offset] of result.entries()) for (let j = 0; j < size; j++) next[i * size + j] = offset + j * stride;
    result = next;
  }
  return result;
}
