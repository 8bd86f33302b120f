/**
 * Kernels without cooperation: an invocation computes some elements, or a whole row with its reductions. Elements are walked in
 * the order of the first target's memory, four neighbours at a time where all memory allows it.
 */
import type { MapGroup, RowGroup, Target } from "../fuse/group.ts";
import { bytesIn, count, type Dim } from "../graph/type.ts";
import {
  bounded,
  coordinate,
  freshVariable,
  fromVariable,
  type Index,
  number,
  plus,
  times,
  type Variable,
  variableKey,
} from "../index/affine.ts";
import { backward, type Position, parts } from "../index/position.ts";
import { invariant } from "../invariant.ts";
import { positionAt, room } from "../memory/layout.ts";
import { elementAddress, type Storage } from "../memory/storage.ts";
import { isPacked, type Packed } from "../plan/dtype.ts";
import { isAligned } from "./fours.ts";
import { type Grid, lineGrid } from "./grid.ts";
import { type Header, header, type IsFour, inFours } from "./header.ts";
import { expressions, firstTarget, type Lowered, type Lowering, operationsOf } from "./lower.ts";
import { firstInWord, isWithinWords, packedInWord } from "./packed.ts";
import { writeSequentially } from "./reduce.ts";
import type { Scalar } from "./scalar.ts";
import { expressionsOf } from "./uses.ts";
import type { Width } from "./wgsl.ts";
import { type Environment, variableName, type Writer, writer } from "./writer.ts";

/** One store of a target: the values that one element of the walk gives. */
interface Store {
  readonly storage: Storage;
  readonly address: Index;
  readonly values: readonly Scalar[];
  /** Where elements share words, and each value is of four of them: how far these lie apart. */
  readonly apart?: number;
  /** Walked for each element: the rest of a row. */
  readonly inner?: Variable;
}

interface Walk {
  readonly element: Variable;
  /** Set where an element of the walk is four neighbours. */
  readonly lane?: Variable;
  readonly stores: readonly Store[];
  /** Below `columns`, or padding. */
  readonly column?: Index;
  readonly columns: number;
}

export function lowerMap(group: MapGroup | RowGroup, lowering: Lowering): Lowered {
  const chosen = wideWalks(group, lowering).find(readsWell) ?? walk(group, lowering, 1);
  invariant(chosen !== undefined, "no walk by single elements");
  const write = (isFour: IsFour): WrittenMap => writeMap(chosen, isFour, lowering);
  return chosen.lane === undefined ? write(() => false) : inFours(lowering.storages, write);
}

/** Walks of which an element is four neighbours, or of elements that share words, a word or two. */
function wideWalks(group: MapGroup | RowGroup, lowering: Lowering): readonly Walk[] {
  const { dtype, ...storage } = lowering.storageOf(firstTarget(group));
  if (!isPacked(dtype)) return [walk(group, lowering, 4)].filter((found) => found !== undefined);
  const size = room(storage.layout);
  const each = Math.max(4, packedInWord(dtype));
  if (!isWithinWords(dtype) || size % each !== 0) return [];
  const distances = Array.from({ length: Math.log2(each) - 1 }, (_, i) => 2 ** i);
  return distances.map((apart) => wordWalk(group, lowering, { ...storage, dtype }, { size, each, apart }));
}

function walk(group: MapGroup | RowGroup, lowering: Lowering, width: Width): Walk | undefined {
  const first = firstTarget(group);
  const storage = lowering.storageOf(first);
  const outer = outerOf(group, lowering);
  if (width === 4 && !isWideEnough(group, storage, lowering)) return undefined;
  const size = outer === undefined ? room(storage.layout) : count({ dims: outer });
  const { dtype } = storage;
  if (isPacked(dtype)) return packedWalk(group, lowering, { ...storage, dtype }, size);
  if (width === 4 && (size % 4 !== 0 || outer !== undefined)) return undefined;
  const element = coordinate("element", size / width);
  const lane = coordinate("lane", 4);
  const index = width === 4 ? plus(times(fromVariable(element), 4), fromVariable(lane)) : fromVariable(element);
  const { at, column, columns } =
    outer === undefined ? placeOf(storage, index) : { at: new Map(parts(index, outer)), columns: 0 };
  if (width === 4 && column !== undefined) return undefined;
  const { evaluate } = expressions(group, lowering);
  const stores = group.targets.map((target): Store => {
    const own = lowering.storageOf(target);
    const inner = innerOf(target, own, outer);
    const position = inner === undefined ? at : new Map([...at, ...parts(fromVariable(inner.variable), inner.dims)]);
    const address = own === storage && outer === undefined ? index : elementAddress(own, position);
    const values = [evaluate(target.node, position)];
    return { storage: own, address, values, ...(inner === undefined ? {} : { inner: inner.variable }) };
  });
  return { element, stores, columns, ...(width === 4 ? { lane } : {}), ...(column === undefined ? {} : { column }) };
}

