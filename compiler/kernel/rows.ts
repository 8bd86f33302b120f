/** What routines over rows of numbers begin with: their sizes, a function that reads a number, and texts that reach the result. */
import type { RoutineGroup } from "../fuse/group.ts";
import type { NodeOf } from "../graph/ops.ts";
import { dimsOf } from "../graph/routine.ts";
import { count } from "../graph/type.ts";
import { coordinate, fromVariable } from "../index/affine.ts";
import { type Position, parts } from "../index/position.ts";
import { elementAddress } from "../memory/storage.ts";
import { type Header, header } from "./header.ts";
import { expressions, firstTarget, type Lowering, loadFunction, operationsOf } from "./lower.ts";
import { writeSequentially } from "./reduce.ts";
import { writer } from "./writer.ts";

interface Rows {
  readonly rows: number;
  /** Numbers in a row. */
  readonly n: number;
  readonly around: Header;
  /** `load_score(row, i)`, and what all numbers cost. */
  readonly load: string;
  readonly operations: number;
  /** The lines by which a function of `row` and `i` reads the result there, or puts a value there. */
  readonly read: (as: (value: string) => string) => string;
  readonly write: (value: string) => string;
}

export function rowsOf(group: RoutineGroup, node: NodeOf<"best"> | NodeOf<"order">, lowering: Lowering): Rows {
  const { facts, storages, storageOf } = lowering;
  const { inner, outer } = dimsOf(node);
  const [rows, n] = [count({ dims: outer }), count({ dims: inner })];
  const [row, i] = [coordinate("row", rows), coordinate("i", n)];
  const at: Position = new Map([...parts(fromVariable(row), outer), ...parts(fromVariable(i), inner)]);
  const around = header({ storages, largestBinding: facts.maxStorageBufferBindingSize, isFour: () => false });
  const { evaluate, make } = expressions(group, lowering);
  const score = make.cast("f32", evaluate(node.inputs[0], at));
  const load = loadFunction("load_score", [row, i], score, around);
  const storage = storageOf(firstTarget(group));
  const bound = new Map([row, i].map((variable) => [variable, variable.name]));
  const lineOf = (line: (index: string) => string): string => {
    const out = writer([], bound, { around, writeReduces: writeSequentially });
    out.line(line(out.index(elementAddress(storage, at))));
    return out.text();
  };
  return {
    ...{ rows, n, around, load, operations: operationsOf([score]) },
    read: (as) => lineOf((index) => as(around.read(storage.id, index, 1))),
    write: (value) => lineOf((index) => around.write(storage, index, [value], 1)),
  };
}
