/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "f1285b59b93a0e796b3f1e61447f65de18790e53ad5cd8f758e6cc3be74ab9d9";