/** The dimensions of rows of which an invocation computes several elements; none if targets have no others. */
function outerOf(group: MapGroup | RowGroup, { storageOf }: Lowering): readonly Dim[] | undefined {
  if (group.shape === "map") return undefined;
  const hasInner = group.targets.some((target) => innerOf(target, storageOf(target), group.outer) !== undefined);
  return hasInner ? group.outer : undefined;
}

/** A GPU needs many invocations more than it needs wide ones, if each has a long way to go. */
const isWideEnough = ({ shape }: MapGroup | RowGroup, storage: Storage, { family }: Lowering): boolean =>
  shape === "map" || family === "software" || room(storage.layout) >= 2 ** 16;

/** What shares a word is written together, so the walk is by words. */
function packedWalk(
  group: MapGroup | RowGroup,
  lowering: Lowering,
  storage: Storage & { readonly dtype: Packed },
  size: number,
): Walk {
  const { dtype } = storage;
  const element = coordinate("element", bytesIn(dtype, size) / 4);
  const { evaluate } = expressions(group, lowering);
  const first = firstInWord(dtype, fromVariable(element));
  const { node } = firstTarget(group);
  const values = Array.from({ length: packedInWord(dtype) }, (_, i) =>
    evaluate(node, placeOf(storage, bounded(plus(first, number(i)), size)).at),
  );
  return { element, stores: [{ storage, address: fromVariable(element), values }], columns: 0 };
}

/** As `packedWalk`, by so many elements, which are taken in fours whose neighbours lie `apart`: along a dimension that is read. */
function wordWalk(
  group: MapGroup | RowGroup,
  lowering: Lowering,
  storage: Storage & { readonly dtype: Packed },
  { size, each, apart }: { readonly size: number; readonly each: number; readonly apart: number },
): Walk {
  const [element, lane] = [coordinate("element", size / each), coordinate("lane", 4)];
  const { evaluate } = expressions(group, lowering);
  const { node } = firstTarget(group);
  const values = Array.from({ length: each / 4 }, (_, i) => {
    const first = plus(times(fromVariable(element), each), number(firstOfFour(i, apart)));
    return evaluate(node, placeOf(storage, plus(first, times(fromVariable(lane), apart))).at);
  });
  const address = times(fromVariable(element), each / packedInWord(storage.dtype));
  return { element, lane, stores: [{ storage, address, values, apart }], columns: 0 };
}

/** The first element of a four, among those that share words. */
const firstOfFour = (i: number, apart: number): number => 4 * apart * Math.floor(i / apart) + (i % apart);

/** The position in the node of what memory holds at an address. */
function placeOf(storage: Storage, address: Index): ReturnType<typeof positionAt> {
  const place = positionAt(storage.layout, address);
  return { ...place, at: storage.through.reduceRight<Position>((at, view) => backward(view, at), place.at) };
}

/** The dimensions of a row that the target has, in the order of its memory. */
export function innerOf(
  { node }: Target,
  { layout, through }: Storage,
  outer: readonly Dim[] | undefined,
): { readonly variable: Variable; readonly dims: readonly Dim[] } | undefined {
  if (outer === undefined) return undefined;
  const order = layout.kind === "rows" && through.length === 0 ? layout.order : node.type.dims;
  const dims = order.filter(({ name }) => outer.every((dim) => dim.name !== name));
  if (dims.length === 0) return undefined;
  return { variable: freshVariable(dims.map(({ name }) => name).join("_"), count({ dims })), dims };
}

