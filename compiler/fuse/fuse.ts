/** Divides a graph into groups, each of which becomes one kernel. */
import type { Graph } from "../graph/graph.ts";
import type { Node } from "../graph/ops.ts";
import type { Routine } from "../graph/routine.ts";
import { type Draft, routineOf } from "./draft.ts";
import { type Ending, endings } from "./epilogue.ts";
import type { BodyGroups, Group, Sum, Target } from "./group.ts";
import { type Materialised, materialise } from "./materialise.ts";
import { merge } from "./merge.ts";
import { inOrder } from "./order.ts";
import { type BindingLimits, bindingsOf, bindingsOfTargets, isBindable, readsOf } from "./reads.ts";
import { exchanged, productOf } from "./roles.ts";
import { surroundings } from "./surroundings.ts";
import { firstInside, neededOutputs, stepGraph } from "./sweep-bodies.ts";

export interface FuseOptions {
  /** Second factors of contractions are packed into panels. */
  readonly packs: boolean;
  readonly limits: BindingLimits;
}

/** The groups in an order in which they can run. One that needs too many bindings is left only where nothing divides it. */
export function fuse(graph: Graph, { packs, limits }: FuseOptions): readonly Group[] {
  const around = surroundings(graph);
  const products = graph.nodes.flatMap((node) => productOf(node) ?? []);
  const oriented = products.map((product) =>
    around.isSetup(product.factors[0]) && !around.isSetup(product.factors[1]) ? exchanged(product) : product,
  );
  const forced = new Set<Node>();
  for (;;) {
    const ends = endings(oriented, { ...around, isOutput: (node) => forced.has(node) || around.isOutput(node) });
    const materialised = merge(materialise({ around, endings: ends, packs, forced }), limits);
    const crowded = materialised.drafts.filter(
      (draft) => !isBindable(draft, readsOf(draft, materialised), materialised, limits),
    );
    const relief = crowded.flatMap(
      (draft) => reliefFor(draft, materialised, limits).find((node) => !forced.has(node)) ?? [],
    );
    if (relief.length === 0)
      return inOrder(materialised).map((draft) =>
        groupOf(draft, materialised, (body) => fuse(body, { packs, limits })),
      );
    for (const node of relief) forced.add(node);
  }
}

/**
 * Which nodes that a draft computes may have memory, so that it reads less: first those that take about half of its reads with
 * them, then the sums of a contraction, without what follows.
 */
function reliefFor(draft: Draft, materialised: Materialised, limits: BindingLimits): readonly Node[] {
  if (bindingsOfTargets(draft, limits) >= limits.maxStorageBuffersPerShaderStage) return [];
  const { stored, computed } = readsOf(draft, materialised);
  const below = new Map<Node, ReadonlySet<Node>>([...stored].map((node) => [node, new Set([node])]));
  for (const node of [...computed].sort((x, y) => x.id - y.id)) {
    const inputs: readonly Node[] = node.inputs;
    if (!stored.has(node)) below.set(node, new Set(inputs.flatMap((x) => [...(below.get(x) ?? [])])));
  }
  const isKept = new Set([...draft.targets.map(({ node }) => node), ...(draft.ending?.region ?? [])]);
  const bindings = (node: Node): number => bindingsOf(node, draft, materialised, limits);
  const takes = (node: Node): number => [...(below.get(node) ?? [])].reduce((sum, each) => sum + bindings(each), 0);
  const distance = (node: Node): number => Math.abs((below.get(node)?.size ?? 0) - stored.size / 2);
  const choices = [...computed].filter((node) => !isKept.has(node) && takes(node) > bindings(node));
  const sums = draft.ending?.products.map(({ node }) => node) ?? [];
  return [...choices.sort((x, y) => distance(x) - distance(y) || x.id - y.id), ...sums];
}

function groupOf(draft: Draft, materialised: Materialised, fuseBody: (body: Graph) => readonly Group[]): Group {
  const { targets, when, isCopy, outer, ending } = draft;
  const common = { targets: [...targets], when, isCopy };
  if (isCopy) return { ...common, shape: "map" };
  const routine = routineOf(draft);
  if (routine !== undefined)
    return { ...common, shape: "routine", node: routine, bodies: bodiesOf(routine, targets, fuseBody) };
  if (ending !== undefined) {
    const [{ factors, roles }] = ending.products;
    return { ...common, shape: "contraction", a: factors[0], roles, sums: sumsOf(ending, materialised) };
  }
  return outer === undefined ? { ...common, shape: "map" } : { ...common, shape: "row", outer };
}

/** Of a sweep: the bodies that kernels of their own evaluate. */
function bodiesOf(
  node: Routine,
  targets: readonly Target[],
  fuseBody: (body: Graph) => readonly Group[],
): readonly BodyGroups[] {
  if (node.op !== "feedback") return [];
  const partsOf = (level: number): ReadonlySet<string> =>
    new Set(
      targets.flatMap(({ node: { op, attrs } }) => (op === "part" && attrs.level === level ? [attrs.output] : [])),
    );
  return Array.from({ length: firstInside(node) }, (_, level) => {
    const step = stepGraph(node, level, neededOutputs(node, level, partsOf(level)));
    return { ...step, groups: fuseBody(step.graph) };
  }).filter(({ groups }) => groups.length > 0);
}

const sumsOf = ({ products }: Ending, { packed }: Materialised): readonly Sum[] =>
  products.map(({ node, factors: [, b] }) => {
    const memory = packed.get(b);
    return memory === undefined ? { node, b } : { node, b, packed: memory };
  });
