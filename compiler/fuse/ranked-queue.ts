/** A queue that gives the item of the least rank first. */

export interface RankedQueue<T> {
  readonly add: (item: T) => void;
  /** The item of the least rank, which leaves the queue; of equals the one that came last. */
  readonly take: () => T | undefined;
}

export function rankedQueue<T>(rankOf: (item: T) => number): RankedQueue<T> {
  /** The least last. */
  const entries: { readonly rank: number; readonly item: T }[] = [];
  return {
    take: () => entries.pop()?.item,
    add: (item) => {
      const rank = rankOf(item);
      let [low, high] = [0, entries.length];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((entries[middle]?.rank ?? 0) > rank) low = middle + 1;
        else high = middle;
      }
      entries.splice(low, 0, { rank, item });
    },
  };
}
