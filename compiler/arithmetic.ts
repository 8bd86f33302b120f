/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "cdabe3b5eaaec24a1fa25a6b65e6fe90b1bf292faaee823bedd97e667bc9afa7";
