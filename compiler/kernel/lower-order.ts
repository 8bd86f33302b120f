/** Places in ascending order: sorted where the result lies, by a network that compares numbers in memory. */
import type { RoutineGroup } from "../fuse/group.ts";
import type { NodeOf } from "../graph/ops.ts";
import { dimsOf } from "../graph/routine.ts";
import { count } from "../graph/type.ts";
import { coordinate, fromVariable } from "../index/affine.ts";
import { type Position, parts } from "../index/position.ts";
import { elementAddress } from "../memory/storage.ts";
import type { Order, OrderSchedule } from "../schedule/schedule-order.ts";
import { keyOf } from "./bodies/best.ts";
import { sortRow } from "./bodies/order.ts";
import type { Body } from "./body.ts";
import { lineGrid } from "./grid.ts";
import { header } from "./header.ts";
import {
  expressions,
  firstTarget,
  type Lowered,
  type Lowering,
  loadFunction,
  operationsOf,
  withBody,
} from "./lower.ts";
import { writeSequentially } from "./reduce.ts";
import { writer } from "./writer.ts";

export function lowerOrder(group: RoutineGroup, node: NodeOf<"order">, lowering: Lowering): Lowered {
  const { facts, family, schedules, storages, storageOf } = lowering;
  const { inner, outer } = dimsOf(node);
  const order: Order = { rows: count({ dims: outer }), n: count({ dims: inner }) };
  const row = coordinate("row", order.rows);
  const i = coordinate("i", order.n);
  const at: Position = new Map([...parts(fromVariable(row), outer), ...parts(fromVariable(i), inner)]);
  const around = header({ storages, largestBinding: facts.maxStorageBufferBindingSize, isFour: () => false });
  const { evaluate, make } = expressions(group, lowering);
  const score = make.cast("f32", evaluate(node.inputs[0], at));
  const bound = new Map([row, i].map((variable) => [variable, variable.name]));
  const load = loadFunction("load_score", [row, i], score, around);
  const storage = storageOf(firstTarget(group));
  const [get, set] = [0, 1].map(() => writer([], bound, { around, writeReduces: writeSequentially })) as [Text, Text];
  get.line(`return u32(${around.read(storage.id, get.index(elementAddress(storage, at)), 1)});`);
  set.line(around.write(storage, set.index(elementAddress(storage, at)), ["i32(place)"], 1));
  const functions = [
    load,
    `fn place_at(row: u32, i: u32) -> u32 {\n${get.text()}\n}`,
    `fn set_place(row: u32, i: u32, place: u32) {\n${set.text()}\n}`,
  ];
  const comparisons = order.rows * order.n * levelsOf(order) ** 2;
  const body = orderBody(order, schedules.order(order, facts, family));
  return withBody(body, functions, around, operationsOf([score]) + comparisons);
}

type Text = ReturnType<typeof writer>;

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
