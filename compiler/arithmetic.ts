/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "f1aa3a0fda1ed070b5452601533f7c424c871c4eb58622cb7061d14eeb3f426b";
