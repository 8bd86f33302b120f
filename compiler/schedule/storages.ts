/** Gives every slot and every target its memory. The layout of what kernels hand to each other is chosen for its readers. */
import type { ContractionGroup, Group, Roles, RowGroup, Sum, Target } from "../fuse/group.ts";
import { isView } from "../fuse/view.ts";
import type { Graph, Output } from "../graph/graph.ts";
import type { Node } from "../graph/ops.ts";
import { count, type Dim, type DType } from "../graph/type.ts";
import type { DeviceFacts } from "../plan/device-facts.ts";
import { flatten, fromVariable, type Variable, variableKey, variablesOf } from "./affine.ts";
import { type Layout, rows } from "./layout.ts";
import { backward, type Position, parts } from "./position.ts";
import { panelWidth } from "./schedule-contraction.ts";
import { isReadable, type Storage } from "./storage.ts";

export interface Storages {
  readonly all: readonly Storage[];
  /** Where the value of a node can be read. */
  readonly find: (node: Node) => Storage | undefined;
  readonly storageOf: (target: Target) => Storage;
}

export function storages(
  graph: Graph,
  groups: readonly Group[],
  facts: DeviceFacts,
  family: "software" | "gpu",
): Storages {
  const all: Storage[] = [];
  const byTarget = new Map<Target, Storage>();
  const byNode = new Map<Node, Storage>();
  const add = (storage: Omit<Storage, "id">): Storage => {
    const made = { id: all.length, ...storage };
    all.push(made);
    return made;
  };
  for (const node of graph.nodes) if (node.op === "input") byNode.set(node, add(inputStorage(node)));
  const targets = groups.flatMap((group) => group.targets);
  for (const output of graph.outputs) {
    const target = targets.find((each) => each.output === output);
    if (target !== undefined) byTarget.set(target, add(outputStorage(target, output)));
  }
  const packed = new Set(
    groups.flatMap((group) => (group.shape === "contraction" ? group.sums.flatMap((sum) => sum.packed ?? []) : [])),
  );
  for (const target of targets) {
    if (target.output !== undefined) continue;
    const { node } = target;
    byTarget.set(
      target,
      add({ node, through: [], dtype: wordType(node), layout: layoutFor(target, groups, facts, family) }),
    );
  }
  for (const [target, storage] of byTarget)
    if (!packed.has(target) && isReadable(storage) && !byNode.has(target.node)) byNode.set(target.node, storage);
  return {
    all,
    find: (node) => byNode.get(node),
    storageOf: (target) => {
      const found = byTarget.get(target);
      if (found === undefined) throw new Error(`target %${target.node.id} has no memory`);
      return found;
    },
  };
}

function inputStorage(node: Extract<Node, { op: "input" }>): Omit<Storage, "id"> {
  const { name, type, role } = node.attrs;
  return {
    node,
    through: [],
    layout: rows(type.dims),
    dtype: type.dtype,
    slot: { name, role, dtype: type.dtype, dims: type.dims },
  };
}

function outputStorage(
  { node, through }: Target,
  { name, accumulate, store, node: { type } }: Output,
): Omit<Storage, "id"> {
  const dtype = store ?? type.dtype;
  const role = accumulate === undefined ? "output" : "accumulator";
  return {
    node,
    through,
    layout: rows(type.dims),
    dtype,
    slot: { name, role, dtype, dims: type.dims, ...(accumulate === undefined ? {} : { accumulate }) },
  };
}

/** Between kernels, what reads as f32 lies as f32. */
const wordType = ({ type: { dtype } }: Node): DType => (dtype === "f16" || dtype === "bf16" ? "f32" : dtype);

/** First factors with the terms last, second factors in the panels that the contraction wants, rows with the row last. */
function layoutFor(target: Target, groups: readonly Group[], facts: DeviceFacts, family: "software" | "gpu"): Layout {
  const { node } = target;
  const contractions = groups.filter((group) => group.shape === "contraction");
  const sums = contractions.flatMap((group) => group.sums.map((sum) => ({ group, sum })));
  const packed = sums.find(({ sum }) => sum.packed === target);
  const first = contractions.find(({ a }) => beneath(a, node) === node);
  const second = sums.find(({ sum }) => sum.packed === undefined && beneath(sum.b, node) === node);
  const chosen =
    packed !== undefined
      ? secondFactor(packed, node, facts, family)
      : first !== undefined
        ? firstFactor(first, node)
        : second && secondFactor(second, node, facts, family);
  return chosen ?? rowsLast(node, groups);
}

