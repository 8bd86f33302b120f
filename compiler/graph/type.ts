/** Tensor types: a dtype and a set of named dimensions. From the graph on every size is a number. */
import { bitsOf, type DType } from "../plan/dtype.ts";

export interface Dim {
  /** Unique within a tensor; two dims are the same dimension when name and size agree. */
  readonly name: string;
  /** NaN while a model or a text is still to decide it: such nodes are checked as all others are, and stand in no graph. */
  readonly size: number;
}

/** Whether a size is still to be decided. */
export const isOpen = ({ dims }: TensorType): boolean => dims.some(({ size }) => Number.isNaN(size));

/** Whether two sizes are the same, as far as both are decided. */
export const agree = (a: number, b: number): boolean => a === b || Number.isNaN(a) || Number.isNaN(b);

export interface TensorType {
  readonly dtype: DType;
  /** A set; the order is how it is printed and the default order in memory, the last contiguous. */
  readonly dims: readonly Dim[];
}

export const sizeOf = (type: TensorType, name: string): number | undefined =>
  type.dims.find((dim) => dim.name === name)?.size;

/** Number of elements; 1 for a scalar. */
export const count = ({ dims }: { readonly dims: readonly Pick<Dim, "size">[] }): number =>
  dims.reduce((n, { size }) => n * size, 1);

/**
 * The most positions along a dimension, terms of a reduction and elements of a buffer. An i32 counts them, and the u32 in which
 * kernels compute indices has as many to spare: no counter of a loop and no number of an invocation wraps on its way past the end.
 */
export const mostPositions = 2 ** 31;

/** Bytes of that many elements in memory: whole words. */
export const bytesIn = (dtype: DType, elements: number): number => Math.ceil((elements * bitsOf(dtype)) / 32) * 4;

/** `f32[out: 128, in: 64]` */
export const showType = ({ dtype, dims }: TensorType): string =>
  dims.length === 0 ? dtype : `${dtype}[${dims.map(({ name, size }) => `${name}: ${size}`).join(", ")}]`;
