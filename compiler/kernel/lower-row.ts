/**
 * Kernels whose invocations share a row: phases of reductions along it, then the stores. A workgroup takes one row; on software
 * adapters it is one subgroup.
 */
import type { RowGroup } from "../fuse/group.ts";
import { count } from "../graph/type.ts";
import { coordinate, fromVariable, type Index, strideOf, type Variable, variableKey } from "../index/affine.ts";
import { parts } from "../index/position.ts";
import { elementAddress, type Storage } from "../memory/storage.ts";
import type { RowSchedule } from "../schedule/schedule-row.ts";
import type { Evaluate } from "./evaluate.ts";
import { isAligned, sharedByFour } from "./fours.ts";
import { lineGrid } from "./grid.ts";
import { type Header, header, type IsFour, inFours } from "./header.ts";
import { expressions, type Lowered, type Lowering, operationsOf } from "./lower.ts";
import { innerOf, lowerMap } from "./lower-map.ts";
import { writeSequentially } from "./reduce.ts";
import { type Sharing, stepping, writeShared } from "./reduce-together.ts";
import type { ReduceScalar, Scalar } from "./scalar.ts";
import { expressionsOf } from "./uses.ts";
import { elementary } from "./wgsl.ts";
import { type Loop, type WriteReduces, type Writer, writer } from "./writer.ts";

interface RowStore {
  readonly storage: Storage;
  readonly address: Index;
  readonly value: Scalar;
  readonly inner?: Variable;
}

/** Which stores are still to be written, and what an earlier loop has left in their memory. */
interface Pending {
  readonly stores: Set<RowStore>;
  readonly kept: Map<RowStore, Scalar>;
  /** Whether storing and reading back costs less than an elementary function. */
  readonly keeps: boolean;
}

export function lowerRow(group: RowGroup, lowering: Lowering): Lowered {
  const { facts, family, schedules, storages } = lowering;
  const size = count({ dims: group.outer });
  const row = coordinate("row", size);
  const stores = storesOf(group, lowering, row, expressions(group, lowering).evaluate);
  const roots = stores.map(({ value }) => value);
  const shared = sharedReduces(roots, row);
  const isInterleaved = shared.some((x) => x.isInterleaved);
  const schedule = schedules.row({
    rows: size,
    words: shared.reduce((sum, { by }) => sum + (by === "argmax" ? 2 : 1), 0),
    terms: Math.max(0, ...shared.map(({ over }) => over.size)),
    isInterleaved,
    isAcross: isAcross(shared, row),
    family,
    facts,
  });
  if (schedule.kind === "invocation") return lowerMap(group, lowering);
  const isWide = isInFours(stores, shared, schedule);
  const write = (isFour: IsFour): WrittenRow =>
    writeRow({ size, row, stores, shared, sharing: { rows: 1, ...schedule, isWide, memory: [] }, isFour }, lowering);
  const { wgsl, bindings, workgroups } = isWide ? inFours(storages, write) : write(() => false);
  const features = schedule.kind === "subgroup" ? (["subgroups"] as const) : [];
  return { wgsl, bindings, workgroups, features, operations: operationsOf(roots) };
}

/** What a kernel of a row group is written from. */
interface RowKernel {
  readonly size: number;
  readonly row: Variable;
  readonly stores: readonly RowStore[];
  readonly shared: readonly ReduceScalar[];
  readonly sharing: Sharing;
  readonly isFour: IsFour;
}

type WrittenRow = Pick<Lowered, "wgsl" | "bindings" | "workgroups"> & Pick<Header, "singles">;

