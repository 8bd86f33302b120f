/**
 * Decides for each node, from the last to the first, whether it gets memory or is computed where it is needed. A node that several
 * groups need, or one group at several places, gets memory if computing it again costs more than a round trip.
 */

import type { Graph, Output } from "../graph/graph.ts";
import type { Node } from "../graph/ops.ts";
import { count } from "../graph/type.ts";
import { invariant } from "../invariant.ts";
import { costs, launch, loaded, readBack, termsOf, written } from "./cost.ts";
import { type Draft, isDirect, keyOf, type Need, type Step, shareRows } from "./draft.ts";
import type { Ending } from "./epilogue.ts";
import type { Target } from "./group.ts";
import { isElementwise, type Surroundings } from "./surroundings.ts";
import { beneathViews, isView, type View } from "./view.ts";

export interface Placing {
  readonly around: Surroundings;
  readonly endings: readonly Ending[];
  /** Second factors of contractions lie in panels, so that they always have memory. */
  readonly packs: boolean;
  /** Nodes that must have memory because their readers would need too many bindings. */
  readonly forced: ReadonlySet<Node>;
}

export interface Placed {
  readonly drafts: readonly Draft[];
  /** Memory of second factors that only contractions read. */
  readonly packed: ReadonlyMap<Node, Target>;
  /** Every node that another group can read. */
  readonly stored: ReadonlySet<Node>;
  /** How each node is needed. */
  readonly needs: ReadonlyMap<Node, ReadonlyMap<string, Need>>;
}

export function place(placing: Placing): Placed {
  const state = begin(placing);
  for (const node of placing.around.graph.nodes.toReversed()) visit(node, state);
  return { drafts: state.drafts, packed: state.packed, stored: state.stored, needs: state.needs };
}

interface State extends Placing {
  readonly drafts: Draft[];
  readonly needs: Map<Node, Map<string, Need>>;
  readonly stored: Set<Node>;
  readonly packed: Map<Node, Target>;
  /** Must have memory. */
  readonly required: Set<Node>;
  readonly endingOf: ReadonlyMap<Node, Ending>;
  /** Between a sum and its end: never stored. */
  readonly inside: ReadonlySet<Node>;
  readonly costs: ReturnType<typeof costs>;
  readonly hasReduce: readonly boolean[];
  /** Computing an element takes a value that a whole row shares. */
  readonly isOfRow: readonly boolean[];
  readonly outputsOf: ReadonlyMap<Node, readonly Output[]>;
}

function begin(placing: Placing): State {
  const { endings, around, forced } = placing;
  const { graph } = around;
  const outputsOf = Map.groupBy(graph.outputs, ({ node }) => coreOf(node));
  const required = new Set<Node>([...forced, ...endings.map(({ end }) => end)]);
  for (const node of graph.nodes) if (node.op === "best") required.add(node);
  for (const [core, outputs] of outputsOf) if (outputs.some((output) => !isPackedOutput(output))) required.add(core);
  const inside = new Set(endings.flatMap(({ region, end }) => [...region].filter((node) => node !== end)));
  for (const node of tooDeep(graph, required)) if (!inside.has(node)) required.add(node);
  const barriers = new Set([...required, ...inside]);
  return {
    ...placing,
    drafts: [],
    needs: new Map(),
    stored: new Set(graph.nodes.filter(({ op }) => op === "input")),
    packed: new Map(),
    required,
    endingOf: new Map(endings.map((ending) => [ending.end, ending])),
    inside,
    costs: costs(graph.nodes, barriers),
    hasReduce: reducing(graph, barriers, false),
    isOfRow: reducing(graph, barriers, true),
    outputsOf,
  };
}

/** Expressions are read recursively. */
const deepest = 300;

/** Element-wise nodes at which expressions are to end, so that none is deeper than that. */
function tooDeep(graph: Graph, required: ReadonlySet<Node>): readonly Node[] {
  const depths: number[] = [];
  const result: Node[] = [];
  for (const node of graph.nodes) {
    const depth = required.has(node) ? 0 : 1 + Math.max(0, ...node.inputs.map((x: Node) => depths[x.id] ?? 0));
    const isEnd = depth > deepest && isElementwise(node);
    if (isEnd) result.push(node);
    depths.push(isEnd ? 0 : depth);
  }
  return result;
}

/** What an output stores: the node beneath its views, unless that is an input, whose slot has memory already. */
const coreOf = (node: Node): Node => beneathViews(node);

const isPackedOutput = ({ node, store }: Output): boolean => ["f16", "bf16"].includes(store ?? node.type.dtype);

/** Whether computing an element takes a reduction along a row, through nodes of the same dimensions or of any. */
function reducing(graph: Graph, barriers: ReadonlySet<Node>, isBroadcast: boolean): readonly boolean[] {
  const result: boolean[] = [];
  for (const node of graph.nodes) {
    const through = isElementwise(node) || node.op === "detach";
    const isFrom = (x: Node): boolean => result[x.id] === true && (isBroadcast || count(x.type) === count(node.type));
    result.push(!barriers.has(node) && (isReduction(node) || (through && node.inputs.some(isFrom))));
  }
  return result;
}

