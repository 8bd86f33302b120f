/** Gives every slot and every target its memory. The layout of what kernels hand to each other is chosen for its readers. */
import {
  type ContractionGroup,
  type Group,
  isSweep,
  type RowGroup,
  type Sum,
  type SweepGroup,
  type Target,
} from "../fuse/group.ts";
import { extentsOf } from "../fuse/roles.ts";
import { firstInside } from "../fuse/sweep-bodies.ts";
import { bodyNames } from "../graph/bodies.ts";
import type { Graph, Output } from "../graph/graph.ts";
import type { Node, NodeOf } from "../graph/ops.ts";
import { storedAs } from "../graph/result-type.ts";
import { count, type Dim } from "../graph/type.ts";
import { isView } from "../graph/view.ts";
import { coordinate, fromVariable, type Index } from "../index/affine.ts";
import { backward, flatAt, indexAt, type Position, parts } from "../index/position.ts";
import { bug } from "../invariant.ts";
import type { DeviceFacts } from "../plan/device-facts.ts";
import { readAs } from "../plan/dtype.ts";
import type { Family } from "../schedule/family.ts";
import { panelWidth } from "../schedule/schedule-contraction.ts";
import { type Layout, rows } from "./layout.ts";
import { scratchOf } from "./scratch.ts";
import { isReadable, type Storage } from "./storage.ts";
import { readIn, type SweepStorages, sweepStorages } from "./sweep-storages.ts";

export interface Storages {
  /** By id. */
  readonly storages: readonly Storage[];
  /** Where the value of a node can be read. */
  readonly find: (node: Node) => Storage | undefined;
  readonly storageOf: (target: Target) => Storage;
  /** What a group's kernels keep beside its targets. */
  readonly scratchOf: (group: Group) => readonly Storage[];
  readonly sweepOf: (group: SweepGroup) => SweepStorages;
}

export function storages(graph: Graph, groups: readonly Group[], facts: DeviceFacts, family: Family): Storages {
  const made: Made = {
    ...{ all: [], byNode: new Map(), byTarget: new Map(), scratch: new Map(), sweeps: new Map() },
    widthOf: (group) =>
      panelWidth({ ...extentsOf(group.roles), accumulators: group.sums.length, half: false }, facts, family),
  };
  const input = (node: NodeOf<"input">): Storage => add(made, inputStorage(node));
  place({ graph, groups, input, output: (target, output) => add(made, outputStorage(target, output)) }, made);
  return {
    storages: made.all,
    scratchOf: (group) => made.scratch.get(group) ?? [],
    sweepOf: (group) => made.sweeps.get(group) ?? bug("a sweep has no memory"),
    find: (node) => made.byNode.get(node),
    storageOf: (target) => storageOf(made, target),
  };
}

/** What has memory so far. */
interface Made {
  readonly all: Storage[];
  readonly byNode: Map<Node, Storage>;
  readonly byTarget: Map<Target, Storage>;
  readonly scratch: Map<Group, readonly Storage[]>;
  readonly sweeps: Map<Group, SweepStorages>;
  readonly widthOf: PanelWidth;
}

/** A graph with its groups, and what its inputs and outputs lie in. */
interface Placing {
  readonly graph: Graph;
  readonly groups: readonly Group[];
  readonly input: (node: NodeOf<"input">) => Storage;
  readonly output: (target: Target, output: Output) => Storage;
}

function add({ all }: Made, storage: Omit<Storage, "id">): Storage {
  const made = { id: all.length, ...storage };
  all.push(made);
  return made;
}

const storageOf = ({ byTarget }: Made, target: Target): Storage =>
  byTarget.get(target) ?? bug(`target %${target.node.id} has no memory`);

function place(placing: Placing, made: Made): void {
  const { graph, groups, input } = placing;
  for (const node of graph.nodes) if (node.op === "input") made.byNode.set(node, input(node));
  placeTargets(placing, made);
  for (const group of groups) {
    const kept = scratchOf(group).map((storage) => add(made, storage));
    made.scratch.set(group, kept);
    if (isSweep(group)) placeSweep(group, made);
  }
}

