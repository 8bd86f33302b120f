/**
 * Decides for each node, from the last to the first, whether it gets memory or is computed where it is needed. A node that several
 * groups need, or one group at several places, gets memory if computing it again costs more than a round trip.
 */
import { isElementwise } from "../graph/elementwise.ts";
import type { Graph, Output } from "../graph/graph.ts";
import type { Node, NodeOf } from "../graph/ops.ts";
import { storedAs } from "../graph/result-type.ts";
import { isRoutine, type Routine, reread } from "../graph/routine.ts";
import { count } from "../graph/type.ts";
import { beneathViews, isView, type View } from "../graph/view.ts";
import { invariant } from "../invariant.ts";
import { bitsOf, isPacked } from "../plan/dtype.ts";
import { costs, launch, loaded, readBack, termsOf, written } from "./cost.ts";
import { type Draft, goByRows } from "./draft.ts";
import type { Ending } from "./epilogue.ts";
import type { Rule, Target } from "./group.ts";
import { addNeed, begun, elsewhere, inLoop, isDirect, type Need, type Needs, throughView } from "./need.ts";
import { extentsOf, type Product } from "./roles.ts";
import type { Surroundings } from "./surroundings.ts";
import { firstInside, isInPlace, readApart } from "./sweep-bodies.ts";

export interface Materialising {
  readonly around: Surroundings;
  readonly endings: readonly Ending[];
  /** Second factors of contractions lie in panels, so that they always have memory. */
  readonly packs: boolean;
  /** Nodes that must have memory because their readers would need too many bindings. */
  readonly forced: ReadonlySet<Node>;
}

export interface Materialised {
  readonly drafts: readonly Draft[];
  /** Memory of second factors that only contractions read. */
  readonly packed: ReadonlyMap<Node, Target>;
  /** Every node that another group can read. */
  readonly stored: ReadonlySet<Node>;
  /** How each node is needed. */
  readonly needs: ReadonlyMap<Node, ReadonlyMap<string, Need>>;
}

export function materialise(given: Materialising): Materialised {
  const state = begin(given);
  for (const node of given.around.graph.nodes.toReversed()) visit(node, state);
  return { drafts: state.drafts, packed: state.packed, stored: state.stored, needs: state.needs };
}

interface State extends Materialising {
  readonly drafts: Draft[];
  readonly needs: Needs;
  readonly stored: Set<Node>;
  readonly packed: Map<Node, Target>;
  /** Must have memory. */
  readonly required: Map<Node, Rule>;
  readonly endingOf: ReadonlyMap<Node, Ending>;
  /** Between a sum and its end: never stored. */
  readonly inside: ReadonlySet<Node>;
  /** Weights that would be larger in memory than the codes that they are computed of. */
  readonly coded: ReadonlySet<Node>;
  readonly costs: ReturnType<typeof costs>;
  readonly hasReduce: readonly boolean[];
  /** Computing an element takes a value that a whole row shares. */
  readonly isOfRow: readonly boolean[];
  /** By sweep, the memory of its parts. */
  readonly parts: Map<Node, readonly Target[]>;
  /** What outputs store: the nodes beneath their views. */
  readonly outputsOf: ReadonlyMap<Node, readonly Output[]>;
}

function begin(given: Materialising): State {
  const { endings, around, forced } = given;
  const { graph } = around;
  const inside = new Set(endings.flatMap(({ region, end }) => [...region].filter((node) => node !== end)));
  const required = new Map<Node, Rule>();
  for (const node of forced) required.set(node, "bindings");
  for (const { end } of endings) required.set(end, "sum");
  for (const node of graph.nodes) if (isRoutine(node) || node.op === "part") required.set(node, "routine");
  const shown = graph.outputs.map(({ node }) => beneathViews(node));
  for (const node of tooDeep(graph, new Set([...required.keys(), ...shown]), inside)) required.set(node, "depth");
  const ends = new Set(required.keys());
  const outputsOf = Map.groupBy(graph.outputs, ({ node }) => beneathViews(node, ends));
  for (const [base, outputs] of outputsOf) if (!outputs.every(sharesWords)) required.set(base, "output");
  const barriers = new Set([...required.keys(), ...inside]);
  return {
    ...given,
    drafts: [],
    needs: new Map(),
    stored: new Set(graph.nodes.filter(({ op }) => op === "input")),
    packed: new Map(),
    parts: new Map(),
    required,
    endingOf: new Map(endings.map((ending) => [ending.end, ending])),
    inside,
    coded: codedIn(around),
    costs: costs(graph.nodes, barriers),
    hasReduce: reducing(graph, barriers, false),
    isOfRow: reducing(graph, barriers, true),
    outputsOf,
  };
}

