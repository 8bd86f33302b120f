/** The mask of the greatest: the body is written by hand, the scores come from the expression of the input. */
import type { RoutineGroup } from "../fuse/group.ts";
import type { NodeOf } from "../graph/ops.ts";
import type { Best } from "../schedule/best.ts";
import { bestBody } from "./best-body.ts";
import { type Lowered, type Lowering, withBody } from "./lower.ts";
import { rowsOf } from "./rows.ts";

export function lowerBest(group: RoutineGroup, node: NodeOf<"best">, lowering: Lowering): Lowered {
  const { rows, n, around, load, operations, write } = rowsOf(group, node, lowering);
  const best: Best = { rows, n, keep: node.attrs.keep };
  const functions = [load, `fn store_mask(row: u32, i: u32, kept: bool) {\n${write("kept")}\n}`];
  const body = bestBody(best, lowering.schedules.best(best, lowering.facts, lowering.family));
  return withBody(body, functions, around, operations + rows * n);
}
