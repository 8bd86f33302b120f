/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "087266793cf6a3603233d521234fa72a199d28253d3abceb4741264f43ef1542";