/** Expressions are read recursively. */
const deepest = 300;

/** Nodes at which expressions are to end, so that none is deeper than that, or twice that where nothing is element-wise. */
function tooDeep(graph: Graph, stored: ReadonlySet<Node>, inside: ReadonlySet<Node>): readonly Node[] {
  const depths: number[] = [];
  const result: Node[] = [];
  for (const node of graph.nodes) {
    const depth = stored.has(node) ? 0 : 1 + Math.max(0, ...node.inputs.map((x: Node) => depths[x.id] ?? 0));
    const isEnd = depth > deepest && (isElementwise(node) || depth > 2 * deepest) && !inside.has(node);
    if (isEnd) result.push(node);
    depths.push(isEnd ? 0 : depth);
  }
  return result;
}

/** What shares a word is written together, by a kernel of its own. */
const sharesWords = (output: Output): boolean => isPacked(storedAs(output));

/**
 * What is computed of codes alone, weights of eight bits or less, or spreads weights: picks scales of runs for each input, say. It
 * would be larger in memory.
 */
function codedIn({ graph, isSetup }: Surroundings): ReadonlySet<Node> {
  const [weights, coded] = [new Set<Node>(), new Set<Node>()];
  for (const node of graph.nodes) {
    const isWeight = node.op === "input" && node.attrs.role === "weight";
    if (isWeight || (isSetup(node) && node.inputs.some((x) => weights.has(x)))) weights.add(node);
    const isCode = isWeight && bitsOf(node.type.dtype) <= 8;
    const isSpread =
      node.op === "gather" && weights.has(node.inputs[0]) && count(node.type) > count(node.inputs[0].type);
    const isOfCodes =
      node.inputs.some((x) => coded.has(x)) && (isElementwise(node) || isView(node) || node.op === "gather");
    if (isCode || (isSetup(node) && (isSpread || isOfCodes))) coded.add(node);
  }
  return coded;
}

/** Whether computing an element of a node takes a reduction along a row, through nodes of the same dimensions or of any. */
function reducing(graph: Graph, barriers: ReadonlySet<Node>, isBroadcast: boolean): readonly boolean[] {
  const result: boolean[] = [];
  for (const node of graph.nodes) {
    const through = isElementwise(node) || node.op === "detach";
    const isFrom = (x: Node): boolean =>
      !barriers.has(x) && result[x.id] === true && (isBroadcast || count(x.type) === count(node.type));
    result.push(isReduction(node) || (through && node.inputs.some(isFrom)));
  }
  return result;
}

const isReduction = (node: Node): boolean => node.op === "reduce" && termsOf(node) > fewTerms;

/** Reductions with fewer terms are as cheap as their terms. */
const fewTerms = 8;

function visit(node: Node, state: State): void {
  const needs = [...(state.needs.get(node)?.values() ?? [])];
  const outputs = state.outputsOf.get(node) ?? [];
  if (node.op === "input") copy(node, outputs, state);
  else if (needs.length === 0 && outputs.length === 0 && !state.parts.has(node)) return;
  else if (node.op === "part") keep(node, needs, outputs, state);
  else {
    const rule = state.required.get(node) ?? memoryRule(node, needs, state);
    if (rule === undefined) inline(node, needs, outputs, state);
    else store(node, rule, needs, outputs, state);
  }
}

