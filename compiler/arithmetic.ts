/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "9fff96c32ea89ad54363feb74cfae56279051b3ba600e1476fbe9f1ca1796782";
