/** Groups while it is still open what belongs to them. */
import type { Node } from "../graph/ops.ts";
import { storedAs } from "../graph/result-type.ts";
import { isRoutine, type Routine } from "../graph/routine.ts";
import { count, type Dim, sizeOf } from "../graph/type.ts";
import { isPacked } from "../plan/dtype.ts";
import type { Ending } from "./epilogue.ts";
import type { Target, When } from "./group.ts";

export interface Draft {
  readonly id: number;
  readonly targets: readonly Target[];
  readonly when: When;
  readonly ending?: Ending;
  readonly isCopy: boolean;
  /** Set when it is found to go by rows: the dimensions of a reduction that is computed once per row. */
  outer?: readonly Dim[];
}

/** The routine that the draft is. */
export function routineOf({ targets: [target], isCopy }: Draft): Routine | undefined {
  if (target === undefined || isCopy) return undefined;
  const { node } = target;
  const made = node.op === "part" ? node.inputs[0] : node;
  return isRoutine(made) ? made : undefined;
}

/** Rows below this many leave most of a device idle, unless they are short. */
const leastRows = 16;
const fewElements = 8192;

/** Whether computing `elements` by rows of the outer dimensions leaves enough to do at the same time. */
export const isParallel = (outer: readonly Dim[], elements: number): boolean =>
  count({ dims: outer }) >= leastRows || elements <= fewElements;

/** Whether elements share words in memory; then they are written word by word. */
export const isOfWords = ({ output }: Target): boolean => output !== undefined && isPacked(storedAs(output));

/** Lets the draft go by rows, a row for each element of some dimensions. False if it cannot. */
export function goByRows(draft: Draft, dims: readonly Dim[]): boolean {
  if (draft.ending !== undefined || routineOf(draft) !== undefined) return false;
  if (draft.outer !== undefined) return sameInAnyOrder(draft.outer, dims);
  const has = (node: Node): boolean => dims.every(({ name, size }) => sizeOf(node.type, name) === size);
  if (!draft.targets.every(({ node }) => has(node))) return false;
  const elements = Math.max(...draft.targets.map(({ node }) => count(node.type)));
  const isWhole = draft.targets.every(({ node }) => node.type.dims.length === dims.length);
  if (!isWhole && (draft.targets.some(isOfWords) || !isParallel(dims, elements))) return false;
  draft.outer = dims;
  return true;
}

/** Whether they are the same in any order, with their sizes: what never meets in a graph may share a name. */
export const sameInAnyOrder = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every(({ name, size }) => b.some((dim) => dim.name === name && dim.size === size));

/** Which drafts compute a node; copies in other layouts do not count. */
export function writersOf(drafts: Iterable<Draft>): ReadonlyMap<Node, readonly Draft[]> {
  const writers = new Map<Node, readonly Draft[]>();
  for (const draft of drafts)
    if (!draft.isCopy) for (const { node } of draft.targets) writers.set(node, [...(writers.get(node) ?? []), draft]);
  return writers;
}

/** The greatest id of the nodes that a draft computes: what it reads has lesser ones, before groups are joined. */
export const lastNode = ({ targets }: Draft): number => Math.max(...targets.map(({ node }) => node.id));
