/**
 * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store
 * is not read. test/compiler/arithmetic.test.ts writes it.
 */
export const arithmetic = "f45af833c501d281c40de1d025ad1a07f4ba8d49c785af10e33c21d161449907";