function writeRow({ size, row, stores, shared, sharing, isFour }: RowKernel, lowering: Lowering): WrittenRow {
  const { facts, family, storages } = lowering;
  const { lanes, rows } = sharing;
  const around = header({ storages, largestBinding: facts.maxStorageBufferBindingSize, isFour });
  const grid = lineGrid(Math.ceil(size / rows));
  const pending: Pending = { stores: new Set(stores), kept: new Map(), keeps: family === "software" };
  const out = writer(
    stores.map(({ value }) => value),
    new Map([[row, rows === 1 ? "position" : "row"]]),
    { around, writeReduces: sharedLoops(sharing, shared, pending, around) },
  );
  for (const line of [...grid.wgsl.split("\n"), ...ownRow(size, sharing)]) out.line(line.trim());
  for (const x of shared) out.value(x);
  for (const store of stores)
    if (store.inner === undefined || pending.stores.has(store))
      writeStore(out, store, sharing, { around, kept: pending.kept.get(store) });
  const parameters = `@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) ${rows === 1 ? "lane" : "invocation"}: u32`;
  const main = `@compute @workgroup_size(${lanes * rows})\nfn main(${parameters}) {\n${out.text()}\n}\n`;
  const wgsl = [around.print(sharing.kind === "subgroup" ? ["subgroups"] : []), ...sharing.memory, "", main].join("\n");
  return { wgsl, bindings: around.bindings(), workgroups: grid.workgroups, singles: around.singles };
}

function storesOf(group: RowGroup, { storageOf }: Lowering, row: Variable, evaluate: Evaluate): readonly RowStore[] {
  const at = parts(fromVariable(row), group.outer);
  return group.targets.map((target) => {
    const storage = storageOf(target);
    const inner = innerOf(target, storage, group.outer);
    const position = new Map([...at, ...(inner === undefined ? [] : parts(fromVariable(inner.variable), inner.dims))]);
    const store = { storage, address: elementAddress(storage, position), value: evaluate(target.node, position) };
    return inner === undefined ? store : { ...store, inner: inner.variable };
  });
}

/** The reductions that depend on the row alone and that invocations can take parts of. */
function sharedReduces(roots: readonly Scalar[], row: Variable): readonly ReduceScalar[] {
  const isOfRow = (x: Scalar): boolean => [...x.free].every((key) => key === variableKey(row));
  return expressionsOf(roots).filter(
    (x): x is ReduceScalar => x.kind === "reduce" && isOfRow(x) && (x.isInterleaved || x.by !== "sum"),
  );
}

/** Whether what the reductions read lies across rows: neighbours are of neighbouring rows. */
function isAcross(shared: readonly ReduceScalar[], row: Variable): boolean {
  const addresses = shared.flatMap(({ over, body }) =>
    expressionsOf([body]).flatMap((x) => (x.kind === "load" && x.free.has(variableKey(over)) ? [x.address] : [])),
  );
  return addresses.length > 0 && addresses.every((address) => strideOf(address, row) === 1);
}

/** Which row and lane an invocation has, where a workgroup takes several; those beyond the last compute it again. */
const ownRow = (size: number, { rows }: Sharing): readonly string[] =>
  rows === 1
    ? []
    : [
        `let own_row = invocation % ${rows}u;`,
        `let lane = invocation / ${rows}u;`,
        `let row = min(position * ${rows}u + own_row, ${size - 1}u);`,
        `let is_inside = position * ${rows}u + own_row < ${size}u;`,
      ];

/** Whether every loop along the row can go by fours: memory is contiguous along it, or four neighbours have the same. */
function isInFours(stores: readonly RowStore[], shared: readonly ReduceScalar[], schedule: RowSchedule): boolean {
  if (schedule.kind !== "subgroup" || schedule.lanes > 16 || shared.some(({ by }) => by === "argmax")) return false;
  const loops = [
    ...shared.map(({ over, body }) => ({ along: over, roots: [body], addresses: [] as readonly Index[] })),
    ...stores.flatMap(({ inner, value, address }) =>
      inner === undefined ? [] : { along: inner, roots: [value], addresses: [address] },
    ),
  ];
  return loops.every(({ along, roots, addresses }) => {
    const loads = expressionsOf(roots).flatMap((x) =>
      x.kind === "load" && x.free.has(variableKey(along)) ? [x.address] : [],
    );
    if (along.size % 4 !== 0 || !addresses.every((address) => isAligned(address, along))) return false;
    return loads.every((address) => isAligned(address, along) || sharedByFour(address, along) !== undefined);
  });
}

