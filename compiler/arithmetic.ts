/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "9e27981b574ba0d3d1effbcdfc11a6f7d9869092c687f7ea216f43687791ec66";
