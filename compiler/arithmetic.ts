/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "0845aee1f8b9b616cec5c0bfcc657dc53858b333fdb52fdd5fc8cd237e832557";
