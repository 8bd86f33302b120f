/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "df39d4b3e512a1ed076b71c31e5587888097f5c6c5144ecdbf5994ac8c91c7aa";
