/** `1.75 MiB`: in units of 1024, as GPUs and their drivers count memory, and as recipes and flags write it. */
export function showBytes(bytes: number): string {
  const power = Math.min(units.length, Math.max(1, Math.floor(Math.log2(bytes) / 10)));
  return `${Number((bytes / 2 ** (10 * power)).toFixed(2))} ${units[power - 1]}`;
}

const units = ["KiB", "MiB", "GiB", "TiB"];
