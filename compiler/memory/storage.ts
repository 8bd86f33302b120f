/** The memory of a program: one storage per slot and per value that a kernel leaves to another. */

import type { Node } from "../graph/ops.ts";
import { bytesIn } from "../graph/type.ts";
import type { View } from "../graph/view.ts";
import type { Index } from "../index/affine.ts";
import { forward, type Position } from "../index/position.ts";
import { type DType, isPacked } from "../plan/dtype.ts";
import type { Slot } from "../plan/program.ts";
import { addressOf, type Layout, room } from "./layout.ts";

export interface Storage {
  /** Its place in the program's buffers. */
  readonly id: number;
  readonly node: Node;
  /** Views between the node and what memory holds, in whose dimensions `layout` is given. */
  readonly through: readonly View[];
  readonly layout: Layout;
  /** Of an element in memory. */
  readonly dtype: DType;
  readonly slot?: Slot;
  /** The memory of which this is a piece: which one, the bindings of a kernel say. */
  readonly within?: Storage;
}

/** Where the element of `node` at a position lies. */
export const elementAddress = ({ layout, through }: Storage, at: Position): Index =>
  addressOf(
    layout,
    through.reduce((position, view) => forward(view, position), at),
  );

/** With padding. */
export const bytesOf = ({ dtype, layout }: Storage): number => bytesIn(dtype, room(layout));

/** Whether another kernel can read the node's value here. What shares words is written last, from the value where it lies whole. */
export const isReadable = ({ slot, dtype, node }: Storage): boolean =>
  slot?.role !== "accumulator" && (slot?.role !== "output" || (dtype === node.type.dtype && !isPacked(dtype)));
