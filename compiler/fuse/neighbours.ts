/** Groups in a row, and which of those near to it each has still to be compared with. */
import type { Draft } from "./draft.ts";
import { type RankedQueue, rankedQueue } from "./ranked-queue.ts";

export interface Place {
  readonly at: number;
  draft: Draft;
  previous: Place | undefined;
  next: Place | undefined;
  isGone: boolean;
  /** Places after this one, the nearest first. */
  unasked: RankedQueue<Place>;
}

export interface Neighbours {
  readonly first: Place | undefined;
  /** Puts a group in the place of the first of two; the earliest place that has something new to ask about. */
  readonly join: (a: Place, b: Place, joined: Draft) => Place;
  readonly drafts: () => readonly Draft[];
}

/** Each is to be compared with so many after it. */
export function neighbours(drafts: readonly Draft[], many: number): Neighbours {
  const empty = (): RankedQueue<Place> => rankedQueue(({ at }) => at);
  const places = drafts.map(
    (draft, at): Place => ({ at, draft, previous: undefined, next: undefined, isGone: false, unasked: empty() }),
  );
  for (const [i, place] of places.entries()) [place.previous, place.next] = [places[i - 1], places[i + 1]];
  const after = (place: Place): readonly Place[] => walk(place, "next", many);
  const askAll = (place: Place): void => {
    place.unasked = empty();
    for (const other of after(place)) place.unasked.add(other);
  };
  for (const place of places) askAll(place);
  return {
    first: places[0],
    drafts: () => places.flatMap(({ isGone, draft }) => (isGone ? [] : [draft])),
    join: (a, b, joined) => {
      a.draft = joined;
      b.isGone = true;
      if (b.previous !== undefined) b.previous.next = b.next;
      if (b.next !== undefined) b.next.previous = b.previous;
      const before = walk(a, "previous", many);
      for (const place of before) place.unasked.add(a);
      let newcomer: Place | undefined = b.previous;
      for (let i = 0; i < many; i++) newcomer = newcomer?.next;
      for (
        let place = b.previous;
        place !== undefined && newcomer !== undefined && newcomer.at > b.at;
        place = place.previous
      ) {
        place.unasked.add(newcomer);
        newcomer = newcomer.previous;
      }
      askAll(a);
      return before.at(-1) ?? a;
    },
  };
}

/** The places on one side of a place, the nearest first. */
function walk(from: Place, side: "next" | "previous", many: number): readonly Place[] {
  const found: Place[] = [];
  for (let place = from[side]; place !== undefined && found.length < many; place = place[side]) found.push(place);
  return found;
}