/** Whether every load and store of a walk by fours is of four neighbours, or of one element for all four. */
function readsWell({ stores, lane }: Walk): boolean {
  if (lane === undefined) return false;
  const loads = expressionsOf(stores.flatMap(({ values }) => values)).filter((x) => x.kind === "load");
  const isWell = (address: Index): boolean => isAligned(address, lane);
  return (
    stores.every(({ address, apart }) => apart !== undefined || isWell(address)) &&
    loads.every((x) => !x.free.has(variableKey(lane)) || isWell(x.address))
  );
}

type WrittenMap = Lowered & Pick<Header, "singles">;

function writeMap(walk: Walk, isFour: IsFour, { storages, facts, family, schedules }: Lowering): WrittenMap {
  const { element, stores, lane } = walk;
  const roots = stores.flatMap(({ values }) => values);
  const around = header({ storages, largestBinding: facts.maxStorageBufferBindingSize, isFour });
  const { workgroup, repeats } = schedules.map({
    elements: element.size,
    operations: operationsOf(roots),
    isWide: lane !== undefined,
    family,
    facts,
  });
  const grid = lineGrid(Math.ceil(element.size / (workgroup * repeats)));
  const bound = new Map([[element, "element"]]);
  if (lane !== undefined) bound.set(lane, "vec4u(0u, 1u, 2u, 3u)");
  const out = writer(roots, bound, {
    around,
    writeReduces: writeSequentially,
    ...(lane === undefined ? {} : { wide: { variable: lane } }),
  });
  const isGuarded = element.size % (workgroup * repeats) !== 0;
  if (isGuarded) out.line(`if (element >= ${element.size}u) { return; }`);
  writeStores(out, walk, around);
  return {
    wgsl: `${around.print([])}\n\nfn compute(element: u32) {\n${out.text()}\n}\n\n${entry(grid, workgroup, repeats)}`,
    bindings: around.bindings(),
    workgroups: grid.workgroups,
    features: [],
    operations: operationsOf(roots),
    singles: around.singles,
  };
}

/** One call per element of an invocation, and no loop: on lavapipe a step of one costs as much as twenty operations. */
function entry({ wgsl }: Grid, workgroup: number, repeats: number): string {
  const calls = Array.from({ length: repeats }, (_, i) => `compute(first${i === 0 ? "" : ` + ${i * workgroup}u`});`);
  return `@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${[wgsl, `let first = position * ${workgroup * repeats}u + lane;`, ...calls].join("\n  ")}
}
`;
}

function writeStores(out: Writer, { stores, column, columns }: Walk, around: Header & Environment): void {
  if (column !== undefined) out.open(`if (${out.index(column)} < ${columns}u)`, new Map());
  for (const { storage, address, values, inner, apart } of stores) {
    if (apart !== undefined) {
      writeWords(out, { storage, address, values, apart }, around);
      continue;
    }
    if (inner !== undefined) {
      const name = out.fresh(variableName(inner));
      out.open(`for (var ${name} = 0u; ${name} < ${inner.size}u; ${name}++)`, new Map([[inner, name]]));
    }
    const texts = values.map((value) => out.wide(value));
    out.line(around.write(storage, out.address(address), texts, out.isWide() ? 4 : 1));
    if (inner !== undefined) out.close();
  }
  if (column !== undefined) out.close();
}

/** The words of elements that were computed in fours. */
function writeWords(
  out: Writer,
  { storage, address, values, apart }: Store & { readonly apart: number },
  around: Header & Environment,
): void {
  const elements: string[] = [];
  for (const [i, value] of values.entries()) {
    const four = out.fresh("four");
    out.line(`let ${four} = ${out.wide(value)};`);
    for (const [lane, part] of ["x", "y", "z", "w"].entries())
      elements[firstOfFour(i, apart) + lane * apart] = `${four}.${part}`;
  }
  const each = isPacked(storage.dtype) ? packedInWord(storage.dtype) : 1;
  for (let at = 0; at < elements.length; at += each)
    out.line(around.write(storage, out.index(plus(address, number(at / each))), elements.slice(at, at + each), 1));
}
