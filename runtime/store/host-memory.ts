/**
 * Host memory for values, used again, since garbage would count as peak. What waits to be used is given up where all together would
 * be more than has been taken at once.
 */

export interface HostMemory {
  readonly take: (bytes: number) => Uint8Array<ArrayBuffer>;
  readonly give: (value: Uint8Array<ArrayBuffer>) => void;
}

/** Holds nothing while nothing is taken. */
export function hostMemory(): HostMemory {
  /** The one that has waited longest first. */
  const waiting: Uint8Array<ArrayBuffer>[] = [];
  let taken = 0;
  let most = 0;
  let total = 0;
  return {
    take: (bytes) => {
      taken += bytes;
      most = Math.max(most, taken);
      const at = waiting.findLastIndex(({ byteLength }) => byteLength === bytes);
      const [known] = at === -1 ? [] : waiting.splice(at, 1);
      if (known !== undefined) return known;
      total += bytes;
      while (total > most) {
        const oldest = waiting.shift();
        if (oldest === undefined) break;
        total -= oldest.byteLength;
      }
      return new Uint8Array(bytes);
    },
    give: (value) => {
      taken -= value.byteLength;
      waiting.push(value);
      if (taken > 0) return;
      total = 0;
      waiting.length = 0;
    },
  };
}
