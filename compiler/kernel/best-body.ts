/** The bodies of `best`: a mask of the greatest of each row. */
import type { Best, BestSchedule } from "../schedule/best.ts";
import { chooseRow, keyOf } from "./bodies/best.ts";
import type { Body } from "./body.ts";
import { lines, range } from "./contraction-text.ts";
import { type Grid, lineGrid } from "./grid.ts";

/** The kernel text below the header, for any legal schedule. */
export function bestBody(best: Best, schedule: BestSchedule): Body {
  switch (schedule.kind) {
    case "rank":
      return rankBody(best, schedule.workgroup);
    case "alone":
      return searchBody(
        best,
        1,
        alone(best, schedule.workgroup),
        lineGrid(Math.ceil(best.rows / schedule.workgroup)),
        [],
      );
    case "subgroup":
      return searchBody(best, schedule.subgroup, subgroup, lineGrid(best.rows), ["subgroups"]);
    case "workgroup":
      return searchBody(best, schedule.workgroup, workgroup, lineGrid(best.rows), []);
  }
}

/** An element stays if fewer than `keep` beat it. */
function rankBody({ rows, n, keep }: Best, workgroup: number): Body {
  const grid = lineGrid(Math.ceil(rows / workgroup));
  const beats = (other: number, i: number): string => `u32(key${other} ${other > i ? ">=" : ">"} key${i})`;
  const rank = (i: number): string => {
    const others = range(n).filter((other) => other !== i);
    return others.length === 0 ? "0u" : others.map((other) => beats(other, i)).join(" + ");
  };
  const wgsl = `@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${grid.wgsl}
  let row = position * ${workgroup}u + lane;
  if (row >= ${rows}u) { return; }
  ${lines(n, (i) => `let key${i} = key_of(row, ${i}u);`)}
  ${lines(n, (i) => `store_mask(row, ${i}u, ${rank(i)} < ${keep}u);`)}
}

${keyOf}`;
  return { wgsl, workgroups: grid.workgroups, features: [] };
}

function searchBody(
  { n, keep }: Best,
  team: number,
  main: (grid: Grid) => string,
  grid: Grid,
  features: Body["features"],
): Body {
  // Even, so that steps of two bits end at 1; three steps of the first size reach beyond n.
  const indexShift = 2 * Math.floor(Math.log2(n) / 2);
  const wgsl = `const N = ${n}u;
const KEEP = ${keep}u;
const TEAM = ${team}u;
const INDEX_SHIFT = ${indexShift}u;

${main(grid)}
${keyOf}
${chooseRow}`;
  return { wgsl, workgroups: grid.workgroups, features };
}

const alone =
  ({ rows }: Best, workgroup: number) =>
  (grid: Grid): string =>
    `fn team_sum(lane: u32, x: vec3u) -> vec3u {
  return x;
}

@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${grid.wgsl}
  let row = position * ${workgroup}u + lane;
  if (row >= ${rows}u) { return; }
  choose_row(row, 0u);
}
`;

/** Tint does not know that the workgroup is one subgroup, whose invocations all see the same sums. */
const subgroup = (grid: Grid): string => `@diagnostic(off, subgroup_uniformity)
fn team_sum(lane: u32, x: vec3u) -> vec3u {
  return subgroupAdd(x);
}

@compute @workgroup_size(TEAM)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${grid.wgsl}
  choose_row(position, lane);
}
`;

/** Integer sums are the same in any order. */
const workgroup = (grid: Grid): string => `var<workgroup> sums: array<atomic<u32>, 3>;
var<workgroup> total: vec3u;

fn team_sum(lane: u32, x: vec3u) -> vec3u {
  atomicAdd(&sums[0], x.x);
  atomicAdd(&sums[1], x.y);
  atomicAdd(&sums[2], x.z);
  workgroupBarrier();
  if (lane == 0u) {
    total = vec3u(atomicExchange(&sums[0], 0u), atomicExchange(&sums[1], 0u), atomicExchange(&sums[2], 0u));
  }
  return workgroupUniformLoad(&total);
}

@compute @workgroup_size(TEAM)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${grid.wgsl}
  choose_row(position, lane);
}
`;
