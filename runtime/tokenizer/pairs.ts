/** A table from pairs of ids to numbers, in a few flat arrays: a Map of as many pairs is ten times as large and slow. */
export interface Pairs {
  readonly set: (left: number, right: number, value: number) => void;
  readonly get: (left: number, right: number) => number | undefined;
}

/** A table for at most `count` pairs. */
export function pairTable(count: number): Pairs {
  const slots = 2 ** Math.ceil(Math.log2(2 * count + 2));
  const table = new Int32Array(3 * slots).fill(-1);
  const slotOf = (left: number, right: number): number => {
    let slot = (Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) & (slots - 1);
    while (table[3 * slot + 2] !== -1 && (table[3 * slot] !== left || table[3 * slot + 1] !== right))
      slot = (slot + 1) & (slots - 1);
    return 3 * slot;
  };
  return {
    set: (left, right, value) => table.set([left, right, value], slotOf(left, right)),
    get: (left, right) => {
      const value = table[slotOf(left, right) + 2];
      return value === -1 ? undefined : value;
    },
  };
}
