/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "955e9c518dd111aa35859b5c59d9498a0f794f87a79d558bbe6385439a342ad9";
