/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "2b538c6ae1cf7c3117135ec412c62b0b05ec425b1c915760324ef1d926fe8655";
