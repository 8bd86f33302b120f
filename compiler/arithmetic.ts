/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "b75fd9f62e8b0b2c4ec72ee4916b344b320d3e5eff18ee23834c40d5fb8b75c6";
