/** Operands align by name: which dimensions a result has, or why it can have none. */
import { textAt } from "../../grammar/source.ts";
import type { Problem } from "../problems/problem.ts";
import { known } from "./size.ts";
import { type Dimension, union } from "./tensor.ts";
import { dimsOf, type Operand, showValue } from "./value.ts";

export type Aligned = { readonly dims: readonly Dimension[] } | { readonly problem: Problem };

const contains = (a: readonly Dimension[], b: readonly Dimension[]) =>
  b.every(({ id }) => a.some((dim) => dim.id === id));

/**
 * The dimensions of a result: the union, the first operand's first. Unless `isOuter`, one operand's names must contain the
 * other's, so that a forgotten rename is an error and no bigger tensor.
 */
export function align(op: string, a: Operand, b: Operand, isOuter: boolean): Aligned {
  const [left, right] = [dimsOf(a.value), dimsOf(b.value)];
  const passing = passingProblem(a, b);
  if (passing) return { problem: passing };
  if (isOuter || contains(left, right) || contains(right, left)) return { dims: union(left, right) };
  const [x, y] = namesakes(left, right);
  if (x && y) {
    const show = (dim: Dimension) => `${known(dim.size) ?? dim.name} (${dim.source})`;
    const because = `${y.name} is ${show(y)}`;
    const sizes = { found: show(x), expected: show(y) };
    return {
      problem: { kind: "dimension-mismatch", span: a.span, name: x.name, ...sizes, other: b.span, because },
    };
  }
  const lacks = [
    ...left.filter(({ id }) => !right.some((dim) => dim.id === id)),
    ...right.filter(({ id }) => !left.some((dim) => dim.id === id)),
  ];
  return {
    problem: {
      kind: "not-aligned",
      span: a.span,
      op,
      left: showValue(a.value),
      right: showValue(b.value),
      leftSpan: a.span,
      rightSpan: b.span,
      lacks: lacks.map(({ name }) => name),
      pairs: pairsOf(op, a, b),
    },
  };
}

/** Why operands cannot meet of which one has the sample that streams past, and the other all that were kept; null if they can. */
export function passingProblem(a: Operand, b: Operand): Problem | null {
  for (const x of dimsOf(a.value)) {
    const y = dimsOf(b.value).find(({ id }) => id === x.id);
    if (!y || Boolean(x.streamed) === Boolean(y.streamed)) continue;
    const show = ({ streamed }: Dimension): string => (streamed ? "the one that streams past" : "all that were kept");
    const because = `${y.name} is ${show(y)}`;
    const meets = { found: show(x), expected: show(y), other: b.span, because };
    return { kind: "dimension-mismatch", span: a.span, name: x.name, ...meets };
  }
  return null;
}

/** `a + b` for all pairs of elements: the first is given the dimensions that it lacks by a factor of ones. */
function pairsOf(op: string, a: Operand, b: Operand): string | undefined {
  if (op !== "+" && op !== "-") return undefined;
  const own = new Set(dimsOf(a.value).map(({ id }) => id));
  const lacking = dimsOf(b.value).filter(({ id }) => !own.has(id));
  if (lacking.some(({ streamed }) => streamed)) return undefined;
  const [left, right] = [a, b].map(({ span }, i) => {
    const text = textAt(span);
    return /^[\w'.]+$/.test(text) ? text : i === 0 ? "a" : "b";
  });
  return `${left} * (1 where ${lacking.map(({ name }) => `index(${name}) >= 0`).join(" and ")}) ${op} ${right}`;
}

/** One on each side with the same name, made in different places: a name made in a body is not its caller's of that name. */
function namesakes(left: readonly Dimension[], right: readonly Dimension[]): readonly (Dimension | undefined)[] {
  const isNamesake = (x: Dimension, y: Dimension) => x.name === y.name && x.id !== y.id;
  const x = left.find((dim) => right.some((other) => isNamesake(dim, other)));
  return [x, right.find((other) => x && isNamesake(x, other))];
}
