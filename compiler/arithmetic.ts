/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "44bee012cd0702615d252a65f8c0ae3781f5a538cb6be284f6b388babcecd57d";