/** As `hasReduce`, for a node that has memory itself. */
const leadsToReduce = (node: Node, { hasReduce }: State): boolean =>
  isReduction(node) ||
  (isElementwise(node) &&
    node.inputs.some((x: Node) => hasReduce[x.id] === true && count(x.type) === count(node.type)));

const isReduction = (node: Node): boolean => node.op === "reduce" && termsOf(node) > fewTerms;

/** Reductions with fewer terms are as cheap as their terms. */
const fewTerms = 8;

function visit(node: Node, state: State): void {
  const needs = [...(state.needs.get(node)?.values() ?? [])];
  const outputs = state.outputsOf.get(node) ?? [];
  if (node.op !== "input" && needs.length === 0 && outputs.length === 0) return;
  if (node.op === "input") copyInput(node, outputs, state);
  else if (state.required.has(node) || isWorthMemory(node, needs, state)) store(node, needs, outputs, state);
  else inline(node, needs, outputs, state);
}

function inline(node: Node, needs: readonly Need[], outputs: readonly Output[], state: State): void {
  const shown = outputs.map((output) => begun(draft(state, node, [target(node, output)], {}), node));
  for (const need of [...needs, ...shown]) expand(node, { ...need, evaluations: evaluationsOf(node, need) }, state);
}

/** An output that is an input, or a view of one. */
function copyInput(node: Node, outputs: readonly Output[], state: State): void {
  for (const output of outputs) draft(state, node, [target(node, output)], { isCopy: true });
}

/** Gives the node memory: a slot if an output shows its value, else memory of its own if another kernel reads it. */
function store(node: Node, needs: readonly Need[], outputs: readonly Output[], state: State): void {
  const direct = outputs.filter((output) => !isPackedOutput(output));
  const isShown = direct.some(({ accumulate }) => accumulate === undefined);
  const packed = outputs.filter(isPackedOutput);
  const isRead = needs.length > 0 || packed.length > 0;
  const targets = [...direct.map((output) => target(node, output)), ...(isRead && !isShown ? [target(node)] : [])];
  const ending = state.endingOf.get(node);
  const made = draft(state, node, targets, ending === undefined ? {} : { ending });
  for (const output of packed) draft(state, node, [target(node, output)], { isCopy: true });
  state.stored.add(node);
  if (ending === undefined && leadsToReduce(node, state)) shareRows(made, node);
  expand(node, begun(made, node), state);
}

const begun = (draft: Draft, node: Node): Need => ({ draft, path: [], evaluations: count(node.type), isFactor: false });

function target(node: Node, output?: Output): Target {
  if (output === undefined) return { node, through: [] };
  const through: View[] = [];
  for (let view = output.node; view !== node; view = view.inputs[0]) {
    invariant(isView(view), `%${view.id} is no view of %${node.id}`);
    through.unshift(view);
  }
  return { node, through, output };
}

function draft(
  state: State,
  node: Node,
  targets: readonly Target[],
  options: { readonly ending?: Ending; readonly isCopy?: boolean },
): Draft {
  const isShown = targets.some(({ output }) => output !== undefined);
  const made: Draft = {
    id: state.drafts.length,
    targets: [...targets],
    stage: state.around.isSetup(node) && !isShown ? "setup" : "main",
    isBest: node.op === "best" && options.isCopy !== true,
    isCopy: options.isCopy ?? false,
    ...(options.ending === undefined ? {} : { ending: options.ending }),
  };
  state.drafts.push(made);
  return made;
}

function isWorthMemory(node: Node, needs: readonly Need[], state: State): boolean {
  if (isView(node) || state.inside.has(node) || ["constant", "index"].includes(node.op)) return false;
  const isShared = state.hasReduce[node.id] === true;
  if (isShared && needs.every(isDirect) && new Set(needs.map(({ draft }) => draft)).size === 1) {
    const [first] = needs;
    if (first !== undefined && shareRows(first.draft, node)) return false;
  }
  const cost = state.costs[node.id] ?? { alone: 0, shared: 0 };
  const elements = count(node.type);
  // Computed inside another loop, a reduction would be left to the few invocations that run it.
  if (isShared && elements * cost.alone > launch) return true;
  if (state.around.isSetup(node) && needs.some(({ draft }) => draft.stage === "main"))
    return isWorthSetup(node, needs, cost.alone);
  if (state.isOfRow[node.id] === true && needs.some(({ isFactor }) => isFactor)) return true;
  const sum = (each: (need: Need) => number): number =>
    needs.reduce((total, need) => total + evaluationsOf(node, need) * each(need), 0);
  if (sum(() => 1) <= elements) return false;
  const again = sum(({ isFactor }) => (isFactor ? cost.alone : cost.shared));
  return again > elements * (cost.shared + written) + sum(({ isFactor }) => (isFactor ? loaded : readBack)) + launch;
}

