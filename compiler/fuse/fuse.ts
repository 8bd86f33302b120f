/** Divides a graph into groups, each of which becomes one kernel. */

import type { Graph } from "../graph/graph.ts";
import type { Node } from "../graph/ops.ts";
import { invariant } from "../invariant.ts";
import { type Draft, writersOf } from "./draft.ts";
import { type Ending, endings } from "./epilogue.ts";
import type { Group, Sum } from "./group.ts";
import { merge } from "./merge.ts";
import { type Placed, place } from "./place.ts";
import { type BindingLimits, isBindable, readsOf, writersFor } from "./reads.ts";
import { exchanged, productOf } from "./roles.ts";
import { type Surroundings, surroundings } from "./surroundings.ts";

export interface FuseOptions {
  /** Second factors of contractions are packed into panels. */
  readonly packs: boolean;
  readonly limits: BindingLimits;
}

/** The groups in an order in which they can run. */
export function fuse(graph: Graph, { packs, limits }: FuseOptions): readonly Group[] {
  const around = surroundings(graph);
  const products = graph.nodes.flatMap((node) => productOf(node) ?? []);
  const oriented = products.map((product) =>
    around.isSetup(product.factors[0]) && !around.isSetup(product.factors[1]) ? exchanged(product) : product,
  );
  const forced = new Set<Node>();
  const ends = endings(oriented, around);
  for (;;) {
    const placed = merge(place({ around, endings: ends, packs, forced }), limits);
    const crowded = placed.drafts.find((draft) => !isBindable(draft, placed, limits));
    if (crowded === undefined) return inOrder(placed).map((draft) => groupOf(draft, placed));
    const relief = reliefFor(crowded, placed, around);
    invariant(relief !== undefined && !forced.has(relief), `a kernel needs more than ${limits.most} bindings`);
    forced.add(relief);
  }
}

/** Of the nodes that a draft computes, the one that takes about half of its reads with it. */
function reliefFor(draft: Draft, placed: Placed, { graph }: Surroundings): Node | undefined {
  const { stored, computed } = readsOf(draft, placed);
  const below = new Map<Node, ReadonlySet<Node>>();
  for (const node of graph.nodes) {
    const inputs: readonly Node[] = computed.has(node) ? node.inputs : [];
    below.set(node, new Set(stored.has(node) ? [node] : inputs.flatMap((x) => [...(below.get(x) ?? [])])));
  }
  const isKept = new Set([...draft.targets.map(({ node }) => node), ...(draft.ending?.region ?? [])]);
  const distance = (node: Node): number => Math.abs((below.get(node)?.size ?? 0) - stored.size / 2);
  const choices = [...computed].filter((node) => !isKept.has(node) && (below.get(node)?.size ?? 0) > 1);
  return choices.sort((x, y) => distance(x) - distance(y) || x.id - y.id)[0];
}

/** Each draft after those whose targets it reads. */
function inOrder(placed: Placed): readonly Draft[] {
  const { drafts } = placed;
  const writers = writersOf(drafts);
  const before = new Map(drafts.map((draft) => [draft, writersFor(readsOf(draft, placed), writers)]));
  const result: Draft[] = [];
  const waiting = new Set(drafts);
  while (waiting.size > 0) {
    const ready = [...waiting].filter((draft) =>
      before.get(draft)?.every((other) => other === draft || !waiting.has(other)),
    );
    invariant(ready.length > 0, "groups need each other");
    const next = ready.reduce((first, draft) => (order(draft) < order(first) ? draft : first));
    waiting.delete(next);
    result.push(next);
  }
  return result;
}

const order = ({ targets, stage }: Draft): number =>
  Math.min(...targets.map(({ node }) => node.id)) - (stage === "setup" ? 1e9 : 0);

function groupOf(draft: Draft, placed: Placed): Group {
  const { targets, stage, isCopy, outer, ending } = draft;
  const common = { targets: [...targets], stage, isCopy };
  if (isCopy) return { ...common, shape: "map" };
  if (draft.isBest) return { ...common, shape: "best" };
  if (ending !== undefined) {
    const [{ factors, roles }] = ending.products;
    return { ...common, shape: "contraction", a: factors[0], roles, sums: sumsOf(ending, placed) };
  }
  return outer === undefined ? { ...common, shape: "map" } : { ...common, shape: "row", outer };
}

const sumsOf = ({ products }: Ending, { packed }: Placed): readonly Sum[] =>
  products.map(({ node, factors: [, b] }) => {
    const memory = packed.get(b);
    return memory === undefined ? { node, b } : { node, b, packed: memory };
  });
