/** How drafts need nodes: from which element, how often. */
import type { Node } from "../graph/ops.ts";
import { count, sizeOf } from "../graph/type.ts";
import type { View } from "../graph/view.ts";
import type { Draft } from "./draft.ts";

/** How a node is needed by a draft. Needs with equal paths are one evaluation. */
export interface Need {
  readonly draft: Draft;
  /** Loops and views between the target and the node. */
  readonly path: readonly Passage[];
  readonly evaluations: number;
  /** A factor of a contraction, which is read again for each tile: nothing is shared between evaluations. */
  readonly isFactor: boolean;
}

interface Passage {
  readonly label: string;
  /** Set if it is a loop, in which case it leads to the same element: its dimensions, as they are called at the node, and turns. */
  readonly loop?: { readonly over: readonly string[]; readonly size: number };
}

/** The needs of each node, one for each draft and path. */
export type Needs = Map<Node, Map<string, Need>>;

/** What a target needs first: itself. */
export const begun = (draft: Draft, node: Node): Need => ({
  draft,
  path: [],
  evaluations: count(node.type),
  isFactor: false,
});

/** Whether the node is needed just where the target's own element or row is. */
export const isDirect = ({ path, isFactor }: Need): boolean => path.length === 0 && !isFactor;

/** The passage to another element. */
export const elsewhere = (label: string): Passage => ({ label });

/** The need for what a loop of `size` turns goes over. */
export const inLoop = (need: Need, over: readonly string[], size: number): Need => ({
  ...need,
  path: [...need.path, { label: `over ${over.join(" ")}`, loop: { over, size } }],
  evaluations: need.evaluations * size,
});

/** Loops over a dimension that a view splits or merges are followed no further. */
export function throughView(node: View, need: Need): Need {
  if (node.op === "detach") return need;
  const renamed = (name: string): string => (node.op === "rename" && name === node.attrs.to ? node.attrs.from : name);
  const path = need.path.map(({ label, loop }) =>
    loop === undefined ? { label } : { label, loop: { ...loop, over: loop.over.map(renamed) } },
  );
  return { ...need, path: [...path, elsewhere(`${node.op} ${JSON.stringify(node.attrs)}`)] };
}

/** Notes that the node is needed. */
export function addNeed(needs: Needs, node: Node, need: Need): void {
  const own = hoisted(node, need);
  const known = needs.get(node) ?? new Map<string, Need>();
  const key = `${own.draft.id}:${own.path.map(({ label }) => label).join("/")}`;
  const old = known.get(key);
  known.set(key, old === undefined || old.evaluations < own.evaluations ? own : old);
  needs.set(node, known);
}

/** Without the loops whose dimensions the node lacks: it is computed before them. */
function hoisted({ type }: Node, need: Need): Need {
  const last = need.path.findLastIndex(({ loop }) => loop === undefined);
  const isKept = ({ loop }: Passage, i: number): boolean =>
    i <= last || loop?.over.some((name) => sizeOf(type, name) !== undefined) === true;
  const dropped = need.path.flatMap((passage, i) => (isKept(passage, i) ? [] : (passage.loop?.size ?? 1)));
  const turns = dropped.reduce((product, size) => product * size, 1);
  return { ...need, path: need.path.filter(isKept), evaluations: need.evaluations / turns };
}
