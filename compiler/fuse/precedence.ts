/**
 * Which groups run before which, while groups are being joined: a topological order that is mended where a join breaks it, by
 * moving only what lies between the two. Pearce & Kelly, "A Dynamic Topological Sort Algorithm", 2007
 */
import { invariant } from "../invariant.ts";
import { type Draft, lastNode, writersOf } from "./draft.ts";
import { type Reads, writersFor } from "./reads.ts";

export interface Precedence {
  /** Whether a third group would have to run between the two if they were one. */
  readonly parts: (a: Draft, b: Draft) => boolean;
  /** Puts the group that two have become in their place; nothing parts them. */
  readonly replace: (a: Draft, b: Draft, joined: Draft) => void;
}

/** Groups by group. */
type Edges = Map<Draft, Set<Draft>>;

/** `reads` is what each of them reads. */
export function precedence(drafts: readonly Draft[], reads: ReadonlyMap<Draft, Reads>): Precedence {
  const sorted = drafts.toSorted((a, b) => lastNode(a) - lastNode(b));
  const places = new Map(sorted.map((draft, place) => [draft, place]));
  const { before, after } = edgesOf(drafts, reads);
  const placeOf = (draft: Draft): number => places.get(draft) ?? -1;
  const inOrder = (a: Draft, b: Draft): readonly [Draft, Draft] => (placeOf(a) < placeOf(b) ? [a, b] : [b, a]);
  /** What the edges lead to from a group on the way to the other, both left out; `parts` asks that the other is not among it. */
  function* between(from: Draft, to: Draft, edges: Edges): Generator<Draft> {
    const [low, high] = [placeOf(from), placeOf(to)].sort((x, y) => x - y) as [number, number];
    const found = new Set<Draft>();
    const add = (draft: Draft): void => {
      const place = placeOf(draft);
      if (place > low && place < high) found.add(draft);
    };
    next(edges, from).forEach(add);
    for (const draft of found) {
      yield draft;
      next(edges, draft).forEach(add);
    }
  }
  return {
    parts: (a, b) => {
      const [first, last] = inOrder(a, b);
      const ends = next(before, last);
      for (const draft of between(first, last, after)) if (ends.has(draft)) return true;
      return false;
    },
    replace: (a, b, joined) => {
      const [first, last] = inOrder(a, b);
      const byPlace = (x: Draft, y: Draft): number => placeOf(x) - placeOf(y);
      const earlier = [...between(last, first, before)].sort(byPlace);
      const later = [...between(first, last, after)].sort(byPlace);
      const free = [first, ...earlier, ...later].map(placeOf).sort((x, y) => x - y);
      for (const [i, draft] of [...earlier, joined, ...later].entries()) places.set(draft, free[i] ?? -1);
      for (const old of [a, b]) places.delete(old);
      unite(before, after, [a, b], joined);
      unite(after, before, [a, b], joined);
    },
  };
}

function next(edges: Edges, draft: Draft): Set<Draft> {
  const found = edges.get(draft);
  invariant(found !== undefined, "what a group waits for is not known");
  return found;
}

/** Who writes what a group reads, and who reads what it writes. */
function edgesOf(drafts: readonly Draft[], reads: ReadonlyMap<Draft, Reads>): { before: Edges; after: Edges } {
  const [before, after]: [Edges, Edges] = [new Map(), new Map()];
  for (const draft of drafts) for (const edges of [before, after]) edges.set(draft, new Set());
  const writers = writersOf(drafts);
  for (const [draft, each] of reads)
    for (const writer of writersFor(each, writers)) {
      next(before, draft).add(writer);
      next(after, writer).add(draft);
    }
  return { before, after };
}

/** Two groups are one to those that `edges` leads to, and lead where either did. */
function unite(edges: Edges, back: Edges, two: readonly Draft[], joined: Draft): void {
  const all = new Set(two.flatMap((draft) => [...next(edges, draft)]));
  for (const draft of two) {
    all.delete(draft);
    edges.delete(draft);
  }
  edges.set(joined, all);
  for (const draft of all) {
    for (const old of two) back.get(draft)?.delete(old);
    back.get(draft)?.add(joined);
  }
}
