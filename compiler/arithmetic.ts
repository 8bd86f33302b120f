/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "4c65881014235b1477c2fefb4dce289676a5bd93b03040f2d00bbd69a62dc288";
