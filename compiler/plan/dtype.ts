/** What elements are: as values, and as they lie in memory. */

/** The dtype in which a value is computed. `bool` is one u32 per element in memory. */
export type ValueType = "f32" | "i32" | "u32" | "bool";

/**
 * Stored types that share words of memory: element `i` has the bits from `i * bits` on, the lowest first, and may lie in two words.
 * `u4` is a whole number from 0 to 15; `e4m3`, `e2m1` and `e8m0` are those of OCP, which have no infinity.
 */
const packed = {
  ...{ f16: { bits: 16, reads: "f32" }, bf16: { bits: 16, reads: "f32" } },
  ...{ e4m3: { bits: 8, reads: "f32" }, e2m1: { bits: 4, reads: "f32" }, e8m0: { bits: 8, reads: "f32" } },
  ...{ u1: { bits: 1, reads: "i32" }, u2: { bits: 2, reads: "i32" }, u3: { bits: 3, reads: "i32" } },
  ...{ u4: { bits: 4, reads: "i32" }, u5: { bits: 5, reads: "i32" }, u6: { bits: 6, reads: "i32" } },
  ...{ u7: { bits: 7, reads: "i32" }, u8: { bits: 8, reads: "i32" }, i8: { bits: 8, reads: "i32" } },
} as const satisfies Readonly<Record<string, { readonly bits: number; readonly reads: ValueType }>>;

export type Packed = keyof typeof packed;

export const packedTypes = Object.keys(packed) as readonly Packed[];

/** Stored types of weights as most files have them. */
export type Float = "f32" | "f16" | "bf16";

export type DType = ValueType | Packed;

export const dtypes: readonly DType[] = ["f32", "i32", "u32", "bool", ...packedTypes];

export const isPacked = (dtype: DType): dtype is Packed => Object.hasOwn(packed, dtype);

/** Of an element in memory; `bool` takes a word. */
export const bitsOf = (dtype: DType): number => (isPacked(dtype) ? packed[dtype].bits : 32);

/** The whole numbers that a stored type holds; undefined for one of reals, and for those that are no codes. */
export function wholeRange(dtype: DType): { readonly low: number; readonly high: number } | undefined {
  if (!isPacked(dtype) || readAs(dtype) !== "i32") return undefined;
  return dtype === "i8" ? { low: -128, high: 127 } : { low: 0, high: 2 ** bitsOf(dtype) - 1 };
}

const greatestReals: Readonly<Partial<Record<DType, number>>> = { f16: 65504, e4m3: 448, e2m1: 6 };

/** The greatest finite number of a type of reals; those that have as many exponents as f32 are counted as f32. */
export const greatest = (dtype: DType): number => greatestReals[dtype] ?? 2 ** 128 * (1 - 2 ** -24);

/** The dtype in which a value that is stored like this is computed. */
export const readAs = (dtype: DType): ValueType => (isPacked(dtype) ? packed[dtype].reads : dtype);
