/**
 * Contractions on GPUs: a workgroup brings `depth` terms of its rows and columns into workgroup memory, then every invocation
 * adds them to its own `thread` outputs, in registers. Vectors of four run along m and n, the directions in which the inner
 * loop reads; rows of workgroup memory are one vector longer than they need be, so that writing them meets no bank twice.
 * Edges load what is in range a second time and are not stored, and the last terms are counted exactly: nothing is padded.
 */
import { invariant } from "../invariant.ts";
import type { Contraction } from "../schedule/contraction.ts";
import { pitch, type Tiled, tileOf } from "../schedule/tiles.ts";
import type { Body } from "./body.ts";
import { clamped, declaredNothing, guarded, lines, nothing, plus, range, sums, times } from "./contraction-text.ts";
import { tileGrid } from "./grid.ts";

/** Both sides of `thread` must be multiples of 4. */
export function tiledBody(c: Contraction, schedule: Tiled): Body {
  const { workgroup, depth } = schedule;
  const { rows, columns, down, across } = tileOf(schedule);
  invariant(
    Number.isInteger(down) && Number.isInteger(across),
    `${schedule.thread.join(" x ")} outputs per invocation`,
  );
  const grid = tileGrid(c, rows, columns);
  const rest = c.k % depth;
  const names = sumsOf(c, schedule).map(({ name }) => name);
  const wgsl = `${declaredNothing}
const DEPTH = ${depth}u;
var<workgroup> a_tile: array<vec4f, ${depth * pitch(rows)}>;
${lines(c.accumulators, (i) => `var<workgroup> b${i}_tile: array<vec4f, ${depth * pitch(columns)}>;`, "")}

${loadTiles(c, schedule)}
@compute @workgroup_size(${workgroup[0]}, ${workgroup[1]})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) at: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  ${grid.wgsl}
  let first_m = row_tile * ${rows}u;
  let first_n = column_tile * ${columns}u;
  ${lines(names.length, (s) => `var ${names[s]} = vec4f(${nothing});`)}
  for (var k = 0u; k < ${c.k - rest}u; k += DEPTH) {
    load_tiles(batch, first_m, first_n, k, lane);
    workgroupBarrier();
    ${terms(c, schedule, "DEPTH", "    ")}
    workgroupBarrier();
  }${rest === 0 ? "" : tail(c, schedule, rest)}
  ${stores(c, schedule)}
}
`;
  return { wgsl, workgroups: grid.workgroups, features: [] };
}

/** The sums of an invocation: accumulator `i`, `row`, and column vector `j`. */
const sumsOf = ({ accumulators }: Contraction, schedule: Tiled) =>
  range(accumulators).flatMap((i) =>
    range(schedule.thread[0]).flatMap((row) =>
      range(tileOf(schedule).across).map((j) => ({ i, row, j, name: `s${i}_${row}_${j}` })),
    ),
  );

/** Neighbouring invocations load neighbouring k, which are contiguous in activations and in most weights. */
function loadTiles(c: Contraction, schedule: Tiled): string {
  const { workgroup, depth } = schedule;
  const { rows, columns } = tileOf(schedule);
  const step = workgroup[0] * workgroup[1];
  const four = (call: (i: number) => string): string => `vec4f(${range(4).map(call).join(", ")})`;
  const m = (i: number): string => clamped(plus("m", i), c.m, c.m % rows !== 0);
  const n = (i: number): string => clamped(plus("n", i), c.n, c.n % columns !== 0);
  const loadB = (b: number): string =>
    `b${b}_tile[u * ${pitch(columns)}u + i / DEPTH] = ${four((i) => `load_b${b}(batch, k, ${n(i)})`)};`;
  return `fn load_tiles(batch: u32, first_m: u32, first_n: u32, first_k: u32, lane: u32) {
  for (var i = lane; i < ${(depth * rows) / 4}u; i += ${step}u) {
    let u = i % DEPTH;
    let k = ${clamped("first_k + u", c.k, c.k % depth !== 0)};
    let m = first_m + i / DEPTH * 4u;
    a_tile[u * ${pitch(rows)}u + i / DEPTH] = ${four((i) => `load_a(batch, ${m(i)}, k)`)};
  }
  for (var i = lane; i < ${(depth * columns) / 4}u; i += ${step}u) {
    let u = i % DEPTH;
    let k = ${clamped("first_k + u", c.k, c.k % depth !== 0)};
    let n = first_n + i / DEPTH * 4u;
    ${lines(c.accumulators, loadB, "    ")}
  }
}
`;
}

function terms(c: Contraction, schedule: Tiled, depth: string, indent: string): string {
  const { rows, columns, down, across } = tileOf(schedule);
  const vector = (tile: string, length: number, at: string, count: number, j: number): string =>
    `${tile}_tile[${plus(`u * ${pitch(length)}u + ${times(at, count)}`, j)}]`;
  const products = sumsOf(c, schedule).map(
    ({ i, row, j, name }) => `${name} = fma(vec4f(a${Math.floor(row / 4)}.${"xyzw"[row % 4]}), b${i}_${j}, ${name});`,
  );
  const text = [
    ...range(down).map((j) => `let a${j} = ${vector("a", rows, "at.y", down, j)};`),
    ...range(c.accumulators).flatMap((i) =>
      range(across).map((j) => `let b${i}_${j} = ${vector(`b${i}`, columns, "at.x", across, j)};`),
    ),
    ...products,
  ];
  return `for (var u = 0u; u < ${depth}; u++) {
${text.map((line) => `${indent}  ${line}\n`).join("")}${indent}}`;
}

const tail = (c: Contraction, schedule: Tiled, rest: number): string => `
  load_tiles(batch, first_m, first_n, ${c.k - rest}u, lane);
  workgroupBarrier();
  ${terms(c, schedule, `${rest}u`, "  ")}`;

/** Row after row moves up to be stored, so that an epilogue is compiled once for each column and not for each output. */
function stores(c: Contraction, schedule: Tiled): string {
  const { thread } = schedule;
  const { rows, columns, across } = tileOf(schedule);
  const store = (column: number): string => {
    const part = `${Math.floor(column / 4)}.${"xyzw"[column % 4]}`;
    return guarded(`store(batch, m, ${plus("n", column)}, ${sums(c, (i) => `s${i}_0_${part}`)});`, [
      { index: "m", below: c.m, isNeeded: c.m % rows !== 0 },
      { index: plus("n", column), below: c.n, isNeeded: c.n % columns !== 0 },
    ]);
  };
  const moves = sumsOf(c, schedule)
    .filter(({ row }) => row < thread[0] - 1)
    .map(({ i, row, j, name }) => `${name} = s${i}_${row + 1}_${j};`);
  return `let n = first_n + ${times("at.x", thread[1])};
  for (var row = 0u; row < ${thread[0]}u; row++) {
    let m = first_m + ${times("at.y", thread[0])} + row;
    ${lines(4 * across, store, "    ")}
    ${lines(moves.length, (move) => moves[move] ?? "", "    ")}
  }`;
}
