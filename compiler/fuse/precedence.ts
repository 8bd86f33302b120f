/**
 * Which groups run before which, while groups are being joined: a topological order that is mended where a join breaks it, by
 * moving only what lies between the two. Pearce & Kelly, "A Dynamic Topological Sort Algorithm", 2007
 */
import type { Node } from "../graph/ops.ts";
import { invariant } from "../invariant.ts";
import { type Draft, lastNode, writersOf } from "./draft.ts";
import { type Reads, writersFor } from "./reads.ts";

export interface Precedence {
  /** Whether a third group would have to run between the two if they were one. */
  readonly parts: (a: Draft, b: Draft) => boolean;
  /** Puts the group that two have become in their place; nothing parts them. */
  readonly replace: (a: Draft, b: Draft, joined: Draft) => void;
}

/** `reads` is looked up again for every group that `replace` brings in. */
export function precedence(drafts: readonly Draft[], reads: ReadonlyMap<Draft, Reads>): Precedence {
  const sorted = drafts.toSorted((a, b) => lastNode(a) - lastNode(b));
  const places = new Map(sorted.map((draft, place) => [draft, place]));
  const writers = new Map(writersOf(drafts));
  const readers = new Map<Node, Set<Draft>>();
  const readsBy = (draft: Draft): Reads => {
    const found = reads.get(draft);
    invariant(found !== undefined, "what a group reads is not known");
    return found;
  };
  const note = (draft: Draft): void => {
    for (const node of readsBy(draft).written) readers.set(node, (readers.get(node) ?? new Set()).add(draft));
  };
  for (const draft of drafts) note(draft);
  const placeOf = (draft: Draft): number => places.get(draft) ?? -1;
  const before = (draft: Draft): readonly Draft[] => writersFor(readsBy(draft), writers);
  const after = ({ targets, isCopy }: Draft): readonly Draft[] =>
    isCopy ? [] : targets.flatMap(({ node }) => [...(readers.get(node) ?? [])]);
  const inOrder = (a: Draft, b: Draft): readonly [Draft, Draft] => (placeOf(a) < placeOf(b) ? [a, b] : [b, a]);
  /** What `next` leads to from a group on the way to the other, both left out; `parts` asks that the other is not among it. */
  const between = (from: Draft, to: Draft, next: (draft: Draft) => readonly Draft[]): ReadonlySet<Draft> => {
    const [low, high] = [placeOf(from), placeOf(to)].sort((x, y) => x - y) as [number, number];
    const isInside = (draft: Draft): boolean => placeOf(draft) > low && placeOf(draft) < high;
    const found = new Set(next(from).filter(isInside));
    for (const draft of found) for (const each of next(draft)) if (isInside(each)) found.add(each);
    return found;
  };
  return {
    parts: (a, b) => {
      const [first, last] = inOrder(a, b);
      return [...between(first, last, after)].some((draft) => after(draft).includes(last));
    },
    replace: (a, b, joined) => {
      const [first, last] = inOrder(a, b);
      const byPlace = (x: Draft, y: Draft): number => placeOf(x) - placeOf(y);
      const earlier = [...between(last, first, before)].sort(byPlace);
      const later = [...between(first, last, after)].sort(byPlace);
      const free = [first, ...earlier, ...later].map(placeOf).sort((x, y) => x - y);
      for (const [i, draft] of [...earlier, joined, ...later].entries()) places.set(draft, free[i] ?? -1);
      for (const old of [a, b]) {
        places.delete(old);
        for (const node of readsBy(old).written) readers.get(node)?.delete(old);
      }
      for (const { node } of joined.targets)
        writers.set(node, [
          ...new Set(writers.get(node)?.map((draft) => (draft === a || draft === b ? joined : draft))),
        ]);
      note(joined);
    },
  };
}
