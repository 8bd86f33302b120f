/** Places in ascending order: sorted where the result lies, by a network that compares numbers in memory. */
import type { RoutineGroup } from "../fuse/group.ts";
import type { NodeOf } from "../graph/ops.ts";
import type { Order, OrderSchedule } from "../schedule/schedule-order.ts";
import { keyOf } from "./bodies/best.ts";
import { sortRow } from "./bodies/order.ts";
import type { Body } from "./body.ts";
import { lineGrid } from "./grid.ts";
import { type Lowered, type Lowering, withBody } from "./lower.ts";
import { rowsOf } from "./rows.ts";

export function lowerOrder(group: RoutineGroup, node: NodeOf<"order">, lowering: Lowering): Lowered {
  const { rows, n, around, load, operations, read, write } = rowsOf(group, node, lowering);
  const order: Order = { rows, n };
  const functions = [
    load,
    `fn place_at(row: u32, i: u32) -> u32 {\n${read((place) => `return u32(${place});`)}\n}`,
    `fn set_place(row: u32, i: u32, place: u32) {\n${write("i32(place)")}\n}`,
  ];
  const body = orderBody(order, lowering.schedules.order(order, lowering.facts, lowering.family));
  return withBody(body, functions, around, operations + rows * n * levelsOf(order) ** 2);
}

/** How often runs are doubled until one is the row. */
const levelsOf = ({ n }: Order): number => Math.ceil(Math.log2(n));

/** The kernel text below the functions that read numbers, and read and write places. */
function orderBody(order: Order, { kind, workgroup }: OrderSchedule): Body {
  const { rows, n } = order;
  const isAlone = kind === "alone";
  const grid = lineGrid(isAlone ? Math.ceil(rows / workgroup) : rows);
  const own = isAlone ? `position * ${workgroup}u + lane` : "position";
  const wgsl = `const N = ${n}u;
const LEVELS = ${levelsOf(order)}u;
const PAIRS = ${Math.floor(2 ** (levelsOf(order) - 1))}u;
const TEAM = ${isAlone ? 1 : workgroup}u;

fn team_barrier() {
${isAlone ? "" : "  storageBarrier();\n"}}

@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${grid.wgsl}
  let row = ${own};
  ${isAlone ? `if (row >= ${rows}u) { return; }` : ""}
  sort_row(row, ${isAlone ? "0u" : "lane"});
}

${keyOf}
${sortRow}`;
  return { wgsl, workgroups: grid.workgroups, features: [] };
}
