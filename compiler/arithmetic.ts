/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "ab997c334faf5531807f67818fc1a4a4750987c7de67f3f6dd472645a83c1115";
