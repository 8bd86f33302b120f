/** Which weights a method leaves 0 for certain: those that were so, and so many of each run that it chooses the best of. */
import { coneOf } from "../graph/cone.ts";
import type { Node } from "../graph/ops.ts";
import { count, isOpen, mostPositions, sizeOf } from "../graph/type.ts";
import {
  flatten,
  freshVariable,
  fromVariable,
  type Index,
  plus,
  remainder,
  substituted,
  times,
  variableKey,
} from "../index/affine.ts";
import { type Choice, elementAt } from "./element.ts";

/** Of every `of` weights at most `keep` are not 0: of that many neighbours in a row, of a row, or of several rows. */
export interface Zeros {
  readonly keep: number;
  readonly of: number;
  readonly in: "run" | "row" | "rows";
}

export interface ZerosOf {
  /** Where the weight was 0, it is so. */
  readonly keeps: boolean;
  readonly makes: readonly Zeros[];
}

/** Of the new weights f32[out, in] of a layer, beside those before; null while sizes are open, and of more than indices count. */
export function zerosOf(before: Node, after: Node): ZerosOf | null {
  if (!isDecided(coneOf([before, after])) || count(after.type) > mostPositions) return null;
  const [rows, columns] = ["out", "in"].map((name) => freshVariable(name, sizeOf(after.type, name) ?? Number.NaN)) as [
    Row,
    Row,
  ];
  const at = new Map([
    ["out", fromVariable(rows)],
    ["in", fromVariable(columns)],
  ]);
  const isZeroWhere = (key: string, value: number): boolean =>
    elementAt(after, at, new Map([[key, value]])).value === 0;
  const { choices } = elementAt(after, at);
  const makes = choices.flatMap((choice) => {
    const [isLeft, isChosen] = [0, 1].map((value) => isZeroWhere(choice.key, value));
    const keep = isLeft ? choice.keep : choice.of - choice.keep;
    return isLeft || isChosen ? (shareOf({ ...choice, keep }, rows, columns) ?? []) : [];
  });
  return { keeps: isZeroWhere(elementAt(before, at).key, 0), makes: strongest(makes) };
}

/** Whether each element of a value is 0 for certain where a condition does not hold, whose dimensions it has. */
export function isZeroWithout(condition: Node, value: Node): boolean {
  const at = new Map(value.type.dims.map(({ name, size }) => [name, fromVariable(freshVariable(name, size))]));
  return elementAt(value, at, new Map([[elementAt(condition, at).key, 0]])).value === 0;
}

const isDecided = (nodes: readonly Node[]): boolean =>
  nodes.every(
    (node) =>
      !isOpen(node.type) &&
      !(node.op === "best" && Number.isNaN(node.attrs.keep)) &&
      (node.op !== "feedback" || node.attrs.levels.every(({ body }) => isDecided(body.nodes))),
  );

type Row = ReturnType<typeof freshVariable>;

/** What the choice leaves of the matrix, if each of its runs is one of weights beside each other, or of all rows; else null. */
function shareOf({ keep, of, at, run }: Choice, rows: Row, columns: Row): Zeros | null {
  const [out, input] = [fromVariable(rows), fromVariable(columns)];
  const isRow = columns.size % of === 0;
  if (isRow && at.key === remainder(input, of).key && areFixed(run, columns, of))
    return { keep, of, in: of < columns.size ? "run" : "row" };
  const width = of / rows.size;
  if (!Number.isInteger(width) || columns.size % width > 0) return null;
  const lane = remainder(input, width);
  const isBoth = [flatten([out, lane], [rows.size, width]), flatten([lane, out], [width, rows.size])].some(
    ({ key }) => key === at.key,
  );
  const isAll =
    isBoth && areFixed(run, columns, width) && run.every(({ variables }) => !variables.has(variableKey(rows)));
  return isAll ? { keep, of, in: "rows" } : null;
}

/** Whether indices are the same for so many neighbours along a dimension. */
function areFixed(indices: readonly Index[], along: Row, count: number): boolean {
  const lane = freshVariable("lane of a run", count);
  const run = freshVariable("run", along.size / count);
  const inRun = plus(times(fromVariable(run), count), fromVariable(lane));
  return indices.every((index) => !substituted(index, along, inRun).variables.has(variableKey(lane)));
}

/** Without those that others imply. */
const strongest = (zeros: readonly Zeros[]): readonly Zeros[] =>
  zeros.filter(
    (each, i) => !zeros.some((other, j) => j !== i && implies(other, each) && (j < i || !implies(each, other))),
  );

/** Whether weights that have the one have the other. */
export const implies = (one: Zeros, other: Zeros): boolean =>
  other.in === "run"
    ? one.in === "run" && one.of === other.of && one.keep <= other.keep
    : one.keep * other.of <= other.keep * one.of;

/** `2:4`, `50%` */
export const showZeros = ({ keep, of, in: where }: Zeros): string =>
  where === "run" ? `${keep}:${of}` : `${Number((100 * (1 - keep / of)).toPrecision(4))}%`;
