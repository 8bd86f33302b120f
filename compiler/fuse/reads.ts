/** What a draft computes and what it reads. */
import type { Node } from "../graph/ops.ts";
import { storedAs } from "../graph/result-type.ts";
import { bytesIn, count } from "../graph/type.ts";
import { bindingCount, type DeviceFacts } from "../plan/device-facts.ts";
import { type DType, readAs } from "../plan/dtype.ts";
import type { Draft } from "./draft.ts";
import type { Materialised } from "./materialise.ts";

export interface Reads {
  /** Nodes read from memory, the packed ones as second factors. */
  readonly stored: ReadonlySet<Node>;
  /** Those of them that another draft writes first. */
  readonly written: ReadonlySet<Node>;
  /** Nodes that the draft computes. */
  readonly computed: ReadonlySet<Node>;
}

export function readsOf({ targets, ending, isCopy }: Draft, { stored, packed }: Materialised): Reads {
  const found = new Set<Node>();
  const computed = new Set<Node>();
  const own = new Set(targets.flatMap(({ node }) => (node.op === "part" && !isCopy ? [node, node.inputs[0]] : [node])));
  const pending: Node[] = [];
  const need = (node: Node): void => {
    if (computed.has(node) || found.has(node)) return;
    if (stored.has(node) && !(own.has(node) && !isCopy && node.op !== "input")) found.add(node);
    else {
      computed.add(node);
      pending.push(node);
    }
  };
  for (const node of own) need(node);
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const product = ending?.products.find((each) => each.node === node);
    if (product === undefined) for (const x of node.inputs) need(x);
    else {
      const [a, b] = product.factors;
      need(a);
      if (packed.has(b)) found.add(b);
      else need(b);
    }
  }
  return {
    stored: found,
    computed,
    written: new Set([...found].filter((node) => node.op !== "input" || packed.has(node))),
  };
}

/** What two drafts compute and read as one whose targets are `own`. */
export function joinedReads(x: Reads, y: Reads, own: ReadonlySet<Node>): Reads {
  const isRead = (node: Node): boolean => node.op === "input" || !own.has(node);
  const union = (a: ReadonlySet<Node>, b: ReadonlySet<Node>): ReadonlySet<Node> => new Set([...a, ...b].filter(isRead));
  return {
    stored: union(x.stored, y.stored),
    written: union(x.written, y.written),
    computed: new Set([...x.computed, ...y.computed]),
  };
}

/** The drafts that must run before one with these reads. */
export const writersFor = ({ written }: Reads, writers: ReadonlyMap<Node, readonly Draft[]>): readonly Draft[] =>
  [...written].flatMap((node) => writers.get(node) ?? []);

/** What a kernel may bind. */
export type BindingLimits = Pick<DeviceFacts, "maxStorageBuffersPerShaderStage" | "maxStorageBufferBindingSize">;

/** Whether the draft, with what it reads and writes, stays within the limits, apart from the padding of panels. */
export function isBindable(draft: Draft, reads: Reads, materialised: Materialised, limits: BindingLimits): boolean {
  const read = [...reads.stored].map((node) => bindingsOf(node, draft, materialised, limits));
  return sum(read) + bindingsOfTargets(draft, limits) <= limits.maxStorageBuffersPerShaderStage;
}

/** How many bindings the draft takes to read a node from memory. */
export function bindingsOf(node: Node, { ending }: Draft, { packed }: Materialised, limits: BindingLimits): number {
  const isPacked = packed.has(node) && (ending?.products ?? []).some(({ factors }) => factors[1] === node);
  return parts(bytesOf(node, node.op === "input" && !isPacked ? node.type.dtype : undefined), limits);
}

/** How many it takes to write. */
export const bindingsOfTargets = ({ targets }: Draft, limits: BindingLimits): number =>
  sum(targets.map(({ node, output }) => parts(bytesOf(node, output && storedAs(output)), limits)));

const parts = (bytes: number, { maxStorageBufferBindingSize }: BindingLimits): number =>
  bindingCount(bytes, maxStorageBufferBindingSize);

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** Bytes of a node that lies in memory as this type, or else as it is read. */
const bytesOf = ({ type }: Node, dtype: DType = readAs(type.dtype)): number => bytesIn(dtype, count(type));
