/**
 * Contractions by subgroup matrices (`chromium-experimental-subgroup-matrix`): f16 factors, f32 sums. Four subgroups, two by
 * two, share the factors in workgroup memory; each holds `tiles` matrices of sums. Results pass through workgroup memory on
 * their way to `store`, because which invocation holds which element of a matrix is nobody's business.
 */
import type { Contraction } from "../schedule/contraction.ts";
import { type Matrix, sizesOf } from "../schedule/tiles.ts";
import type { Body } from "./body.ts";
import { clamped, lines, range, sums } from "./contraction-text.ts";
import { tileGrid } from "./grid.ts";

/** The device must have f16 → f32 matrices of `shape`; `subgroup` is its greatest subgroup. */
export function matrixBody(c: Contraction, schedule: Matrix): Body {
  const { rows, columns, depth, aPitch, bPitch, subgroups } = sizesOf(schedule);
  const [m, n, k] = schedule.shape;
  const grid = tileGrid(c, rows, columns);
  const names = sumsOf(c, schedule).map(({ name }) => name);
  const wgsl = `alias Left = subgroup_matrix_left<f16, ${k}, ${m}>;
alias Right = subgroup_matrix_right<f16, ${n}, ${k}>;
alias Sum = subgroup_matrix_result<f32, ${n}, ${m}>;

const INVOCATIONS = ${subgroups * schedule.subgroup}u;
var<workgroup> a_tile: array<f16, ${rows * aPitch}>;
${lines(c.accumulators, (i) => `var<workgroup> b${i}_tile: array<f16, ${depth * bPitch}>;`, "")}
${lines(c.accumulators, (i) => `var<workgroup> results${i}: array<f32, ${subgroups * m * n}>;`, "")}

${loadTiles(c, schedule)}
${storeResults(c, schedule)}
@compute @workgroup_size(INVOCATIONS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
  @builtin(subgroup_size) subgroup_size: u32,
) {
  ${grid.wgsl}
  let first_m = row_tile * ${rows}u;
  let first_n = column_tile * ${columns}u;
  let quarter = subgroup % ${subgroups}u;
  let own_row = quarter / 2u * ${rows / 2}u;
  let own_column = quarter % 2u * ${columns / 2}u;
  ${lines(names.length, (s) => `var ${names[s]} = Sum();`)}
  for (var k = 0u; k < ${c.k}u; k += ${depth}u) {
    load_tiles(batch, first_m, first_n, k, lane);
    workgroupBarrier();
    ${products(c, schedule)}
    workgroupBarrier();
  }
  let m = first_m + own_row;
  let n = first_n + own_column;
  ${stores(c, schedule)}
}
`;
  return {
    wgsl,
    workgroups: grid.workgroups,
    features: ["subgroups", "shader-f16", "chromium-experimental-subgroup-matrix"],
  };
}

/** The sums of a subgroup: accumulator `i`, matrix `row` down and `j` across. */
const sumsOf = ({ accumulators }: Contraction, { tiles }: Matrix) =>
  range(accumulators).flatMap((i) =>
    range(tiles[0]).flatMap((row) => range(tiles[1]).map((j) => ({ i, row, j, name: `s${i}_${row}_${j}` }))),
  );

/** Beyond the last term both factors are zero: one of them alone would make NaN of the other's infinity. */
function loadTiles(c: Contraction, schedule: Matrix): string {
  const { rows, columns, depth, aPitch, bPitch } = sizesOf(schedule);
  const load = (call: string): string => (c.k % depth === 0 ? call : `if (k < ${c.k}u) { ${call} }`);
  const b = (i: number): string => `var b${i} = 0.0;
    ${load(`b${i} = load_b${i}(batch, k, n);`)}
    b${i}_tile[i / ${columns}u * ${bPitch}u + i % ${columns}u] = f16(b${i});`;
  return `fn load_tiles(batch: u32, first_m: u32, first_n: u32, first_k: u32, lane: u32) {
  for (var i = lane; i < ${rows * depth}u; i += INVOCATIONS) {
    let m = ${clamped(`first_m + i / ${depth}u`, c.m, c.m % rows !== 0)};
    let k = first_k + i % ${depth}u;
    var a = 0.0;
    ${load("a = load_a(batch, m, k);")}
    a_tile[i / ${depth}u * ${aPitch}u + i % ${depth}u] = f16(a);
  }
  for (var i = lane; i < ${columns * depth}u; i += INVOCATIONS) {
    let k = first_k + i / ${columns}u;
    let n = ${clamped(`first_n + i % ${columns}u`, c.n, c.n % columns !== 0)};
    ${lines(c.accumulators, b, "    ")}
  }
}
`;
}

function products(c: Contraction, schedule: Matrix): string {
  const { depth, aPitch, bPitch } = sizesOf(schedule);
  const { shape, tiles } = schedule;
  const load = (type: string, tile: string, offset: string, pitch: number): string =>
    `subgroupMatrixLoad<${type}, row_major>(&${tile}, ${offset}, ${pitch}u)`;
  const a = (row: number): string =>
    `let a${row} = ${load("Left", "a_tile", `(own_row + ${row * shape[0]}u) * ${aPitch}u + u`, aPitch)};`;
  const b = (i: number, j: number): string =>
    `let b${i}_${j} = ${load("Right", `b${i}_tile`, `u * ${bPitch}u + own_column + ${j * shape[1]}u`, bPitch)};`;
  const text = [
    ...range(tiles[0]).map(a),
    ...range(c.accumulators).flatMap((i) => range(tiles[1]).map((j) => b(i, j))),
    ...sumsOf(c, schedule).map(
      ({ i, row, j, name }) => `${name} = subgroupMatrixMultiplyAccumulate(a${row}, b${i}_${j}, ${name});`,
    ),
  ];
  return `for (var u = 0u; u < ${depth}u; u += ${shape[2]}u) {
      ${text.join("\n      ")}
    }`;
}

/** Stores the quarter's results, a matrix of each accumulator, as the elements from m and n. */
function storeResults(c: Contraction, schedule: Matrix): string {
  const [m, n] = schedule.shape;
  return `fn store_results(batch: u32, m: u32, n: u32, quarter: u32, subgroup_lane: u32, subgroup_size: u32) {
  workgroupBarrier();
  for (var i = subgroup_lane; i < ${m * n}u; i += subgroup_size) {
    let own_m = m + i / ${n}u;
    let own_n = n + i % ${n}u;
    if (own_m < ${c.m}u && own_n < ${c.n}u) {
      store(batch, own_m, own_n, ${sums(c, (a) => `results${a}[quarter * ${m * n}u + i]`)});
    }
  }
  workgroupBarrier();
}
`;
}

function stores(c: Contraction, schedule: Matrix): string {
  const { shape, tiles } = schedule;
  const [m, n] = shape;
  return range(tiles[0] * tiles[1])
    .map((at) => [Math.floor(at / tiles[1]), at % tiles[1]] as const)
    .flatMap(([row, j]) => [
      ...range(c.accumulators).map(
        (i) => `subgroupMatrixStore<row_major>(&results${i}, quarter * ${m * n}u, s${i}_${row}_${j}, ${n}u);`,
      ),
      `store_results(batch, m + ${row * m}u, n + ${j * n}u, quarter, subgroup_lane, subgroup_size);`,
    ])
    .join("\n  ");
}
