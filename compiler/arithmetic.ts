/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "a03bfc1dc24c266c4b7bfbd83266f5d428be5b7ccb8ea0e203a8932df46c396e";
