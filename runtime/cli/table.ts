/** Text tables: the first columns to the left, numbers to the right; no wider than they may be. */
import { shortened } from "./terminal.ts";

/** Between columns. */
const gap = 2;

interface Shape {
  /** The columns that hold words: they are set to the left, and shortened where there is too little room. */
  readonly left?: number;
  readonly width?: number;
  /** Words, and the names above numbers, are not shortened below this while there is another way. */
  readonly least?: number;
}

type Row = readonly string[];

/**
 * The lines of rows under a head. What is wider than `width` is made to fit: words lose their middle; then the columns of numbers
 * stand in groups below each other, behind the first column; where there are several columns of words, each row is a paragraph.
 */
export function table(head: Row, rows: readonly Row[], shape: Shape = {}): readonly string[] {
  const { left = 1, width = Number.POSITIVE_INFINITY, least = 16 } = shape;
  const all = [head, ...rows];
  const numbers = (column: number): number => Math.max(0, ...rows.map((row) => length(row[column])));
  const natural = head.map((_, column) => Math.max(...all.map((row) => length(row[column]))));
  const smallest = natural.map((size, column) =>
    Math.min(size, column < left ? least : Math.max(least, numbers(column))),
  );
  if (total(smallest) <= width) return set(all, fitted(natural, smallest, width), left);
  if (left > 1) return parted(rows.map((row) => paragraph(head, row, width)));
  if (head.length > 2)
    return parted(groups(head, rows, smallest, width).map((group) => table(group.head, group.rows, shape)));
  const tiny = natural.map((size, column) => (column < left ? Math.min(size, 3) : numbers(column)));
  return set(all, fitted(natural, tiny, width), left);
}

/** Parts with an empty line between them. */
const parted = (parts: readonly (readonly string[])[]): readonly string[] =>
  parts.flatMap((part, i) => (i === 0 ? part : ["", ...part]));

const length = (cell: string | undefined): number => [...(cell ?? "")].length;
const total = (widths: readonly number[]): number =>
  widths.reduce((sum, width) => sum + width, gap * Math.max(0, widths.length - 1));

/** The widest columns give way until all fit, or none can. */
function fitted(natural: readonly number[], smallest: readonly number[], width: number): readonly number[] {
  const widths = [...natural];
  while (total(widths) > width) {
    const slack = widths.map((size, column) => (size > (smallest[column] ?? 0) ? size : 0));
    const widest = slack.indexOf(Math.max(...slack));
    if (slack[widest] === 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function set(all: readonly Row[], widths: readonly number[], left: number): readonly string[] {
  const cell = (text: string, column: number): string => {
    const width = widths[column] ?? 0;
    const short = shortened(text, width);
    const blank = " ".repeat(width - length(short));
    return column < left ? short + blank : blank + short;
  };
  return all.map((row) => row.map(cell).join(" ".repeat(gap)).trimEnd());
}

/** Tables of the first column and as many others as fit beside it, one at least. */
function groups(
  head: Row,
  rows: readonly Row[],
  widths: readonly number[],
  width: number,
): readonly { readonly head: Row; readonly rows: readonly Row[] }[] {
  const [first = 0] = widths;
  const parts: number[][] = [];
  for (let column = 1; column < head.length; column++) {
    const last = parts.at(-1);
    const together = [first, ...(last ?? []).map((each) => widths[each] ?? 0), widths[column] ?? 0];
    if (last !== undefined && total(together) <= width) last.push(column);
    else parts.push([column]);
  }
  const pick = (row: Row, columns: readonly number[]): Row => [0, ...columns].map((column) => row[column] ?? "");
  return parts.map((columns) => ({ head: pick(head, columns), rows: rows.map((row) => pick(row, columns)) }));
}

/** A cell a line, behind its column's name. */
function paragraph(head: Row, row: Row, width: number): readonly string[] {
  const names = Math.min(Math.max(...head.map(length)), Math.max(1, Math.floor(width / 2) - gap));
  const room = Math.max(1, width - names - gap);
  const cells = row.flatMap((cell, column) => (head[column] === "" ? [] : [[head[column] ?? "", cell] as const]));
  return cells.map(([name, cell]) => `${shortened(name, names).padEnd(names)}  ${shortened(cell, room)}`.trimEnd());
}

/** `4.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
