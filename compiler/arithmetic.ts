/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "bafffecd40bc8d697fac8e96f479449dfb71c5dc86e27698736ee2b330334c32";
