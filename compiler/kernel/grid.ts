/** How workgroups are numbered. */
import type { Contraction } from "../schedule/contraction.ts";
import type { Body } from "./body.ts";

/** WebGPU's default limit, which every adapter keeps. */
const workgroupsPerDimension = 65535;

/** The workgroups of a kernel, and the lines of `main` that turn `group` (its workgroup_id) into the names that it works on. */
export interface Grid {
  readonly workgroups: Body["workgroups"];
  readonly wgsl: string;
}

/**
 * One workgroup per `rows` × `columns` outputs of a batch; declares `batch`, `row_tile` and `column_tile`. Row tiles vary
 * fastest, so that workgroups which run one after the other read the same columns of the second factor.
 */
export function tileGrid({ batch, m, n }: Contraction, rows: number, columns: number): Grid {
  const sizes = [Math.ceil(m / rows), Math.ceil(n / columns), batch] as const;
  const [rowTiles, columnTiles] = sizes;
  if (sizes.every((size) => size <= workgroupsPerDimension)) {
    const wgsl = `let row_tile = group.x;
  let column_tile = group.y;
  let batch = ${batch === 1 ? "0u" : "group.z"};`;
    return { workgroups: sizes, wgsl };
  }
  const { workgroups, wgsl } = lineGrid(rowTiles * columnTiles * batch);
  return {
    workgroups,
    wgsl: `${wgsl}
  let row_tile = position % ${rowTiles}u;
  let column_tile = position / ${rowTiles}u % ${columnTiles}u;
  let batch = position / ${rowTiles * columnTiles}u;`,
  };
}

/** `count` workgroups in a row, folded where a dimension has no room for them; declares `position`, which is below `count`. */
export function lineGrid(count: number): Grid {
  if (count <= workgroupsPerDimension) return { workgroups: [count, 1, 1], wgsl: "let position = group.x;" };
  const lines = Math.ceil(count / workgroupsPerDimension);
  const width = Math.ceil(count / lines);
  const wgsl = `let position = group.y * ${width}u + group.x;
  if (position >= ${count}u) { return; }`;
  return { workgroups: [width, lines, 1], wgsl };
}