function placeTargets({ graph, groups, output }: Placing, made: Made): void {
  const { byNode, byTarget } = made;
  const targets = groups.flatMap((group) => group.targets);
  const byOutput = new Map(targets.map((target) => [target.output, target]));
  for (const each of graph.outputs) {
    const target = byOutput.get(each);
    if (target !== undefined) byTarget.set(target, output(target, each));
  }
  const readers = readersIn(groups);
  for (const target of targets) {
    if (target.output !== undefined) continue;
    const { node } = target;
    const layout = layoutFor(target, readers, made.widthOf);
    byTarget.set(target, add(made, { node, through: [], dtype: readAs(node.type.dtype), layout }));
  }
  const isRead = (target: Target): boolean => !readers.packed.has(target) && isReadable(storageOf(made, target));
  for (const target of targets)
    if (isRead(target) && !byNode.has(target.node)) byNode.set(target.node, storageOf(made, target));
}

/** Memory of a sweep, and of the graphs that its bodies are. */
function placeSweep(group: SweepGroup, made: Made): void {
  const own = sweepStorages(
    group,
    (storage) => add(made, storage),
    (target) => storageOf(made, target),
  );
  made.sweeps.set(group, own);
  for (const body of group.bodies) {
    const memory = (name: string, found: Storage | undefined): Storage =>
      found ?? bug(`${name} of a body has no memory`);
    const { name: level } = group.node.attrs.levels[body.level]?.dim ?? bug(`no level ${body.level}`);
    place(
      {
        ...body,
        input: ({ attrs: { name } }) => {
          const outside = body.given.get(name);
          return memory(name, outside === undefined ? readIn(own, name) : made.byNode.get(outside));
        },
        output: (_, { name }) => memory(name, own.given.get(bodyNames.above(level, name))),
      },
      made,
    );
  }
}

function inputStorage(node: NodeOf<"input">): Omit<Storage, "id"> {
  const { name, type, role } = node.attrs;
  return {
    node,
    through: [],
    layout: rows(type.dims),
    dtype: type.dtype,
    slot: { name, role, dtype: type.dtype, dims: type.dims },
  };
}

function outputStorage({ node, through }: Target, output: Output): Omit<Storage, "id"> {
  const { name, accumulate } = output;
  const { dims } = output.node.type;
  const dtype = storedAs(output);
  const role = accumulate === undefined ? "output" : "accumulator";
  return {
    node,
    through,
    layout: rows(dims),
    dtype,
    slot: { name, role, dtype, dims, ...(accumulate === undefined ? {} : { accumulate }) },
  };
}

/** What reads a node, or shows it through views: of each kind the first in order. */
interface Readers {
  readonly firstFactors: ReadonlyMap<Node, ContractionGroup>;
  readonly secondFactors: ReadonlyMap<Node, SecondFactor>;
  readonly packed: ReadonlyMap<Target, SecondFactor>;
  readonly rows: ReadonlyMap<Node, RowGroup>;
}

interface SecondFactor {
  readonly group: ContractionGroup;
  readonly sum: Sum;
}

function readersIn(groups: readonly Group[]): Readers {
  const rowGroups = groups.filter((group) => group.shape === "row");
  const contractions = groups.filter((group) => group.shape === "contraction");
  const seconds = contractions.flatMap((group) => group.sums.map((sum): SecondFactor => ({ group, sum })));
  return {
    rows: firstReaders(rowGroups, ({ targets }) => targets.flatMap(({ node }): readonly Node[] => node.inputs)),
    firstFactors: firstReaders(contractions, ({ a }) => throughViews(a)),
    secondFactors: firstReaders(seconds, ({ sum }) => (sum.packed === undefined ? throughViews(sum.b) : [])),
    packed: firstReaders(seconds, ({ sum }) => (sum.packed === undefined ? [] : [sum.packed])),
  };
}

/** By what is read, the first that reads it. */
function firstReaders<Read, Reader>(
  readers: readonly Reader[],
  readsOf: (reader: Reader) => readonly Read[],
): ReadonlyMap<Read, Reader> {
  const first = new Map<Read, Reader>();
  for (const reader of readers) for (const read of readsOf(reader)) if (!first.has(read)) first.set(read, reader);
  return first;
}

