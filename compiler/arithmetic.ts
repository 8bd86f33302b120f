/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "f17c45537292d4d30fceceae96d39099cfad0ec8205257bdf512b739fda4458f";
