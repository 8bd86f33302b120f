/** What can be wrong with dimensions: their names, their sizes, and how they align. */
import type { Span } from "../../grammar/source.ts";
import { labels, list, suggestion, type Wording } from "./description.ts";

export type DimensionProblem =
  | {
      kind: "dimension-mismatch";
      span: Span;
      name: string;
      found: string;
      expected: string;
      other: Span;
      because: string;
    }
  | {
      kind: "not-aligned";
      span: Span;
      op: string;
      left: string;
      right: string;
      leftSpan: Span;
      rightSpan: Span;
      lacks: readonly string[];
      /** The expression for all pairs, where it can be written. */
      pairs: string | undefined;
    }
  | { kind: "absent-dimension"; span: Span; name: string; type: string; value: Span; known: readonly string[] }
  | { kind: "dimension-escapes"; span: Span; name: string; fn: string; declared: Span }
  /** `beside`: the sizes of the dimension in all layers of the stage. */
  | {
      kind: "does-not-divide";
      span: Span;
      name: string;
      size: string;
      by: string;
      beside: readonly number[];
      where: string;
    }
  | { kind: "not-whole"; span: Span; what: string; value: string; where: string }
  | {
      kind: "sweep-levels";
      span: Span;
      along: string;
      /** The levels as they are named beside the swept dimension, and as bodies stand there. */
      wanted: readonly string[];
      found: readonly string[];
    }
  | { kind: "sweep-freeze"; span: Span; last: string; isEarly: boolean }
  | { kind: "not-square"; span: Span; rows: string; columns: string; height: string; width: string; where: string };

export const dimensionWording: Wording<DimensionProblem> = {
  "dimension-mismatch": (p) => ({
    title: `\`${p.name}\` is ${p.found} here and ${p.expected} there`,
    places: labels([p.span, `${p.name} is ${p.found}`], [p.other, p.because]),
    hint: `give one of the two another name, or make the sizes agree`,
  }),
  "not-aligned": (p) => ({
    title: `the operands of \`${p.op}\` do not align: ${p.left} and ${p.right}`,
    places: labels([p.leftSpan, p.left], [p.rightSpan, p.right]),
    hint: `\`${p.op}\` needs all names of one operand in the other, and ${list(p.lacks)} are each in one only: \`rename\` one that is the same, reduce over one that is too much, or distribute a factor that has them all, as in \`a * x + a * y\` for \`a * (x + y)\`${p.pairs ? `; for all pairs write \`${p.pairs}\`` : ""}`,
  }),
  "absent-dimension": (p) => ({
    title: p.known.includes(p.name)
      ? `\`${p.name}\` of ${p.type} is the caller's, and has no name here`
      : `there is no dimension \`${p.name}\` in ${p.type}`,
    places: labels([p.span, `asked for here`], [p.value, p.type]),
    hint: p.known.includes(p.name)
      ? `give the parameter a type that names it, as in \`w: ${p.type}\`, or let the caller say which is meant, with \`over d: Dim\``
      : (suggestion(p.name, p.known) ?? (p.known.length > 0 ? `it has ${list(p.known)}` : `it is a single number`)),
  }),
  "dimension-escapes": (p) => ({
    title: `\`${p.name}\` is made inside \`${p.fn}\` and would leave it unannounced`,
    places: labels([p.span, `this result carries \`${p.name}\``], [p.declared, `declared without it`]),
    hint: `declare the result, as in \`-> f32[…, ${p.name}]\`, or reduce over \`${p.name}\``,
  }),
  "does-not-divide": (p) => ({
    title: `${p.by} does not divide \`${p.name}\`, which is ${p.size}${p.where}`,
    places: labels([p.span, `${p.size} / ${p.by} is not whole`]),
    hint: `choose a size that divides ${divisible(p.size, p.beside)}${nearestDivisors(p.beside.reduce(commonDivisor, Number(p.size)), Number(p.by))}, or leave the layer out with \`except\``,
  }),
  "not-whole": (p) => ({
    title: `${p.what} must be a whole number from 1, and is ${p.value}${p.where}`,
    places: labels([p.span, `this is ${p.value}`]),
  }),
  "sweep-levels": (p) => ({
    title: `\`feedback\` along \`${p.along}\` needs a body for ${levelsOf(p.wanted)}, and has ${p.found.length === 0 ? "none" : levelsOf(p.found)}`,
    places: labels([p.span, `not as in \`${p.along}\``]),
    hint: `the outermost level is first: ${p.wanted.map((name) => `\`each ${name} as … { … }\``).join(", then ")}`,
  }),
  "sweep-freeze": (p) => ({
    title: p.isEarly
      ? `a column is frozen in the last level, \`${p.last}\`, and in no other`
      : `\`each ${p.last}\` does not say what a column becomes`,
    places: labels([p.span, p.isEarly ? `frozen before` : `no \`freeze\` in it`]),
    hint: p.isEarly
      ? `bind it with \`let\`: the levels below see it`
      : `end it in \`freeze\` and the value that the column takes; what that leaves is taken from the columns after it`,
  }),
  "not-square": (p) => ({
    title:
      p.rows === p.columns
        ? `\`${p.rows}\` is taken for both the rows and the columns of a matrix`
        : `a matrix of ${side(p.rows, p.height)} rows and ${side(p.columns, p.width)} columns is not square${p.where}`,
    places: labels([p.span, p.rows === p.columns ? `the rows again` : `these columns`]),
    hint: `of channels, say, \`mean(x * rename(x, in -> in'), over (sample, token))\` is square: its rows are \`in\`, its columns \`in'\``,
  }),
};

/** A dimension with its size, if that is more than its name. */
const side = (name: string, size: string): string => (name === size ? `\`${name}\`` : `\`${name}\` = ${size}`);

const levelsOf = (names: readonly string[]): string => `${list(names)}${names.length > 1 ? ", in this order" : ""}`;

/** What a size is to divide: that of one layer, and those of the others. */
const divisible = (size: string, beside: readonly number[]): string => {
  const others = [...new Set(beside.map(String))].filter((each) => each !== size);
  return others.length > 0 ? `${[size, ...others].join(", ")}, the sizes of all layers of the stage` : size;
};

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));

/** Of numbers, the divisors next to one that is none. */
function nearestDivisors(size: number, by: number): string {
  if (!Number.isInteger(size) || !Number.isInteger(by)) return "";
  let [below, above] = [by, by];
  while (below > 1 && size % below !== 0) below--;
  while (above < size && size % above !== 0) above++;
  const nearest = [below, above].filter((divisor) => size % divisor === 0);
  return `, such as ${nearest.join(" or ")}`;
}
