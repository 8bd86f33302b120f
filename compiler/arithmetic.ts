/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "0b4647373a9c9bf9efc54d17e26ff46fb08d3988d79f3c6b8d675da4cb049b77";
