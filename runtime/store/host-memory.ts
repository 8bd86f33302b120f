/** Host memory for values of equal sizes, used again: what is garbage would count as peak. */

export interface HostMemory {
  readonly take: (bytes: number) => Uint8Array<ArrayBuffer>;
  readonly give: (value: Uint8Array<ArrayBuffer>) => void;
}

/** Holds nothing while nothing is taken. */
export function hostMemory(): HostMemory {
  const waiting = new Map<number, Uint8Array<ArrayBuffer>[]>();
  let taken = 0;
  return {
    take: (bytes) => {
      taken++;
      return waiting.get(bytes)?.pop() ?? new Uint8Array(bytes);
    },
    give: (value) => {
      const same = waiting.get(value.byteLength);
      if (same === undefined) waiting.set(value.byteLength, [value]);
      else same.push(value);
      if (--taken === 0) waiting.clear();
    },
  };
}
