/** In which order groups run. */
import type { Node } from "../graph/ops.ts";
import { bytesIn, count } from "../graph/type.ts";
import { invariant } from "../invariant.ts";
import { type Draft, writersOf } from "./draft.ts";
import type { Materialised } from "./materialise.ts";
import { rankedQueue } from "./ranked-queue.ts";
import { readsOf, writersFor } from "./reads.ts";

/** What groups wait for, and what they take and leave of memory. */
interface Waiting {
  /** Setup first, then in the order of the graph. */
  readonly drafts: readonly Draft[];
  readonly before: ReadonlyMap<Draft, ReadonlySet<Draft>>;
  readonly readers: ReadonlyMap<Draft, readonly Draft[]>;
}

/**
 * Each draft after those whose targets it reads; of those that could be next, setup first and then the order of the graph. Where
 * that leaves a third more in memory at once, the next is the one that adds least: what is summed of many parts is
 * then computed part by part.
 */
export function inOrder(materialised: Materialised): readonly Draft[] {
  const waiting = waitingIn(materialised);
  const first = asInGraph(waiting);
  const other = leastFirst(waiting);
  return 4 * mostHeld(other, waiting) < 3 * mostHeld(first, waiting) ? other : first;
}

function waitingIn(materialised: Materialised): Waiting {
  const drafts = materialised.drafts.toSorted((x, y) => order(x) - order(y));
  const writers = writersOf(drafts);
  const readers = new Map<Draft, Draft[]>(drafts.map((draft) => [draft, []]));
  const before = new Map<Draft, ReadonlySet<Draft>>();
  for (const draft of drafts) {
    const own = new Set(writersFor(readsOf(draft, materialised), writers).filter((writer) => writer !== draft));
    before.set(draft, own);
    for (const writer of own) readers.get(writer)?.push(draft);
  }
  return { drafts, before, readers };
}

const order = ({ targets, when }: Draft): number =>
  Math.min(...targets.map(({ node }) => node.id)) - (when === "setup" ? 1e9 : 0);

function asInGraph(waiting: Waiting): readonly Draft[] {
  const rank = new Map(waiting.drafts.map((draft, i) => [draft, i]));
  const ready = rankedQueue<Draft>((draft) => rank.get(draft) ?? 0);
  return inTurn(waiting, { add: ready.add, take: ready.take });
}

/** So many of those that could be next are compared. */
const mostCompared = 8;

/**
 * Of those that could be next, and are read first, the one after which least more is held, of equals the one that is read first; setup
 * still comes before.
 */
function leastFirst(waiting: Waiting): readonly Draft[] {
  const { drafts, before, readers } = waiting;
  const left = new Map(drafts.map((draft) => [draft, readers.get(draft)?.length ?? 0]));
  const soonest = new Map(
    drafts.map((draft) => [draft, Math.min(order(draft) + 1e9, ...(readers.get(draft) ?? []).map(order))]),
  );
  const rankOf = (draft: Draft): number => (draft.when === "setup" ? order(draft) : (soonest.get(draft) ?? 0));
  const adds = (draft: Draft): number =>
    [...(before.get(draft) ?? [])].reduce(
      (sum, writer) => sum - (left.get(writer) === 1 ? heldBy(writer) : 0),
      heldBy(draft),
    );
  const ready = rankedQueue(rankOf);
  const first = (): readonly Draft[] => {
    const some: Draft[] = [];
    for (let draft = ready.take(); draft !== undefined; draft = some.length < mostCompared ? ready.take() : undefined)
      some.push(draft);
    return some;
  };
  const take = (): Draft | undefined => {
    const [next, ...others] = first();
    if (next === undefined) return undefined;
    const all = [next, ...others];
    const best = next.when === "setup" ? next : all.reduce((least, each) => (adds(each) < adds(least) ? each : least));
    for (const each of all.toReversed()) if (each !== best) ready.add(each);
    for (const writer of before.get(best) ?? []) left.set(writer, (left.get(writer) ?? 0) - 1);
    return best;
  };
  return inTurn(waiting, { add: ready.add, take });
}

/** All, as the queue gives those that could be next. */
function inTurn(
  { drafts, before, readers }: Waiting,
  ready: { readonly add: (draft: Draft) => void; readonly take: () => Draft | undefined },
): readonly Draft[] {
  const missing = new Map(drafts.map((draft) => [draft, before.get(draft)?.size ?? 0]));
  for (const draft of drafts) if (missing.get(draft) === 0) ready.add(draft);
  const result: Draft[] = [];
  for (let next = ready.take(); next !== undefined; next = ready.take()) {
    result.push(next);
    for (const reader of readers.get(next) ?? []) {
      const left = (missing.get(reader) ?? 0) - 1;
      missing.set(reader, left);
      if (left === 0) ready.add(reader);
    }
  }
  invariant(result.length === drafts.length, "groups need each other");
  return result;
}

/** Bytes of what a group leaves to others; what setup does stays. */
const heldBy = ({ targets, when }: Draft): number =>
  when === "setup" ? 0 : targets.reduce((sum, { node, output }) => sum + (output === undefined ? bytesOf(node) : 0), 0);

const bytesOf = ({ type }: Node): number => bytesIn(type.dtype, count(type));

/** The most bytes that are held at once, between a group that makes them and the last that reads them. */
function mostHeld(order: readonly Draft[], { before, readers }: Waiting): number {
  const left = new Map(order.map((draft) => [draft, readers.get(draft)?.length ?? 0]));
  let [held, most] = [0, 0];
  for (const draft of order) {
    held += heldBy(draft);
    most = Math.max(most, held);
    for (const writer of before.get(draft) ?? []) {
      const others = (left.get(writer) ?? 0) - 1;
      left.set(writer, others);
      if (others === 0) held -= heldBy(writer);
    }
  }
  return most;
}
