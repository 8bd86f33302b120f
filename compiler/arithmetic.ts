/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "6ae08aa3657d76b6b3b3aea2b40f8ac8f9fd077ccc8619190338da3b9686770c";
