/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "1a15da5a8a2eee7532977a7d9822e140121bfd86b544688d0cf4d4ce9f9bea48";
