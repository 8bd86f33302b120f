/** Pieces of WGSL that the bodies of contractions are written with. */
import type { Contraction } from "../schedule/contraction.ts";

/** 0, 1 … count - 1. */
export const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

/** `text(0) text(1) …`, each on a line of its own, indented like the line that it stands in. */
export const lines = (count: number, text: (i: number) => string, indent = "  "): string =>
  range(count).map(text).join(`\n${indent}`);

/** `text + n` */
export const plus = (text: string, n: number): string => (n === 0 ? text : `${text} + ${n}u`);

/** `text · n` */
export const times = (text: string, n: number): string => (n === 1 ? text : `${text} * ${n}u`);

/** The statement, where it must not run for every index only below the given sizes. */
export function guarded(
  statement: string,
  bounds: readonly { readonly index: string; readonly below: number; readonly isNeeded: boolean }[],
): string {
  const conditions = bounds.filter(({ isNeeded }) => isNeeded).map(({ index, below }) => `${index} < ${below}u`);
  return conditions.length === 0 ? statement : `if (${conditions.join(" && ")}) { ${statement} }`;
}

/** The arguments `s0, s1 …` of `store`, for the accumulators whose names `sum` gives. */
export const sums = ({ accumulators }: Contraction, sum: (accumulator: number) => string): string =>
  range(accumulators).map(sum).join(", ");

/**
 * Sums start from -0, the only float that adds nothing to any other: from 0, whether a sum of -0 is 0 or -0 would depend on
 * which of the compilers below leave out `0.0 + x`. Some take the literal `-0.0` for 0, none what a private variable holds.
 */
export const nothing = "bitcast<f32>(nothing)";

/** What a body that says `nothing` declares. */
export const declaredNothing = "var<private> nothing: u32 = 0x80000000u;";

/** `index`, or the last index below `size` where it may be out of range: an edge loads again what is never stored. */
export const clamped = (index: string, size: number, mayExceed: boolean): string =>
  mayExceed ? `min(${index}, ${size - 1}u)` : index;
