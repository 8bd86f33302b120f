/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "88f87ac097825864700158e3cba05fb88f49681feb5dac9c11614710977a41b9";
