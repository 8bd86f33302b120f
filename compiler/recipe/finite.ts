/**
 * What a stage counts beside its work, so that nothing is made of numbers that are none: an infinity beneath a root, as in a
 * norm, gives 0 further on, a maximum passes over NaN, and a mask shows nothing of either.
 */

import { coneOf } from "../graph/cone.ts";
import { decidingFinite } from "../graph/deciding.ts";
import type { Output } from "../graph/graph.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { rangeOf } from "../graph/range.ts";
import { slotNames } from "../graph/slots.ts";
import { count, sizeOf } from "../graph/type.ts";
import { beneathViews } from "../graph/view.ts";
import type { LinearInput } from "../language/trace.ts";
import { wholeRange } from "../plan/dtype.ts";
import type { Check } from "../plan/step.ts";

/** A node with how many of its values are NaN or infinite, and what it is. */
export interface Counted {
  readonly node: Node;
  readonly of: string;
}

/** Outputs that count what there may be none of. */
export interface Counting {
  readonly counts: readonly Output[];
  readonly checks: readonly Check[];
}

/** Of each activation that is observed, and of what lies beneath the roots before it: how many values are NaN or infinite. */
export function notFinite(
  maker: Maker,
  observed: readonly Output[],
  inputs: readonly LinearInput[],
): readonly Counted[] {
  const nodes = computing(observed);
  const read = inputs.filter(({ input }) => input.node && nodes.includes(input.node));
  const activations = Map.groupBy(read, ({ input }) => input.node);
  const counts = [...activations].flatMap(([node, layers]) => {
    const names = layers.map(({ linear }) => linear.name).join(", ");
    return node ? [{ node: countOf(maker, difference(maker, node), columns(node)), of: `the inputs of ${names}` }] : [];
  });
  return [...counts, ...beneathRoots(maker, nodes)];
}

function beneathRoots(maker: Maker, nodes: readonly Node[]): readonly Counted[] {
  const fromData = new Set<Node>();
  for (const node of nodes) {
    const isData = node.op === "input" && node.attrs.role === "data";
    if (isData || node.inputs.some((input) => fromData.has(input))) fromData.add(node);
  }
  const roots = nodes.filter((node) => (node.op === "sqrt" || node.op === "rsqrt") && fromData.has(node));
  const operands = [...new Set(roots.flatMap(({ inputs }) => inputs))];
  return operands.map((node, i) => ({
    node: countOf(maker, difference(maker, node), columns(node)),
    of: `the values beneath root ${i + 1} of the block (of a norm, say)`,
  }));
}

/** What puts numbers in an order, and what is said where one of them is NaN. */
export interface Ordering {
  readonly by: readonly ("best" | "order" | "argmax" | "less" | "lessEqual" | "equal")[];
  readonly otherwise: string;
}

/** Counts of all that hides in its result that there was none: of what is put in an order, inverted, swept, or decomposed. */
export function unsound(maker: Maker, outputs: readonly Output[], ordering: Ordering): Counting {
  const all = [
    unordered(maker, outputs, ordering),
    singular(maker, outputs),
    diverging(maker, outputs),
    undecomposed(maker, outputs),
  ];
  return { counts: all.flatMap(({ counts }) => counts), checks: all.flatMap(({ checks }) => checks) };
}

/** Counts how many are NaN of all scores that a method ranks, or of all numbers that a measure compares; none may be. */
function unordered(maker: Maker, outputs: readonly Output[], { by, otherwise }: Ordering): Counting {
  const ordering: readonly string[] = by;
  const orders = (node: Node): boolean => ordering.includes(node.op === "reduce" ? node.attrs.by : node.op);
  const ordered = new Set(computing(outputs).flatMap((node): readonly Node[] => (orders(node) ? node.inputs : [])));
  const real = [...ordered].filter(({ type }) => type.dtype === "f32");
  const counts = real.map((node, i) => ({ name: slotNames.unordered(i), node: countOf(maker, node) }));
  return noneOf(counts, otherwise);
}

/** Counts of all triangles that a method inverts the rows without a diagonal, whose inverse is 0; there may be none. */
function singular({ make }: Maker, outputs: readonly Output[]): Counting {
  const inverses = computing(outputs).filter((node) => node.op === "triangularInverse");
  const counts = inverses.map(({ inputs: [x], attrs: { rows, columns }, origin }, i) => {
    const along = make("index", [], { dim: { name: rows, size: sizeOf(x.type, rows) ?? Number.NaN } }, origin);
    const diagonal = make("gather", [x, along], { dim: columns }, origin);
    const none = make("constant", [], { value: 0, dtype: "f32" }, origin);
    const isNone = make("cast", [make("equal", [diagonal, none], {}, origin)], { dtype: "i32" }, origin);
    const node = make("reduce", [isNone], { by: "sum", over: namesOf(diagonal) }, origin);
    return { name: slotNames.singular(i), node };
  });
  return noneOf(
    counts,
    "{n} rows of a triangle that is inverted have a 0 on the diagonal; if it is a factor, its matrix is not positive definite: damp that more, or observe more text",
  );
}

