/** The mask of the greatest: the body is written by hand, the scores come from the expression of the input. */
import type { RoutineGroup } from "../fuse/group.ts";
import type { NodeOf } from "../graph/ops.ts";
import { dimsOf } from "../graph/routine.ts";
import { count } from "../graph/type.ts";
import { coordinate, fromVariable } from "../index/affine.ts";
import { type Position, parts } from "../index/position.ts";
import { elementAddress } from "../memory/storage.ts";
import type { Best } from "../schedule/best.ts";
import { bestBody } from "./best-body.ts";
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

export function lowerBest(group: RoutineGroup, node: NodeOf<"best">, lowering: Lowering): Lowered {
  const { facts, family, schedules, storages, storageOf } = lowering;
  const { inner, outer } = dimsOf(node);
  const best: Best = { rows: count({ dims: outer }), n: count({ dims: inner }), keep: node.attrs.keep };
  const row = coordinate("row", best.rows);
  const i = coordinate("i", best.n);
  const at: Position = new Map([...parts(fromVariable(row), outer), ...parts(fromVariable(i), inner)]);
  const around = header({ storages, largestBinding: facts.maxStorageBufferBindingSize, isFour: () => false });
  const { evaluate, make } = expressions(group, lowering);
  const score = make.cast("f32", evaluate(node.inputs[0], at));
  const bound = new Map([row, i].map((variable) => [variable, variable.name]));
  const load = loadFunction("load_score", [row, i], score, around);
  const store = writer([], bound, { around, writeReduces: writeSequentially });
  const storage = storageOf(firstTarget(group));
  store.line(around.write(storage, store.index(elementAddress(storage, at)), ["kept"], 1));
  const functions = [load, `fn store_mask(row: u32, i: u32, kept: bool) {\n${store.text()}\n}`];
  const body = bestBody(best, schedules.best(best, facts, family));
  return withBody(body, functions, around, operationsOf([score]) + best.rows * best.n);
}