/** Loops of shared reductions, each of which also stores what it computes on its way. */
const sharedLoops =
  (sharing: Sharing, shared: readonly ReduceScalar[], pending: Pending, around: Header): WriteReduces =>
  (loop, out) => {
    if (!loop.reduces.every((x) => shared.includes(x))) return writeSequentially(loop, out);
    const stores = storesOnTheWay(loop, pending);
    return writeShared(loop, out, sharing, () => {
      const isGuarded = sharing.rows > 1 && stores.length > 0;
      if (isGuarded) out.open("if (is_inside)", new Map());
      for (const store of stores) writeElement(out, store, around);
      if (isGuarded) out.close();
    });
  };

/**
 * Takes from the pending stores those whose values a loop computes. Of others that run along it, it keeps a dear part in their
 * memory, from where they read it when their turn comes.
 */
function storesOnTheWay({ over, reduces }: Loop, pending: Pending): readonly RowStore[] {
  const computed = new Set(expressionsOf(reduces.map(({ body }) => body)).filter(({ kind }) => kind === "apply"));
  const along = [...pending.stores].filter(
    ({ inner }) => inner !== undefined && variableKey(inner) === variableKey(over),
  );
  const whole = along.filter(({ value }) => computed.has(value));
  for (const store of whole) pending.stores.delete(store);
  const others = pending.keeps ? along.filter((store) => !whole.includes(store) && !pending.kept.has(store)) : [];
  const parts = others.flatMap((store) => {
    const value = worthKeeping(store, computed, over);
    if (value !== undefined) pending.kept.set(store, value);
    return value === undefined ? [] : [{ ...store, value }];
  });
  return [...whole, ...parts];
}

/** The largest part of a value for the element that the loop is at, computed by it, that takes an elementary function there. */
function worthKeeping({ value, storage }: RowStore, computed: ReadonlySet<Scalar>, over: Variable): Scalar | undefined {
  const isHere = ({ free }: Scalar): boolean => free.has(variableKey(over));
  const isOfElement = ({ free }: Scalar): boolean => [...free].every((key) => value.free.has(key));
  const isDear = (x: Scalar): boolean =>
    expressionsOf([x], isHere).some((part) => part.kind === "apply" && elementary.has(part.op));
  const isPlain = storage.dtype === "f32" && storage.slot?.accumulate === undefined;
  return isPlain
    ? expressionsOf([value], isHere).findLast(
        (x) => computed.has(x) && x.dtype === "f32" && isOfElement(x) && isDear(x),
      )
    : undefined;
}

function writeElement(out: Writer, { storage, address, value }: RowStore, around: Header): void {
  const text = out.wide(value);
  out.line(around.write(storage, out.address(address), [text], out.isWide() ? 4 : 1));
}

function writeStore(
  out: Writer,
  store: RowStore,
  { lanes, rows, isWide }: Sharing,
  { around, kept }: { around: Header; kept: Scalar | undefined },
): void {
  const { storage, address, value, inner } = store;
  const isInside = rows === 1 ? "" : " && is_inside";
  if (inner === undefined) {
    const text = out.value(value);
    out.line(`if (lane == 0u${isInside}) { ${around.write(storage, out.index(address), [text], 1)} }`);
    return;
  }
  const { counter, steps, bound, wide } = stepping(inner, out, isWide);
  out.open(`for (var ${counter} = lane; ${counter} < ${steps}u${isInside}; ${counter} += ${lanes}u)`, bound, wide);
  if (kept !== undefined) {
    const again = out.fresh("kept");
    out.line(`let ${again} = ${around.read(storage.id, out.address(address), isWide ? 4 : 1)};`);
    out.define(kept, again);
  }
  writeElement(out, store, around);
  out.close();
}
