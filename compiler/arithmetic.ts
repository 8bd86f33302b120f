/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "df5729e990c6092685876d0970a65edf2759feb6eb7cd3820f736b5811956f98";
