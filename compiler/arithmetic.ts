/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "730d35eb4e76c09bd776ded28628aea034d363e3b6cd9288ff79db53723e017f";
