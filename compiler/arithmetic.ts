/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "7b2dca919b8161655e3bb4cf3b047b5da3d62dbea52495b41c96f002bd777747";
