/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "dfe5d06b5fe6206f16b12bb48c6499ce5d9d4eec139955a5a986c6777ee4c4fe";