function inline(node: Node, needs: readonly Need[], outputs: readonly Output[], state: State): void {
  const shown = outputs.map((output) => begun(draft(state, node, [target(node, "output", output)]), node));
  for (const need of [...needs, ...shown]) expand(node, { ...need, evaluations: evaluationsOf(node, need) }, state);
}

/** Outputs that store anew what has memory. */
function copy(node: Node, outputs: readonly Output[], state: State): void {
  for (const output of outputs) draft(state, node, [target(node, "output", output)], true);
}

/** Gives the node memory: a slot if an output shows its value, else memory of its own if another kernel reads it. */
function store(node: Node, rule: Rule, needs: readonly Need[], outputs: readonly Output[], state: State): void {
  const targets = keptIn(node, rule, needs, outputs, state);
  const made = draft(state, node, [...targets, ...(state.parts.get(node) ?? [])]);
  if (made.ending === undefined && state.hasReduce[node.id] === true) goByRows(made, node.type.dims);
  expand(node, begun(made, node), state);
}

/** A part of a sweep is kept by the kernels of the sweep, which is visited later. */
function keep(node: NodeOf<"part">, needs: readonly Need[], outputs: readonly Output[], state: State): void {
  const [of] = node.inputs;
  state.parts.set(of, [...(state.parts.get(of) ?? []), ...keptIn(node, "routine", needs, outputs, state)]);
}

/** The memory of a node that gets some; outputs that do not show that are copies of it. */
function keptIn(
  node: Node,
  rule: Rule,
  needs: readonly Need[],
  outputs: readonly Output[],
  state: State,
): readonly Target[] {
  const whole = outputs.filter((output) => !sharesWords(output));
  const isReadable = ({ accumulate }: Output): boolean => accumulate === undefined;
  const most = mostShown(node);
  const direct = most === undefined ? whole : whole.filter(isReadable).slice(0, most);
  const copied = outputs.filter((output) => !direct.includes(output));
  const isShown = direct.some(isReadable);
  const isRead = needs.length > 0 || copied.length > 0;
  copy(node, copied, state);
  state.stored.add(node);
  return [...direct.map((output) => target(node, rule, output)), ...(isRead && !isShown ? [target(node, rule)] : [])];
}

/** In how many outputs at most a routine works. What bodies give by kernels of their own lies in pieces, and no output does. */
function mostShown(node: Node): number | undefined {
  if (node.op !== "part") return isRoutine(node) ? 1 : undefined;
  const [of] = node.inputs;
  return of.op === "feedback" && node.attrs.level < firstInside(of) ? 0 : 1;
}

function target(node: Node, rule: Rule, output?: Output): Target {
  if (output === undefined) return { node, rule, through: [] };
  const through: View[] = [];
  for (let view = output.node; view !== node; view = view.inputs[0]) {
    invariant(isView(view), `%${view.id} is no view of %${node.id}`);
    through.unshift(view);
  }
  return { node, rule, through, output };
}

function draft(state: State, node: Node, targets: readonly Target[], isCopy = false): Draft {
  const isShown = targets.some(({ output }) => output !== undefined);
  const ending = isCopy ? undefined : state.endingOf.get(node);
  const made: Draft = {
    id: state.drafts.length,
    targets,
    when: state.around.isSetup(node) && !isShown ? "setup" : "main",
    isCopy,
    ...(ending === undefined ? {} : { ending }),
  };
  state.drafts.push(made);
  return made;
}

/** Whether the one draft that needs the node, at its own place, could be made to go by its rows. */
function isOncePerRow({ type }: Node, needs: readonly Need[]): boolean {
  const [first] = needs;
  return (
    first !== undefined &&
    needs.every((need) => isDirect(need) && need.draft === first.draft) &&
    goByRows(first.draft, type.dims)
  );
}

