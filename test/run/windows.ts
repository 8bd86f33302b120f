import type { Windows } from "../../runtime/io/corpus.ts";

/** All windows, one after the other. */
export const listed = ({ length, at }: Windows): Int32Array[] => Array.from({ length }, (_, i) => at(i));
