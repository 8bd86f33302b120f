/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "2880cbaae5560c0eadd8970a5935ca712c4059022602c8536c9d8a65e2cf53cc";
