/** `1.75 MiB`: in units of 1024, as GPUs and their drivers count memory, and as recipes and flags write it. */
export function showBytes(bytes: number): string {
  const { unit, size } = unitOf(bytes);
  return `${Number((bytes / size).toFixed(2))} ${unit}`;
}

/** The unit in which a number of bytes is shown, and how many it has. */
export function unitOf(bytes: number): { readonly unit: string; readonly size: number } {
  const power = Math.min(units.length, Math.max(1, Math.floor(Math.log2(bytes) / 10)));
  return { unit: units[power - 1] ?? "", size: 2 ** (10 * power) };
}

const units = ["KiB", "MiB", "GiB", "TiB"];
