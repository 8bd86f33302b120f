/** What is compared: CPU time of the process where the CPU plays the GPU, else time that passes. */
export interface Clock {
  readonly isCpu: boolean;
  readonly unit: string;
  /** Milliseconds. */
  readonly now: () => number;
}

/** The clock for an adapter. */
export function clockFor({ software }: { readonly software: boolean }): Clock {
  if (!software) return { isCpu: false, unit: "ms", now: () => performance.now() };
  const now = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  return { isCpu: true, unit: "CPU ms", now };
}

/** Milliseconds that the work takes. */
export async function timed(clock: Clock, work: () => Promise<unknown>): Promise<number> {
  const start = clock.now();
  await work();
  return clock.now() - start;
}

/** The middle one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
