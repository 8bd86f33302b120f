/** Arithmetic on numbers known at compile time: exact as long as the fractions can be counted, so that 29 % of 100 is 29. */
import type * as Ast from "../../grammar/ast.ts";
import { divided, isExact, known, minus, plus, rational, type Size, times } from "./size.ts";

/**
 * A number known at compile time; `real` where its value is known, `size` where it can be counted: a fraction, or a whole number
 * of named sizes. One whose value is known without a size is real, even if it has no decimals. One of which nothing is known
 * yet may be known to be whole.
 */
export interface Num {
  readonly kind: "number";
  readonly real: number | null;
  readonly size: Size | null;
  readonly isWhole?: true;
  /** It is the number of a block, of so many. */
  readonly blocks?: number;
  /** Written as a share of something, `25%`. */
  readonly isShare?: true;
  /** The field of config.json that says it, if one does. */
  readonly field?: string;
}

export const number = (real: number): Num => ({ kind: "number", real, size: rational(real) });
/** As it is written; `25%` is a share. */
export const literal = ({ value, unit }: Ast.NumberLiteral): Num => ({
  ...number(value),
  ...(unit === "%" && { isShare: true }),
});
export const ofSize = (size: Size): Num => ({ kind: "number", real: known(size) ?? null, size });
export const unknownNumber: Num = { kind: "number", real: null, size: null };
export const unknownWhole: Num = { ...unknownNumber, isWhole: true };

/** Whether a number is whole, as far as is known: one that cannot be counted is real. */
export const isCounted = ({ real, size, isWhole }: Num): boolean =>
  isWhole === true || (size !== null && (real === null || Number.isInteger(real)));

/** `a op b`, for which `real` is the rule in floating point. */
export function numbers(op: string, real: (a: number, b: number) => number, a: Num, b: Num): Num {
  const exact = exactly(op, a, b);
  if (a.real !== null && b.real !== null) return exact ? ofSize(exact) : number(real(a.real, b.real));
  if (exact && !isFraction(a) && !isFraction(b)) return ofSize(exact);
  return whole.has(op) && isCounted(a) && isCounted(b) ? unknownWhole : unknownNumber;
}

/** Whether f32 holds a number, rounded: adapters may take those below its least normal one for 0. */
export const isHeld = (value: number): boolean =>
  Number.isFinite(Math.fround(value)) && (value === 0 || Math.abs(value) >= leastNormal);

const leastNormal = 2 ** -126;

export const heldRange = "a number that f32 holds: 0, or from 1.2e-38 to 3.4e38 in size";

/** What gives whole numbers of whole numbers. */
const whole: ReadonlySet<string> = new Set(["+", "-", "*", "%", "min", "max"]);

const isFraction = ({ real }: Num): boolean => real !== null && !Number.isInteger(real);

function exactly(op: string, { size: a }: Num, { size: b }: Num): Size | undefined {
  if (!a || !b || (op !== "+" && op !== "-" && op !== "*" && op !== "/")) return undefined;
  const result = { "+": plus, "-": minus, "*": times, "/": divided }[op](a, b);
  return result && isExact(result) ? result : undefined;
}
