/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "a3d309f1f8da38026319531072485d79af683ab867c2047d779334d16c9af9ad";
