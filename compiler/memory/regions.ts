/**
 * Scratch memory of a program: values that are not needed at the same time lie in one region. A region is a buffer of its own and
 * holds one value at a time, since WebGPU forbids a dispatch to read and write one buffer: values side by side in an arena could
 * not be each other's operands. For blocks of Llama that takes at most a tenth more than what lives at once.
 */
import type { Dispatch, Region } from "../plan/program.ts";
import { bytesOf, type Storage } from "./storage.ts";

export interface Regions {
  readonly regions: readonly Region[];
  /** By the storage's id, for all that have no slot: its place among the regions. */
  readonly regionOf: ReadonlyMap<number, number>;
}

/** A value from the dispatch that writes it to the last that reads it, in the order of setup and main. */
interface Live {
  readonly id: number;
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
  /** What setup leaves to main, which may run many times. */
  readonly lasts: boolean;
}

/**
 * Greedy by size: the largest value first, each into the first region whose values do not live when it does (Pisarchyk & Lee,
 * "Efficient Memory Management for Deep Neural Net Inference", 2020). What setup leaves to main shares with nothing.
 */
export function regionsOf(
  storages: readonly Storage[],
  setup: readonly Dispatch[],
  main: readonly Dispatch[],
): Regions {
  const made: Live[][] = [];
  const regionOf = new Map<number, number>();
  for (const live of livesOf(storages, setup, main).toSorted((a, b) => b.bytes - a.bytes || a.from - b.from)) {
    const { region, at } = roomFor(live, made);
    if (region === made.length) made.push([live]);
    else made[region]?.splice(at, 0, live);
    regionOf.set(live.id, region);
  }
  const regions = made.map((lives) => ({
    bytes: Math.max(...lives.map(({ bytes }) => bytes)),
    lasts: lives.some(({ lasts }) => lasts),
  }));
  return { regions, regionOf };
}

/**
 * The first region whose values do not live when this one does, else a new one; and its place among them. Values of a region are in
 * the order of their lives, so that two of them tell.
 */
function roomFor({ from, to, lasts }: Live, made: readonly (readonly Live[])[]): { region: number; at: number } {
  for (const [region, lives] of lasts ? [] : made.entries()) {
    let [low, high] = [0, lives.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((lives[middle]?.from ?? 0) < from) low = middle + 1;
      else high = middle;
    }
    const [before, after] = [lives[low - 1], lives[low]];
    const isFree =
      lives[0]?.lasts === false && (before?.to ?? -1) < from && to < (after?.from ?? Number.POSITIVE_INFINITY);
    if (isFree) return { region, at: low };
  }
  return { region: made.length, at: 0 };
}

function livesOf(storages: readonly Storage[], setup: readonly Dispatch[], main: readonly Dispatch[]): readonly Live[] {
  const uses = new Map<number, { from: number; to: number }>();
  for (const [i, { bindings }] of [...setup, ...main].entries())
    for (const { buffer } of bindings) uses.set(buffer, { from: uses.get(buffer)?.from ?? i, to: i });
  return storages.flatMap((storage) => {
    const use = uses.get(storage.id);
    if (storage.slot !== undefined || use === undefined) return [];
    const lasts = use.from < setup.length && use.to >= setup.length;
    return [{ id: storage.id, bytes: bytesOf(storage), ...use, lasts }];
  });
}
