/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "cdd5b885aeeb5fa326844e7aaf23ac79fa1559783f82409582f88fe11434f7ea";
