/**
 * Mesa and the SPIR-V tools rewrite float arithmetic as if it were exact. A fence, which nothing sees through, stands between
 * two operations that they would join, so that all adapters round alike. The rules below were found by running every
 * expression of two and three operations on lavapipe and SwiftShader; C is a constant, or follows from the index of a loop that
 * may be unrolled.
 */
import type { ElementOp, Scalar } from "./scalar.ts";

/** For each operand of the operation, whether it needs a fence. */
export function fences(op: ElementOp, inputs: readonly Scalar[]): readonly boolean[] {
  const [a, b] = inputs;
  const rule = rules[op];
  return rule && a?.dtype === "f32" && b?.dtype === "f32" ? rule(a, b) : inputs.map(() => false);
}

type Rule = (a: Scalar, b: Scalar) => readonly [boolean, boolean];

const rules: { readonly [Op in ElementOp]?: Rule } = {
  add: (a, b) => [haveCommonFactor(a, b) || movesInSum(a, b), movesInSum(b, a)],
  // a - a = 0, even where a is infinite; with two fences, too.
  sub: (a, b) => (a === b ? [true, false] : [haveCommonFactor(a, b) || movesInSum(a, b), movesInSum(b, a)]),
  mul: (a, b) => [
    mayBeZero(a, b) || (isRoot(a) && isRoot(b)) || movesInProduct(a, b),
    mayBeZero(b, a) || movesInProduct(b, a),
  ],
  div: (a, b) => [
    mayBeZero(a, b) || inputsOf(a, "mul").includes(b),
    mayBeFolded(b) || (isConstant(a) && endsIn(b, "mul")),
  ],
  mod: (_, b) => [false, mayBeFolded(b)],
  // Its body is full of constants.
  pow: (a, b) => [isConstant(a), isConstant(b)],
};

/** x / C = x · (1 / C); and what is undefined, for a divisor that Mesa finds to be 0: the least of 0 and something positive, say. */
const mayBeFolded = (x: Scalar): boolean =>
  isConstant(x) || (x.kind === "apply" && ["min", "max", "select"].includes(x.op) && x.inputs.some(isZero));

/** a·b + a·c = a·(b + c). */
const haveCommonFactor = (a: Scalar, b: Scalar): boolean => factorsOf(a).some((x) => factorsOf(b).includes(x));

/** x·C · C and x/y · y. */
const movesInProduct = (x: Scalar, other: Scalar): boolean =>
  (isConstant(other) && endsIn(x, "mul")) || inputsOf(x, "div")[1] === other;

/** Whether a value that is added to the terms before it would not be added as a whole. */
export const isTakenApart = (term: Scalar): boolean => term.dtype === "f32" && isSumOfProducts(term);

/** (a·b + c·d) + e = a·b + (c·d + e). */
const isSumOfProducts = (x: Scalar): boolean =>
  termsOf(x).length > 0 && termsOf(x).every((term) => factorsOf(term).length > 0);

/** (a + C) + C, a sum of products, which a sum of two terms may be, and (a + b) + a. */
const movesInSum = (x: Scalar, other: Scalar): boolean =>
  x.kind === "named" ||
  (isConstant(other) && endsIn(x, "add")) ||
  termsOf(x)
    .flatMap(oneOf)
    .some((term) => oneOf(other).includes(term)) ||
  isSumOfProducts(x);

/** √x · √x would be x. */
const isRoot = (x: Scalar): boolean => inputsOf(x, "sqrt", "rsqrt").length > 0;

const isConstant = ({ isKnown }: Scalar): boolean => isKnown;

const isZero = (x: Scalar): boolean => x.kind === "constant" && x.value === 0;

/** 0 · x and 0 / x would be 0, even where x is infinite or NaN. */
const mayBeZero = (x: Scalar, other: Scalar): boolean =>
  x.kind === "constant" ? x.value === 0 : x.isKnown && !other.isKnown;

/** What Mesa may see beneath signs, which it moves freely, and beneath |x| and bounds, which it leaves out where x is of one sign. */
function bare(x: Scalar): Scalar {
  if (x.kind !== "apply") return x;
  const [first, second] = x.inputs;
  if ((x.op === "neg" || x.op === "abs") && first) return bare(first);
  if ((x.op !== "min" && x.op !== "max") || !first || !second) return x;
  return isConstant(first) ? bare(second) : isConstant(second) ? bare(first) : x;
}

/** The value, and what it is where an operand turns out to be 0 or 1. */
function oneOf(x: Scalar): readonly Scalar[] {
  const value = bare(x);
  const [first, second] = inputsOf(value, "add", "sub", "mul", "div");
  if (first === undefined || second === undefined) return [value];
  return [value, ...(mayBeNothing(second) ? [bare(first)] : []), ...(mayBeNothing(first) ? [bare(second)] : [])];
}

const mayBeNothing = (x: Scalar): boolean =>
  x.kind === "constant" ? x.value === 0 || Math.abs(x.value) === 1 : x.isKnown;

const inputsOf = (x: Scalar, ...ops: readonly ElementOp[]): readonly Scalar[] => {
  const value = bare(x);
  return value.kind === "apply" && ops.includes(value.op) ? value.inputs : [];
};

/** `mod` is a - b · ⌊a / b⌋. */
const termsOf = (x: Scalar): readonly Scalar[] => inputsOf(x, "add", "sub", "mod").map(bare);

/** x + x is 2·x. */
function factorsOf(x: Scalar): readonly Scalar[] {
  const [a, b] = inputsOf(x, "add");
  return a !== undefined && a === b ? [bare(a)] : inputsOf(x, "mul").map(bare);
}

/** Whether the last operation of the value may be of this kind. Our elementary functions end in a selection. */
function endsIn(x: Scalar, ending: "add" | "mul"): boolean {
  if (x.kind === "named" || x.kind === "reduce") return true;
  const last = ending === "mul" ? (["mul", "div"] as const) : (["add", "sub"] as const);
  return inputsOf(x, ...last, "mod", "rsqrt").length > 0;
}
