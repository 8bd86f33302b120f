/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "ca3956a68ae723f7389ac35d73ec90bcde6bbecbd53eb135b637a30f38688815";