/** Counts of all sweeps the rows that end in no number: what a column held of NaN and infinities, all later ones have taken over. */
function diverging(maker: Maker, outputs: readonly Output[]): Counting {
  const { make } = maker;
  const sweeps = computing(outputs).filter((node) => node.op === "feedback");
  const counts = sweeps.map((node, i) => {
    const { attrs, origin } = node;
    const place = (sizeOf(node.type, attrs.along) ?? Number.NaN) - 1;
    const last = make("constant", [], { value: place, dtype: "i32" }, origin);
    const column = make("gather", [node, last], { dim: attrs.along }, origin);
    return { name: slotNames.diverging(i), node: howMany(maker, isNotFinite(maker, column)) };
  });
  return noneOf(
    counts,
    "{n} rows of a sweep end in NaN or infinities, since what its columns leave to later ones is more than f32 holds; look at the factor that it goes through: damp its matrix more, or observe more text",
  );
}

/** Counts the elements of eigenvectors that were not found: what holds NaN or infinities has none. */
function undecomposed(maker: Maker, outputs: readonly Output[]): Counting {
  const found = computing(outputs).filter((node) => node.op === "eigenvectors");
  const counts = found.map((node, i) => ({
    name: slotNames.undecomposed(i),
    node: howMany(maker, isNotFinite(maker, node)),
  }));
  return noneOf(
    counts,
    "{n} elements of eigenvectors were not found: their matrix holds NaN or infinities, or what rotations leave beside its diagonal; look at what it is made of",
  );
}

const noneOf = (counts: readonly Output[], otherwise: string): Counting => ({
  counts,
  checks: counts.map(({ name }) => ({ output: name, must: "none", otherwise })),
});

/**
 * How many elements are NaN or infinite, counted where that is decided: of codes times scales among the scales, each for all
 * that it scales. Null if none can be.
 */
export function countOfNonFinite(maker: Maker, x: Node): Node | null {
  const { make } = maker;
  const value = beneathViews(x);
  const faults = [...decidingFinite(value)].map((node) => isNotFinite(maker, node));
  const [first] = faults;
  if (first === undefined) return null;
  const isAny = faults.slice(1).reduce((a, b) => make("or", [a, b], {}, x.origin), first);
  const each = make("constant", [], { value: count(value.type) / count(isAny.type), dtype: "i32" }, x.origin);
  return make("mul", [howMany(maker, isAny), each], {}, x.origin);
}

/** True for what is NaN or infinite. */
export const isNotFinite = (maker: Maker, x: Node): Node => isNumberless(maker, difference(maker, x));

/** True where a field's type loses what a number is: a fraction, an infinity, NaN, or for powers of two its sign; null if it shows, or if there is none. */
export function misfits(maker: Maker, x: Node, stored: Node): Node | null {
  const { make } = maker;
  const { dtype } = stored.type;
  const whole = wholeRange(dtype);
  if (whole) {
    const { low, high, isWhole, hasNaN } = rangeOf(x);
    if (isWhole && !hasNaN && low >= whole.low && high <= whole.high) return null;
    const [a, b] = [x, stored].map((each) => make("cast", [each], { dtype: "f32" }, x.origin)) as [Node, Node];
    return make("not", [make("equal", [a, b], {}, x.origin)], {}, x.origin);
  }
  if (dtype !== "e8m0" && dtype !== "e4m3" && dtype !== "e2m1") return null;
  if (dtype !== "e8m0") return isNotFinite(maker, x);
  const zero = make("constant", [], { value: 0, dtype: "f32" }, x.origin);
  return make("or", [isNotFinite(maker, x), make("lessEqual", [x, zero], {}, x.origin)], {}, x.origin);
}

const isNumberless = ({ make }: Maker, x: Node): Node =>
  make("not", [make("equal", [x, x], {}, x.origin)], {}, x.origin);

/** Counts the weights that were 0 and are not; there may be none. */
export function lostZeros(maker: Maker, before: Node, after: Node): Counting {
  const { make } = maker;
  const zero = make("constant", [], { value: 0, dtype: "f32" }, after.origin);
  const [was, is] = [before, after].map((x) => make("equal", [x, zero], {}, after.origin)) as [Node, Node];
  const isLost = make("and", [was, make("not", [is], {}, after.origin)], {}, after.origin);
  return noneOf(
    [{ name: slotNames.lost, node: howMany(maker, isLost) }],
    "{n} weights that are 0 would not stay so; what the method stores of 0 must be 0 exactly, as `Affine` does, and what it sweeps be 0 there: take another, or leave `keeping zeros` out",
  );
}

/** How many elements of a weight are 0. */
export function zerosIn(maker: Maker, x: Node, over: readonly string[]): Output {
  const zero = maker.make("constant", [], { value: 0, dtype: "f32" }, x.origin);
  return { name: slotNames.zeros, node: howMany(maker, maker.make("equal", [x, zero], {}, x.origin), over) };
}

/** How many are true. */
export function howMany({ make }: Maker, x: Node, over: readonly string[] = namesOf(x)): Node {
  const ones = make("cast", [x], { dtype: "i32" }, x.origin);
  return over.length === 0 ? ones : make("reduce", [ones], { by: "sum", over }, x.origin);
}

const computing = (outputs: readonly Output[]): readonly Node[] => coneOf(outputs.map(({ node }) => node));

/** NaN for what is NaN or infinite, and 0 for all others. */
const difference = ({ make }: Maker, x: Node): Node => make("sub", [x, x], {}, x.origin);

/** How many elements are NaN. */
const countOf = (maker: Maker, x: Node, over?: readonly string[]): Node => howMany(maker, isNumberless(maker, x), over);

const namesOf = ({ type }: Node): readonly string[] => type.dims.map(({ name }) => name);

/** What is counted for each column by itself, as its statistics are: over tokens, where there are any. */
const columns = (x: Node): readonly string[] => (namesOf(x).includes("token") ? ["token"] : namesOf(x));
