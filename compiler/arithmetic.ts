/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "9a26e5aa7e088d412cde122f5079ef03b4623d639085b8988d95327b3f1bfd58";
