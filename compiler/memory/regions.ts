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
    const found = live.lasts ? -1 : made.findIndex((others) => others.every((other) => isApart(live, other)));
    const region = found === -1 ? made.length : found;
    made[region] = [...(made[region] ?? []), live];
    regionOf.set(live.id, region);
  }
  const regions = made.map((lives) => ({
    bytes: Math.max(...lives.map(({ bytes }) => bytes)),
    lasts: lives.some(({ lasts }) => lasts),
  }));
  return { regions, regionOf };
}

const isApart = (a: Live, b: Live): boolean => !b.lasts && (a.to < b.from || b.to < a.from);

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
