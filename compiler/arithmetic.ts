/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "3487571abab3ac28148962e567a4a38b1ec395457dc20c887098606542a5e4a9";
