/** How elements of less than a word share words: those that are read at once, and those of which a word holds a part. */

import { type Index, plus, quotient, times } from "../index/affine.ts";
import { bitsOf, type Packed, readAs, wholeRange } from "../plan/dtype.ts";

/** Whether no element lies in two words. */
export const isWithinWords = (type: Packed): boolean => 32 % bitsOf(type) === 0;

/** Of how many elements a word holds a part. */
export const packedInWord = (type: Packed): number =>
  isWithinWords(type) ? 32 / bitsOf(type) : Math.ceil(31 / bitsOf(type)) + 1;

/** The first element of which a word holds a part. */
export const firstInWord = (type: Packed, word: Index): Index =>
  plus(times(word, Math.floor(32 / bitsOf(type))), quotient(times(word, 32 % bitsOf(type)), bitsOf(type)));

/** WGSL for the bits of `count` neighbours from `count * i` on, in the lowest of a word or of several; `word` is the text of one. */
export function bitsText(type: Packed, count: number, word: (at: string) => string): readonly string[] {
  const bits = count * bitsOf(type);
  if (bits % 32 === 0)
    return Array.from({ length: bits / 32 }, (_, j) => word(bits === 32 ? "i" : `i * ${bits / 32}u + ${j}u`));
  const perWord = 32 / bits;
  if (Number.isInteger(perWord))
    return [`(${word(`i >> ${Math.log2(perWord)}u`)} >> ((i & ${perWord - 1}u) * ${bits}u))`];
  const at = `(i >> 5u) * ${bits}u + (((i & 31u) * ${bits}u) >> 5u)`;
  const shift = `(((i & 31u) * ${bits}u) & 31u)`;
  // The next word only where bits lie in it: behind the last there is none.
  const next = `${at} + select(0u, 1u, ${shift} > ${32 - bits}u)`;
  return [`((${word(at)} >> ${shift}) | ((${word(next)} << (31u - ${shift})) << 1u))`];
}

/** WGSL functions from values to codes and back. Codes of whole numbers are their lowest bits; those of reals are in bodies/small-floats.ts. */
export function conversions(type: Packed): Readonly<Record<string, string>> {
  const value = readAs(type);
  const range = wholeRange(type);
  return {
    ...(range && wholeConversions(type, range)),
    [`to_${type}`]: `fn to_${type}(x: ${value}) -> ${value} { return decode_${type}(encode_${type}(x)); }`,
    [`pack_${type}`]: packText(type),
  };
}

/**
 * `round` goes towards zero; out of range it takes the nearest there is, and 0 for NaN. Beside 3 · 2^22 the bits of an f32 count
 * whole numbers, so that it costs an addition: the language's own conversion is many times as dear on software adapters.
 */
function wholeConversions(
  type: Packed,
  { low, high }: { readonly low: number; readonly high: number },
): Readonly<Record<string, string>> {
  const bits = bitsOf(type);
  const rest = 32 - bits;
  const encoded = `u32(clamp(x, ${low}, ${high})) & ${2 ** bits - 1}u`;
  const decoded = low < 0 ? `i32(bits << ${rest}u) >> ${rest}u` : `i32(bits & ${high}u)`;
  const whole = `trunc(clamp(x, ${low}.0, ${high}.0))`;
  const rounded = `select(bitcast<i32>(${whole} + 12582912.0) - 0x4b400000, 0, math_is_nan(x))`;
  return {
    [`encode_${type}`]: `fn encode_${type}(x: i32) -> u32 { return ${encoded}; }`,
    [`decode_${type}`]: `fn decode_${type}(bits: u32) -> i32 { return ${decoded}; }`,
    [`round_${type}`]: `fn round_${type}(x: f32) -> i32 { return ${rounded}; }`,
  };
}

/** The word at a place, from the values of which it holds a part or more; of the first, the lowest bits may lie in the word before. */
function packText(type: Packed): string {
  const [bits, count] = [bitsOf(type), packedInWord(type)];
  return `fn pack_${type}(at: u32, x: array<${readAs(type)}, ${count}>) -> u32 {
  let before = ((at % ${bits}u) * ${32 % bits}u) % ${bits}u;
  var word = encode_${type}(x[0]) >> before;
  for (var i = 1u; i < ${count}u; i++) {
    let shift = i * ${bits}u - before;
    word |= select(encode_${type}(x[i]) << (shift & 31u), 0u, shift > 31u);
  }
  return word;
}`;
}
