/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "f84759246c0d3cdcb9e5db2eee7784b229874940405b9d4c0a69d8a407525934";
