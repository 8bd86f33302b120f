/** What is known of a node's values without computing them. */
import { wholeRange } from "../plan/dtype.ts";
import { coneOf } from "./cone.ts";
import { dispatch, type Node, type NodeOf, type Rules } from "./ops.ts";
import { sizeOf } from "./type.ts";

/** Of all values that are not NaN: the bounds, and whether they are whole numbers or infinite. */
export interface Range {
  readonly low: number;
  readonly high: number;
  readonly isWhole: boolean;
  readonly hasNaN: boolean;
}

/** Follows constants through what makes, bounds and chooses whole numbers; of all else nothing is known. */
export const rangeOf = (node: Node): Range => rangesIn(node).get(node) ?? anything;

/** The ranges of all that a node is computed from, and its own. */
export function rangesIn(node: Node): ReadonlyMap<Node, Range> {
  const known = new Map<Node, Range>();
  for (const each of coneOf([node]))
    known.set(
      each,
      derived(each, (x) => known.get(x) ?? anything),
    );
  return known;
}

const anything: Range = { low: -Infinity, high: Infinity, isWhole: false, hasNaN: true };
const whole = (low: number, high: number): Range => ({ low, high, isWhole: true, hasNaN: false });

type Of = (x: Node) => Range;

/** The rule for a node, given the ranges of its inputs. */
export const derived = (node: Node, of: Of): Range =>
  node.type.dtype === "bool" ? whole(0, 1) : dispatch(rules, node, of);

const unknown = (): Range => anything;
const ofFirst = ({ inputs: [x] }: { readonly inputs: readonly [Node, ...Node[]] }, of: Of): Range => of(x);

/** Of truth values, which are 0 or 1, no rule is asked. */
const rules: Rules<[of: Of], Range> = {
  constant: ({ attrs: { value } }) =>
    Number.isNaN(value) ? anything : { ...whole(value, value), isWhole: !(value % 1) },
  input: ({ type: { dtype } }) => {
    const codes = wholeRange(dtype);
    return codes === undefined ? anything : whole(codes.low, codes.high);
  },
  index: ({ attrs: { dim } }) => whole(0, dim.size - 1),

  neg: (node, of) => held(node, negated(of(node.inputs[0]))),
  abs: unknown,
  exp: unknown,
  log: unknown,
  log2: unknown,
  sqrt: unknown,
  rsqrt: unknown,
  sin: unknown,
  cos: unknown,
  tanh: unknown,
  erf: unknown,
  floor: ({ inputs: [x] }, of) => rounded(of(x)),
  round: ({ inputs: [x] }, of) => rounded(of(x)),
  not: unknown,
  cast: ({ inputs: [x], attrs: { dtype } }, of) =>
    dtype === "f32" || x.type.dtype === "bool" ? of(x) : stored(of(x), wholeRange(dtype)),
  detach: ofFirst,

  add: (node, of) => held(node, sum(of(node.inputs[0]), of(node.inputs[1]))),
  sub: (node, of) => held(node, sum(of(node.inputs[0]), negated(of(node.inputs[1])))),
  mul: unknown,
  div: unknown,
  pow: unknown,
  min: ({ inputs: [a, b] }, of) => lesser(of(a), of(b)),
  max: ({ inputs: [a, b] }, of) => negated(lesser(negated(of(a)), negated(of(b)))),
  mod: unknown,
  random: unknown,
  less: unknown,
  lessEqual: unknown,
  equal: unknown,
  and: unknown,
  or: unknown,
  select: ({ inputs: [, then, otherwise] }, of) => either(of(then), of(otherwise)),
  reduce: (node, of) => held(node, reduced(node, of(node.inputs[0]))),

  rename: ofFirst,
  split: ofFirst,
  merge: ofFirst,
  gather: ofFirst,
  best: unknown,
  order: unknown,
  cholesky: unknown,
  triangularInverse: unknown,
  eigenvectors: unknown,
  feedback: unknown,
  part: unknown,
};

/** What 32 bits do not hold wraps. */
const held = ({ type: { dtype } }: Node, range: Range): Range =>
  dtype === "i32" && (range.low < -(2 ** 31) || range.high >= 2 ** 31) ? anything : range;

/** Of what is cast to codes the nearest, 0 for NaN. */
function stored({ low, high, hasNaN }: Range, codes: ReturnType<typeof wholeRange>): Range {
  if (codes === undefined) return anything;
  const nearest = (x: number): number => Math.min(Math.max(Math.trunc(x), codes.low), codes.high);
  return whole(Math.min(nearest(low), hasNaN ? 0 : codes.high), Math.max(nearest(high), hasNaN ? 0 : codes.low));
}

/** By floor, or to the nearest. */
const rounded = ({ low, high, hasNaN }: Range): Range => ({
  low: Math.floor(low),
  high: Math.ceil(high),
  isWhole: true,
  hasNaN,
});

/** Sums of whole numbers that f32 rounds are whole. Of infinities of either sign one is NaN. */
const sum = (a: Range, b: Range): Range => ({
  low: a.low + b.low,
  high: a.high + b.high,
  isWhole: a.isWhole && b.isWhole,
  hasNaN: [a, b].some(({ low, high, hasNaN }) => hasNaN || !Number.isFinite(low) || !Number.isFinite(high)),
});

/** Of NaN and another value the other. */
const lesser = (a: Range, b: Range): Range => ({
  low: Math.min(a.low, b.low),
  high: Math.max(Math.min(a.high, b.high), ...(a.hasNaN ? [b.high] : []), ...(b.hasNaN ? [a.high] : [])),
  isWhole: a.isWhole && b.isWhole,
  hasNaN: a.hasNaN && b.hasNaN,
});

const negated = ({ low, high, ...rest }: Range): Range => ({ ...rest, low: -high, high: -low });

const either = (a: Range, b: Range): Range => ({
  low: Math.min(a.low, b.low),
  high: Math.max(a.high, b.high),
  isWhole: a.isWhole && b.isWhole,
  hasNaN: a.hasNaN || b.hasNaN,
});

function reduced({ attrs: { by, over }, inputs: [x] }: NodeOf<"reduce">, range: Range): Range {
  const terms = over.reduce((product, name) => product * (sizeOf(x.type, name) ?? Number.NaN), 1);
  if (by === "argmax" || range.hasNaN || !(terms > 0)) return anything;
  return by === "sum" ? { ...range, low: terms * range.low, high: terms * range.high } : range;
}