/** First factors with the terms last, second factors in the panels that the contraction wants, rows with the row last. */
function layoutFor(target: Target, readers: Readers, widthOf: PanelWidth): Layout {
  const { node } = target;
  const pieces = piecesOf(node);
  if (pieces !== undefined) return pieces;
  const packed = readers.packed.get(target);
  const first = readers.firstFactors.get(node);
  const second = readers.secondFactors.get(node);
  const chosen = packed
    ? secondFactor(packed, node, widthOf)
    : first
      ? firstFactor(first, node)
      : second && secondFactor(second, node, widthOf);
  return chosen ?? rowsLast(node, readers.rows.get(node));
}

/** Of what the body of a sweep gives by kernels of its own: a piece for each run. */
function piecesOf(node: Node): Layout | undefined {
  if (node.op !== "part") return undefined;
  const [of] = node.inputs;
  const { level } = node.attrs;
  if (of.op !== "feedback" || level >= firstInside(of)) return undefined;
  const { dims } = node.type;
  return { kind: "pieces", number: dims.slice(0, level + 1), each: dims.slice(level + 1) };
}

/** The width of the panels that a contraction wants for its second factors, if any. */
type PanelWidth = (group: ContractionGroup) => number | undefined;

function firstFactor({ a, roles: { batch, m, k } }: ContractionGroup, node: Node): Layout | undefined {
  const dims = dimsByRole(a, node, { batch, side: m, k });
  return dims && rows([...dims.batch, ...dims.side, ...dims.k]);
}

function secondFactor({ group, sum }: SecondFactor, node: Node, widthOf: PanelWidth): Layout | undefined {
  const { batch, n, k } = group.roles;
  const dims = dimsByRole(sum.b, node, { batch, side: n, k });
  if (dims === undefined) return undefined;
  const width = widthOf(group);
  if (width === undefined) return rows([...dims.batch, ...dims.k, ...dims.side]);
  return { kind: "panels", batch: dims.batch, k: dims.k, n: dims.side, width };
}

/** The order of the type, with the row last that a group reduces. */
function rowsLast({ type: { dims } }: Node, reader: RowGroup | undefined): Layout {
  if (reader === undefined) return rows(dims);
  const isOuter = ({ name }: Dim): boolean => reader.outer.some((dim) => dim.name === name);
  return rows([...dims.filter(isOuter), ...dims.filter((dim) => !isOuter(dim))]);
}

/** The node and what it shows through views. */
function throughViews(of: Node): readonly Node[] {
  const nodes = [of];
  for (let node = of; isView(node); node = node.inputs[0]) nodes.push(node.inputs[0]);
  return nodes;
}

export interface DimsByRole {
  readonly batch: readonly Dim[];
  readonly side: readonly Dim[];
  readonly k: readonly Dim[];
}

/** The dimensions of `base`, seen through views as a factor with the given ones, by what they do; undefined if one does two things. */
export function dimsByRole(factor: Node, base: Node, dims: DimsByRole): DimsByRole | undefined {
  const roles = ["batch", "side", "k"] as const;
  const whole = (role: keyof DimsByRole): Index => fromVariable(coordinate(role, count({ dims: dims[role] })));
  let at: Position = new Map(roles.flatMap((role) => parts(whole(role), dims[role])));
  for (let node = factor; node !== base; node = node.inputs[0]) {
    if (!isView(node)) return undefined;
    at = backward(node, at);
  }
  const own = (role: keyof DimsByRole): readonly Dim[] =>
    base.type.dims.filter((dim) => {
      const variables = [...indexAt(at, dim).variables];
      const isOfRole = variables.every((key) => whole(role).variables.has(key));
      return variables.length === 0 ? role === "batch" : isOfRole;
    });
  const isWhole = (role: keyof DimsByRole): boolean => flatAt(own(role), at).key === whole(role).key;
  return roles.every(isWhole) ? { batch: own("batch"), side: own("side"), k: own("k") } : undefined;
}
