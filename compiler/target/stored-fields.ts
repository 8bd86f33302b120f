/** Fields of formats as the tensors of files that hold them. */
import type { StoredField } from "../language/fields.ts";
import { known } from "../language/size.ts";
import { type Dimension, volume } from "../language/tensor.ts";
import { bytesOf } from "../model/coded-type.ts";
import type { TensorFacts } from "../model/facts.ts";
import { bitsOf } from "../plan/dtype.ts";
import { fileType, isFloatDType, type StoredDType, storedBits, weightType } from "../plan/stored-types.ts";

/** A tensor of a file. */
export interface FieldForm {
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
}

/** Types that old readers of files know; what has none of them lies in bytes. */
const common: readonly StoredDType[] = ["F32", "F16", "BF16", "I32", "I8", "U8", "F8_E4M3"];

/** A field in a tensor of its own type and shape or, where files have no such type, of bytes. */
export function plainForm({ dtype, dims }: StoredField): FieldForm {
  const [own, sizes] = [fileType(dtype), dims.map(({ size }) => known(size) ?? 0)];
  if (common.includes(own)) return { dtype: own, shape: sizes };
  const last = (sizes.at(-1) ?? 0) * bitsOf(dtype);
  return { dtype: "U8", shape: last % 8 === 0 ? [...sizes.slice(0, -1), last / 8] : [bytesOf({ dtype, dims })] };
}

/** A field in words of another type, with the dimensions that are named as rows of them; null if it does not fill them. */
export function rowsForm({ dtype, dims }: StoredField, stored: StoredDType, rows: readonly string[]): FieldForm | null {
  const sizeOf = (some: readonly Dimension[]): number => known(volume(some)) ?? 0;
  const isRow = ({ name }: Dimension): boolean => rows.includes(name);
  const [outer, inner] = [dims.filter(isRow), dims.filter((dim) => !isRow(dim))];
  const bits = isFloatDType(stored) ? bitsOf(dtype) : storedBits(stored);
  const words = (sizeOf(inner) * bitsOf(dtype)) / bits;
  if (!Number.isInteger(words)) return null;
  return {
    dtype: isFloatDType(stored) ? fileType(dtype) : stored,
    shape: [...(rows.length > 0 ? [sizeOf(outer)] : []), words],
  };
}

/** The field as a tensor of that form holds it: real numbers are read in the type that they have there. Null if it holds another one. */
export function fieldIn(field: StoredField, form: FieldForm, { dtype, shape }: TensorFacts): StoredField | null {
  const isShaped = wide(shape).join() === wide(form.shape).join();
  const real = weightType(dtype);
  if (!isShaped || (isFloatDType(form.dtype) ? !real : dtype !== form.dtype)) return null;
  return real ? { ...field, dtype: real } : field;
}

/** Dimensions of one position are nothing that programs agree on. */
const wide = (shape: readonly number[]): readonly number[] => shape.filter((size) => size !== 1);
