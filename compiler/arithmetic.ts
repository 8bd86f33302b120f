/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "fa8e63d1c608e21a5bb1d822cade326fa3d864408556009773ff6f08e1864f23";