function firstFactor({ a, roles }: ContractionGroup, node: Node): Layout | undefined {
  const dims = dimsByRole(a, node, roles, "m");
  return dims && rows([...dims.batch, ...dims.side, ...dims.k]);
}

/** The order of the type, with the row last that a group reduces. */
function rowsLast(node: Node, groups: readonly Group[]): Layout {
  const { dims } = node.type;
  const isRead = ({ targets }: Group): boolean =>
    targets.some((target) => target.node.inputs.some((x: Node) => x === node));
  const reader = groups.find((group): group is RowGroup => group.shape === "row" && isRead(group));
  if (reader === undefined) return rows(dims);
  const isOuter = ({ name }: Dim): boolean => reader.outer.some((dim) => dim.name === name);
  return rows([...dims.filter(isOuter), ...dims.filter((dim) => !isOuter(dim))]);
}

/** The node that `of` shows through views, as far down as `base`. */
function beneath(of: Node, base: Node): Node {
  let node = of;
  while (isView(node) && node !== base) node = node.inputs[0];
  return node;
}

function secondFactor(
  { group, sum }: { readonly group: ContractionGroup; readonly sum: Sum },
  node: Node,
  facts: DeviceFacts,
  family: "software" | "gpu",
): Layout | undefined {
  const { roles } = group;
  const dims = dimsByRole(sum.b, node, roles, "n");
  if (dims === undefined) return undefined;
  const sizes = {
    batch: count({ dims: roles.batch }),
    m: count({ dims: roles.m }),
    n: count({ dims: roles.n }),
    k: count({ dims: roles.k }),
  };
  const width = panelWidth({ ...sizes, accumulators: group.sums.length, prologue: 0, half: false }, facts, family);
  if (width === undefined) return rows([...dims.batch, ...dims.k, ...dims.side]);
  return { kind: "panels", batch: dims.batch, k: dims.k, n: dims.side, width };
}

interface DimsByRole {
  readonly batch: readonly Dim[];
  readonly side: readonly Dim[];
  readonly k: readonly Dim[];
}

/** The dimensions of `base`, seen as a factor through views, by what they do; undefined if one does two things. */
function dimsByRole(factor: Node, base: Node, roles: Roles, side: "m" | "n"): DimsByRole | undefined {
  const roleDims = { batch: roles.batch, side: roles[side], k: roles.k };
  const names = ["batch", "side", "k"] as const;
  const variables = new Map(
    names.map((name) => [name, { name, size: count({ dims: roleDims[name] }), turn: 0 } as Variable]),
  );
  const variable = (name: (typeof names)[number]): Variable => variables.get(name) ?? { name, size: 1, turn: 0 };
  let at: Position = new Map(names.flatMap((name) => [...parts(fromVariable(variable(name)), roleDims[name])]));
  for (let node = factor; node !== base; node = node.inputs[0]) {
    if (!isView(node)) return undefined;
    at = backward(node, at);
  }
  const belongs = (dim: Dim, name: (typeof names)[number]): boolean => {
    const index = at.get(dim.name);
    const own = index === undefined ? new Set<string>() : variablesOf(index);
    return own.size === 0 ? name === "batch" : own.size === 1 && own.has(variableKey(variable(name)));
  };
  const found = names.map((name) => base.type.dims.filter((dim) => belongs(dim, name)));
  const isWhole = names.every((name, i) => {
    const dims = found[i] ?? [];
    const index = flatten(
      dims.map((dim) => at.get(dim.name) ?? fromVariable(variable(name))),
      dims.map(({ size }) => size),
    );
    return index.key === fromVariable(variable(name)).key;
  });
  const [batch, own, k] = found;
  return isWhole && batch !== undefined && own !== undefined && k !== undefined ? { batch, side: own, k } : undefined;
}