/** The rule of cost that gives memory to a node, if one does. */
function memoryRule(node: Node, needs: readonly Need[], state: State): Rule | undefined {
  const cost = state.costs[node.id] ?? { alone: 0, shared: 0 };
  if (isNeverStored(node, cost.alone, state)) return undefined;
  const isShared = state.hasReduce[node.id] === true;
  if (isShared && isOncePerRow(node, needs)) return undefined;
  // Computed inside another loop, a reduction would be left to the few invocations that run it.
  if (isShared && count(node.type) * cost.alone > launch) return "reduction";
  if (state.around.isSetup(node) && needs.some(({ draft }) => draft.when === "main"))
    return isWorthSetup(node, needs, cost.alone) ? "setup" : undefined;
  if (state.isOfRow[node.id] === true && needs.some(({ isFactor }) => isFactor)) return "factor";
  return isDearAgain(node, needs, cost) ? "cost" : undefined;
}

const isNeverStored = (node: Node, cost: number, state: State): boolean =>
  isView(node) ||
  state.inside.has(node) ||
  ["constant", "index"].includes(node.op) ||
  (state.coded.has(node) && !isDearScale(node, cost, state));

/** Whether it is computed of codes by functions that are polynomials, for so many weights at once that it is small beside theirs. */
const isDearScale = ({ id, type }: Node, cost: number, { around }: State): boolean =>
  cost > dearScale && (around.readers[id] ?? []).every((reader) => count(reader.type) >= fewestOfScale * count(type));

const fewestOfScale = 32;
const dearScale = 50;

/** Whether computing the node wherever it is needed costs more than a round trip through memory. */
function isDearAgain(
  node: Node,
  needs: readonly Need[],
  cost: { readonly alone: number; readonly shared: number },
): boolean {
  const elements = count(node.type);
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
  const { needs } = state;
  const product = need.draft.ending?.products.find((each) => each.node === node);
  if (product !== undefined) expandFactors(product, need.draft, state);
  else if (isRoutine(node)) expandRoutine(node, need, state);
  else if (isView(node)) addNeed(needs, node.inputs[0], throughView(node, need));
  else if (node.op === "gather") {
    const [x, at] = node.inputs;
    addNeed(needs, x, { ...need, path: [...need.path, elsewhere(`at ${node.id}`)] });
    addNeed(needs, at, need);
  } else if (node.op === "reduce") addNeed(needs, node.inputs[0], inLoop(need, node.attrs.over, termsOf(node)));
  else for (const x of new Set<Node>(node.inputs)) addNeed(needs, x, need);
}

/**
 * The first factor is read again for each tile of columns, the second for each tile of rows. One that is to lie in panels gets
 * memory: its own if it is computed.
 */
function expandFactors({ factors: [a, b], roles }: Product, draft: Draft, state: State): void {
  const { batch, m, n, k } = extentsOf(roles);
  const need = (factor: Node, label: string, evaluations: number): void =>
    addNeed(state.needs, factor, { draft, path: [elsewhere(label)], evaluations, isFactor: true });
  need(a, "a", batch * m * k * Math.ceil(n / 32));
  const base = beneathViews(b);
  if (!state.packs || state.coded.has(b)) need(b, "b", batch * n * k * Math.ceil(m / 16));
  else if (base.op === "input" || base.op === "constant") pack(b, state);
  else {
    state.required.set(base, "panels");
    need(base, "b", count(base.type));
  }
}

/** What is read again and again has memory, if it is computed. */
function expandRoutine(node: Routine, need: Need, state: State): void {
  const again = node.op === "feedback" ? [...reread(node), ...readApart(node)] : reread(node);
  for (const x of new Set<Node>(node.inputs)) {
    if (again.includes(x)) for (const base of beneath(x)) state.required.set(base, "routine");
    addNeed(state.needs, x, again.includes(x) ? { ...need, path: [elsewhere("again")] } : need);
  }
}

/** What the node is read from where it lies. */
const beneath = (node: Node): readonly Node[] =>
  node.op === "input" ? [] : isInPlace(node) ? node.inputs.flatMap((x: Node) => beneath(x)) : [node];

/** A copy of what is given, in panels. */
function pack(b: Node, state: State): void {
  if (state.packed.has(b)) return;
  const memory = target(b, "panels");
  state.packed.set(b, memory);
  expand(b, begun(draft(state, b, [memory]), b), state);
}
