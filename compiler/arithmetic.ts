/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "ce54806ac28d61919e326b8dde8a9fe40ca1a1ff60bc023c2c531a1d218e2776";
