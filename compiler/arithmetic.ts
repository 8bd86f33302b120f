/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "af6e1b942f5fa9ec350035cf806625c5de10ebf82d70e9dc3ec0ba0027c8e0e1";
