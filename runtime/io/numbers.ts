// Stored floats (F32, F16, BF16, little-endian) to f32, which holds them all. Done on bits, since Float16Array is missing
// from Node 22.

import { type FloatDType, floatWidth } from "../../compiler/plan/stored-types.ts";

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

/**
 * What makes an exponent of ones overflow: beneath `mask` are the exponents of a word of 32 bits, and adding `step` carries each
 * that is all ones into `carried`.
 */
const carries = {
  F32: { mask: 0x7f800000, step: 0x00800000, carried: 0x80000000 },
  F16: { mask: 0x7c007c00, step: 0x04000400, carried: 0x80008000 },
  BF16: { mask: 0x7f807f80, step: 0x00800080, carried: 0x80008000 },
} as const;

/** Words between two looks at what was carried. */
const stretch = 4096;

/** The index of the first NaN or infinity among stored floats, or -1: the exponent is all ones in both. */
export function firstNonFinite(bytes: Uint8Array, dtype: FloatDType): number {
  const { mask, step, carried } = carries[dtype];
  const width = floatWidth(dtype);
  const whole = bytes.byteLength - (bytes.byteLength % 4);
  const stored = doubleWords(bytes.subarray(0, whole));
  for (let start = 0; start < stored.length; start += stretch) {
    const end = Math.min(start + stretch, stored.length);
    let seen = 0;
    for (let i = start; i < end; i++) seen |= ((stored[i] as number) & mask) + step;
    if ((seen & carried) !== 0) return (4 * start) / width + slowly(bytes.subarray(4 * start), dtype);
  }
  const last = slowly(bytes.subarray(whole), dtype);
  return last < 0 ? -1 : whole / width + last;
}

const slowly = (bytes: Uint8Array, dtype: FloatDType): number =>
  toFloat32(bytes, dtype).findIndex((value) => !Number.isFinite(value));
