/** Weights that a formula makes of a tensor's name: the same, to the bit, as `values` of test/peers/architectures.py. */

/** The name without what all names of a model begin with. */
export const bare = (name: string): string => name.replace(/^(model|transformer|gpt_neox)\./, "");

/** Spread evenly from -1/4 to 1/4, or for norms from 3/4 to 5/4. */
export function values(name: string, shape: readonly number[]): Float32Array {
  const seed = [...Buffer.from(bare(name))].reduce((hash, byte) => Math.imul(hash ^ byte, 16777619), 2166136261);
  const around = shape.length === 1 && name.endsWith("weight") ? 1 : 0;
  return Float32Array.from(
    { length: shape.reduce((all, size) => all * size, 1) },
    (_, i) => around + ((mixed(seed + Math.imul(i, 0x9e3779b9)) >>> 8) / 2 ** 25 - 0.25),
  );
}

/** A permutation of 32-bit words that leaves no pattern. Wellons, 2018: the hash `lowbias32`. */
function mixed(word: number): number {
  const once = Math.imul(word ^ (word >>> 16), 0x7feb352d);
  const twice = Math.imul(once ^ (once >>> 15), 0x846ca68b);
  return (twice ^ (twice >>> 16)) >>> 0;
}
