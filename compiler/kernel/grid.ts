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
export function tileGrid({ batch, m, n, begins }: Contraction, rows: number, columns: number): Grid {
  const sizes = [Math.ceil(m / rows), Math.ceil(n / columns), batch] as const;
  const [rowTiles, columnTiles] = sizes;
  if (sizes.every((size) => size <= workgroupsPerDimension)) {
    const wgsl = `let row_tile = group.x;
  let column_tile = group.y;
  let batch = ${batch === 1 ? "0u" : "group.z"};${beginning(begins)}`;
    return { workgroups: sizes, wgsl };
  }
  const { workgroups, wgsl } = lineGrid(rowTiles * columnTiles * batch);
  return {
    workgroups,
    wgsl: `${wgsl}
  let row_tile = position % ${rowTiles}u;
  let column_tile = position / ${rowTiles}u % ${columnTiles}u;
  let batch = position / ${rowTiles * columnTiles}u;${beginning(begins)}`,
  };
}

/** What a contraction does first, once its batch is known. */
export const beginning = (begins: Contraction["begins"]): string => (begins === true ? "\n  begin(batch);" : "");

/**
 * The workgroups for `share[0]` of `share[1]` batches, of a kernel that was written for all of them. Batches vary slowest, in the last
 * dimension; where a line is not full, it computes some more.
 */
export function partOf([x, y, z]: Body["workgroups"], [some, all]: readonly [number, number]): Body["workgroups"] {
  const part = (workgroups: number): number => Math.ceil((workgroups * some) / all);
  return z > 1 ? [x, y, part(z)] : y > 1 ? [x, part(y), z] : [part(x), y, z];
}

/** The workgroups of a kernel that knows by itself how many it needs; declares `position`. */
export function openGrid(count: number): Grid {
  const width = workgroupsPerDimension;
  const workgroups = [Math.min(count, width), Math.ceil(count / width), 1] as const;
  return { workgroups, wgsl: `let position = group.y * ${width}u + group.x;` };
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
