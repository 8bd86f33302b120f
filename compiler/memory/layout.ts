/** Where the elements of a tensor lie in memory. */
import { count, type Dim } from "../graph/type.ts";
import { bounded, type Index, plus, quotient, remainder, times } from "../index/affine.ts";
import { flatAt, type Position, parts } from "../index/position.ts";
import { invariant } from "../invariant.ts";

export type Layout =
  /** Row-major: the last varies fastest. */
  { readonly kind: "rows"; readonly order: readonly Dim[] } | Panels;

/** `[batch][n / width][k][n % width]`, with room for whole panels; what lies behind the last column is never used. */
export interface Panels {
  readonly kind: "panels";
  readonly batch: readonly Dim[];
  readonly k: readonly Dim[];
  readonly n: readonly Dim[];
  readonly width: number;
}

export const rows = (order: readonly Dim[]): Layout => ({ kind: "rows", order });

/** Number of elements with padding. */
export function room(layout: Layout): number {
  if (layout.kind === "rows") return count({ dims: layout.order });
  const { panels, width, k } = panelSizes(layout);
  return count({ dims: layout.batch }) * panels * k * width;
}

/** Where the element lies. Nothing below tests it again: what is read or written lies in memory because it is so here. */
export function addressOf(layout: Layout, at: Position): Index {
  const address = layout.kind === "rows" ? flatAt(layout.order, at) : panelAddress(layout, at);
  const { low, high } = address;
  invariant(low >= 0 && high < room(layout), `addresses ${low} to ${high} in memory of ${room(layout)} elements`);
  return address;
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
