/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "4ccc319d397e44ed16dcf75abc3df2a50ccb5127198b5865e4bf852837f2329d";
