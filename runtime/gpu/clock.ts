/** What time is told by: CPU time of the process where the CPU plays the GPU, else time that passes. */
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
