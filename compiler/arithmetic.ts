/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "f4d654399fb2f13a22be891be73be56056475f67df95382fb05672cfcdece1a5";
