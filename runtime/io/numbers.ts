// Stored floats (F32, F16, BF16, little-endian) to f32 exactly, and back with round to nearest, ties to even. Done on
// bits, since Float16Array is missing from Node 22.

/** The stored float types that weights may have. */
export type FloatDType = "F32" | "F16" | "BF16";

/** True for the dtypes that `toFloat32` reads. */
export const isFloatDType = (dtype: string): dtype is FloatDType =>
  dtype === "F32" || dtype === "F16" || dtype === "BF16";

const words = (bytes: Uint8Array): Uint16Array => {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
};

const doubleWords = (bytes: Uint8Array): Uint32Array => {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
};

/** The f32 bits of f16 bits; every f16 is an f32, so nothing is rounded. */
function widenHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  const shift = Math.clz32(fraction) - 21; // a subnormal: move its leading one to the implicit place
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}

/** Shifts right and rounds to nearest, ties to even. */
function roundedShift(bits: number, shift: number): number {
  const kept = bits >>> shift;
  const rest = bits - kept * 2 ** shift;
  const half = 2 ** (shift - 1);
  return kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0);
}

function narrowHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00 | ((size >>> 13) & 0x3ff); // NaN stays NaN, quiet
  if (size >= 0x477ff000) return sign | 0x7c00; // 65520 and above round to infinity
  if (size >= 0x38800000) return sign | roundedShift(size - 0x38000000, 13); // normal f16
  if (size < 0x33000000) return sign; // below half of the smallest subnormal
  const shift = 126 - (size >>> 23);
  return sign | roundedShift((size & 0x7fffff) | 0x800000, shift);
}

function narrowBrain(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40; // NaN stays NaN, quiet
  return roundedShift(bits >>> 0, 16);
}

let halfTable: Uint32Array | undefined;

function halves(): Uint32Array {
  halfTable ??= Uint32Array.from({ length: 0x10000 }, (_, half) => widenHalf(half));
  return halfTable;
}

/** The values of stored floats. The result of F32 may share memory with `bytes`. */
export function toFloat32(bytes: Uint8Array, dtype: FloatDType): Float32Array {
  if (dtype === "F32") {
    const bits = doubleWords(bytes);
    return new Float32Array(bits.buffer, bits.byteOffset, bits.length);
  }
  const source = words(bytes);
  const bits = new Uint32Array(source.length);
  if (dtype === "BF16") for (let i = 0; i < bits.length; i++) bits[i] = (source[i] as number) << 16;
  else for (let i = 0, table = halves(); i < bits.length; i++) bits[i] = table[source[i] as number] as number;
  return new Float32Array(bits.buffer);
}

/** Values as stored floats, rounded to nearest, ties to even. The result of F32 shares memory with `values`. */
export function fromFloat32(values: Float32Array, dtype: FloatDType): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  if (dtype === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const narrow = dtype === "F16" ? narrowHalf : narrowBrain;
  const result = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = narrow(bits[i] as number);
  return new Uint8Array(result.buffer);
}

/** The index of the first NaN or infinity among stored floats, or -1: the exponent is all ones in both. */
export function firstNonFinite(bytes: Uint8Array, dtype: FloatDType): number {
  const stored = dtype === "F32" ? doubleWords(bytes) : words(bytes);
  const exponent = { F32: 0x7f800000, F16: 0x7c00, BF16: 0x7f80 }[dtype];
  return stored.findIndex((bits) => (bits & exponent) === exponent);
}
