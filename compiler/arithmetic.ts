/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "e15e4f0fe65464bd987a614be4d0c3f1a6154975fdf7bda047e8f526553e5404";
