/** Elements of less than a word as memory has them, after the tables of what their codes mean. */
import { roundTo } from "../../compiler/graph/interpret.ts";
import { bitsOf, type Packed } from "../../compiler/plan/dtype.ts";
import { toFloat32 } from "../../runtime/io/numbers.ts";

/** What each code means, the code 0 first. */
function meanings(type: Packed): Float64Array {
  const codes = Array.from({ length: 2 ** bitsOf(type) }, (_, code) => code);
  if (type === "f16" || type === "bf16")
    return Float64Array.from(
      toFloat32(new Uint8Array(Uint16Array.from(codes).buffer), type === "f16" ? "F16" : "BF16"),
    );
  const meaning = Object.entries(meaningOf).find(([name]) => name === type)?.[1];
  return Float64Array.from(codes, meaning ?? ((code) => code));
}

const meaningOf: Readonly<Record<Exclude<Packed, "f16" | "bf16" | `u${number}`>, (code: number) => number>> = {
  i8: (code) => (code > 127 ? code - 256 : code),
  e8m0: (code) => (code === 255 ? NaN : code === 0 ? 0 : 2 ** (code - 127)),
  e2m1: (code) => signed(code > 7, [0, 0.5, 1, 1.5, 2, 3, 4, 6][code % 8] ?? NaN),
  e4m3: (code) => {
    const [exponent, mantissa] = [(code >> 3) & 15, code & 7];
    if (exponent === 15 && mantissa === 7) return NaN;
    return signed(code > 127, exponent === 0 ? mantissa * 2 ** -9 : (8 + mantissa) * 2 ** (exponent - 10));
  },
};

const signed = (isNegative: boolean, size: number): number => (isNegative ? -size : size);

const nameOf = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

/** Whole words. */
export function encodePacked(type: Packed, values: Float64Array): Uint8Array {
  const bits = bitsOf(type);
  const codes = new Map([...meanings(type)].map((value, code) => [nameOf(value), code]));
  const bytes = new Uint8Array(Math.ceil((values.length * bits) / 32) * 4);
  for (const [i, value] of values.entries()) {
    const code = codes.get(nameOf(roundTo(type, value)));
    if (code === undefined) throw new Error(`${type} has no ${roundTo(type, value)}`);
    for (let bit = 0; bit < bits; bit++) {
      const at = i * bits + bit;
      bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (((code >> bit) & 1) << (at & 7));
    }
  }
  return bytes;
}

export function decodePacked(type: Packed, bytes: Uint8Array): Float64Array {
  const bits = bitsOf(type);
  const values = meanings(type);
  return Float64Array.from({ length: Math.floor((8 * bytes.length) / bits) }, (_, i) => {
    let code = 0;
    for (let bit = 0; bit < bits; bit++) {
      const at = i * bits + bit;
      code |= (((bytes[at >> 3] ?? 0) >> (at & 7)) & 1) << bit;
    }
    return values[code] ?? NaN;
  });
}
