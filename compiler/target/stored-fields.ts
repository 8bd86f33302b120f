/** Fields of formats as the tensors of files that hold them. */
import type { StoredField } from "../language/format.ts";
import { known } from "../language/size.ts";
import { bytesOf } from "../model/coded-type.ts";
import type { TensorFacts } from "../model/facts.ts";
import { bitsOf } from "../plan/dtype.ts";
import { fileType, isFloatDType, type StoredDType, weightType } from "../plan/stored-types.ts";

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

/** The field as a tensor of that form holds it: real numbers are read in the type that they have there. Null if it holds another one. */
export function fieldIn(field: StoredField, form: FieldForm, { dtype, shape }: TensorFacts): StoredField | null {
  const isShaped = shape.length === form.shape.length && shape.every((size, i) => size === form.shape[i]);
  const real = weightType(dtype);
  if (!isShaped || (isFloatDType(form.dtype) ? !real : dtype !== form.dtype)) return null;
  return real ? { ...field, dtype: real } : field;
}
