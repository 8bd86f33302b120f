/** Where the elements of a tensor lie in memory. */
import { count, type Dim } from "../graph/type.ts";
import { bounded, type Index, plus, quotient, remainder, times } from "../index/affine.ts";
import { flatAt, type Position, parts } from "../index/position.ts";
import { bug, invariant } from "../invariant.ts";

export type Layout =
  /** Row-major: the last varies fastest. */
  { readonly kind: "rows"; readonly order: readonly Dim[] } | Panels | Pieces;

/** `[batch][n / width][k][n % width]`, with room for whole panels; what lies behind the last column is never used. */
export interface Panels {
  readonly kind: "panels";
  readonly batch: readonly Dim[];
  readonly k: readonly Dim[];
  readonly n: readonly Dim[];
  readonly width: number;
}

/** `[number][each]`, row-major, where a binding can begin at each number. */
export interface Pieces {
  readonly kind: "pieces";
  readonly number: readonly Dim[];
  readonly each: readonly Dim[];
}

/** Words between places where a binding can begin: WebGPU's default limit, which every adapter keeps. */
export const bindableWords = 64;

/** Elements from one piece to the next, of four bytes. */
export const pieceRoom = ({ each }: Pick<Pieces, "each">): number =>
  Math.ceil(count({ dims: each }) / bindableWords) * bindableWords;

export const rows = (order: readonly Dim[]): Layout => ({ kind: "rows", order });

/** Number of elements with padding. */
export function room(layout: Layout): number {
  if (layout.kind === "rows") return count({ dims: layout.order });
  if (layout.kind === "pieces") return count({ dims: layout.number }) * pieceRoom(layout);
  const { panels, width, k } = panelSizes(layout);
  return count({ dims: layout.batch }) * panels * k * width;
}

/** Where the element lies. Nothing below tests it again: what is read or written lies in memory because it is so here. */
export function addressOf(layout: Layout, at: Position): Index {
  const address = flatAddress(layout, at);
  const { low, high } = address;
  invariant(low >= 0 && high < room(layout), `addresses ${low} to ${high} in memory of ${room(layout)} elements`);
  return address;
}

function flatAddress(layout: Layout, at: Position): Index {
  if (layout.kind === "rows") return flatAt(layout.order, at);
  if (layout.kind === "panels") return panelAddress(layout, at);
  return plus(times(flatAt(layout.number, at), pieceRoom(layout)), flatAt(layout.each, at));
}

function panelAddress(layout: Panels, at: Position): Index {
  const n = flatAt(layout.n, at);
  const { panels, width, k } = panelSizes(layout);
  const panel = plus(times(flatAt(layout.batch, at), panels), quotient(n, width));
  return plus(times(plus(times(panel, k), flatAt(layout.k, at)), width), remainder(n, width));
}

/** What lies at an address; `column` is below `columns` where it is an element. Padding has the position of the last column. */
export function positionAt(
  layout: Layout,
  address: Index,
): { readonly at: Position; readonly column?: Index; readonly columns: number } {
  if (layout.kind === "rows") return { at: new Map(parts(address, layout.order)), columns: 0 };
  if (layout.kind === "pieces") return bug("what lies in pieces is written one by one");
  const { panels, width, k } = panelSizes(layout);
  const row = quotient(address, width);
  const panel = quotient(row, k);
  const column = plus(times(remainder(panel, panels), width), remainder(address, width));
  const columns = count({ dims: layout.n });
  const at = new Map([
    ...parts(quotient(panel, panels), layout.batch),
    ...parts(remainder(row, k), layout.k),
    ...parts(bounded(column, columns), layout.n),
  ]);
  return columns % width === 0 ? { at, columns } : { at, column, columns };
}

const panelSizes = ({ n, k, width }: Panels) => ({
  panels: Math.ceil(count({ dims: n }) / width),
  width,
  k: count({ dims: k }),
});