/** What setup computes is free, except for the memory. */
function isWorthSetup(node: Node, needs: readonly Need[], cost: number): boolean {
  const evaluations = needs.reduce((sum, { evaluations }) => sum + evaluations, 0);
  return cost > readBack && count(node.type) <= 2 * evaluations;
}

/** A value of the outer dimensions of a row is computed once per row. */
function evaluationsOf(node: Node, { draft, path, evaluations }: Need): number {
  const { outer } = draft;
  const isOfRow =
    outer !== undefined &&
    path.length === 0 &&
    node.type.dims.every(({ name }) => outer.some((dim) => dim.name === name));
  return isOfRow ? count({ dims: outer }) : evaluations;
}

/** Passes the need for a node that is computed in the draft on to what it is computed from. */
function expand(node: Node, need: Need, state: State): void {
  const product = need.draft.ending?.products.find((each) => each.node === node);
  if (product !== undefined) expandFactors(product, need.draft, state);
  else if (isView(node)) addNeed(node.inputs[0], throughView(node, need), state);
  else if (node.op === "gather") {
    const [x, at] = node.inputs;
    addNeed(x, { ...need, path: [...need.path, { loop: [], size: 1, label: `at ${node.id}` }] }, state);
    addNeed(at, need, state);
  } else if (node.op === "reduce") {
    const { over } = node.attrs;
    const step: Step = { loop: over, size: termsOf(node), label: `over ${over.join(" ")}` };
    addNeed(node.inputs[0], { ...need, path: [...need.path, step], evaluations: need.evaluations * step.size }, state);
  } else for (const x of new Set<Node>(node.inputs)) addNeed(x, need, state);
}

/** Products of a kernel: the first factor is read again for each tile of columns, the second for each tile of rows. */
function expandFactors({ factors, roles }: Ending["products"][number], draft: Draft, state: State): void {
  const [a, b] = factors;
  const [batch, m, n, k] = [roles.batch, roles.m, roles.n, roles.k].map((dims) => count({ dims })) as [
    number,
    number,
    number,
    number,
  ];
  const factor = (label: string, evaluations: number): Need => ({
    draft,
    path: [{ loop: [], size: 1, label }],
    evaluations,
    isFactor: true,
  });
  addNeed(a, factor("a", batch * m * k * Math.ceil(n / 32)), state);
  if (state.packs) pack(b, draft, state);
  else addNeed(b, factor("b", batch * n * k * Math.ceil(m / 16)), state);
}

/** The second factor gets memory: its own if it is computed, in panels if no other layout suits its readers better. */
function pack(b: Node, draft: Draft, state: State): void {
  const base = beneathViews(b);
  const isOwn = base.op !== "input" && base.op !== "constant";
  if (isOwn) {
    state.required.add(base);
    addNeed(
      base,
      { draft, path: [{ loop: [], size: 1, label: "b" }], evaluations: count(base.type), isFactor: true },
      state,
    );
    return;
  }
  if (state.packed.has(b)) return;
  const memory = target(b);
  state.packed.set(b, memory);
  const packing = makeDraft(state, b, memory);
  expand(b, begun(packing, b), state);
}

const makeDraft = (state: State, b: Node, memory: Target): Draft => draft(state, b, [memory], {});

/** Loops over a dimension that a view splits or merges are followed no further. */
function throughView(node: View, need: Need): Need {
  const renamed = (name: string): string => (node.op === "rename" && name === node.attrs.to ? node.attrs.from : name);
  const path = need.path.map((step) => ({ ...step, loop: step.loop.map(renamed) }));
  return node.op === "detach" ? need : { ...need, path: [...path, { loop: [], size: 1, label: labelOf(node) }] };
}

const labelOf = (node: View): string => `${node.op} ${JSON.stringify(node.attrs)}`;

/** Adds a need, without the loops whose dimensions the node lacks: it is computed before them. */
function addNeed(node: Node, need: Need, state: State): void {
  const isInLoop = ({ loop }: Step): boolean =>
    loop.length === 0 || loop.some((name) => node.type.dims.some((dim) => dim.name === name));
  const last = need.path.findLastIndex((step) => step.loop.length === 0);
  const path = need.path.filter((step, i) => i <= last || isInLoop(step));
  const dropped = need.path
    .filter((step, i) => i > last && !isInLoop(step))
    .reduce((product, { size }) => product * size, 1);
  const own = { ...need, path, evaluations: need.evaluations / dropped };
  const known = state.needs.get(node) ?? new Map<string, Need>();
  const key = keyOf(own);
  const before = known.get(key);
  known.set(key, before === undefined || before.evaluations < own.evaluations ? own : before);
  state.needs.set(node, known);
}
