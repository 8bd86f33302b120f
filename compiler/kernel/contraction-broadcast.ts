/**
 * Contractions on software adapters. A workgroup is one subgroup, that is one SIMD register, and holds `rows` × `columns`
 * registers of outputs; there is no workgroup memory and no barrier (10 us each on SwiftShader). What costs is to load a
 * register, which is done lane by lane. So the lanes load one row of the first factor at as many k as there are lanes, each
 * value of which is then broadcast; and registers of the second factor are loaded once for all rows.
 */
import type { Contraction, ContractionSchedule } from "../schedule/contraction.ts";
import type { Body } from "./body.ts";
import { clamped, declaredNothing, guarded, lines, nothing, plus, range, sums } from "./contraction-text.ts";
import { tileGrid } from "./grid.ts";

type Broadcast = Extract<ContractionSchedule, { readonly kind: "broadcast" }>;

export function broadcastBody(c: Contraction, schedule: Broadcast): Body {
  const { subgroup, rows, columns } = schedule;
  const width = subgroup * columns;
  const grid = tileGrid(c, rows, width);
  const padded = c.panels === undefined ? c.n : Math.ceil(c.n / c.panels.width) * c.panels.width;
  const rest = c.k % subgroup;
  const wgsl = `${declaredNothing}

@compute @workgroup_size(${subgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${grid.wgsl}
  let first_m = row_tile * ${rows}u;
  let first_n = column_tile * ${width}u + lane;
  ${lines(rows, (i) => `let m${i} = ${clamped(plus("first_m", i), c.m, c.m % rows !== 0)};`)}
  ${lines(columns, (j) => `let n${j} = ${clamped(plus("first_n", j * subgroup), padded, padded % width !== 0)};`)}
  ${lines(rows, (row) =>
    registersOf(c, schedule)
      .map(({ i, j }) => `var s${i}_${row}_${j} = ${nothing};`)
      .join(" "),
  )}
  for (var k = 0u; k < ${c.k - rest}u; k += ${subgroup}u) {
    let own_k = k + lane;
${terms(c, schedule, subgroup)}
  }${rest === 0 ? "" : tail(c, schedule, rest)}
  ${stores(c, schedule)}
}
`;
  return { wgsl, workgroups: grid.workgroups, features: ["subgroups"] };
}

/** A sum per register: accumulator `i` of column register `j`. */
const registersOf = ({ accumulators }: Contraction, { columns }: Broadcast) =>
  range(accumulators).flatMap((i) => range(columns).map((j) => ({ i, j })));

/** The last `rest` terms. The lanes beyond them load the last one again, and are not broadcast from. */
const tail = (c: Contraction, schedule: Broadcast, rest: number): string => `
  {
    const k = ${c.k - rest}u;
    let own_k = min(k + lane, ${c.k - 1}u);
${terms(c, schedule, rest)}
  }`;

/**
 * Adds the terms k … k + depth - 1. They run through a few rows at a time: as many sums as registers can hold stay in them
 * for all of the terms, which made products at 512 a sixth faster than running through all rows for each term.
 */
function terms(c: Contraction, schedule: Broadcast, depth: number): string {
  const registers = registersOf(c, schedule);
  const loads = range(depth).flatMap((u) =>
    registers.map(({ i, j }) => `let b${i}_${j}_${u} = load_b${i}(batch, ${plus("k", u)}, n${j});`),
  );
  const add = (row: number, u: number): string => {
    const sums = registers.map(({ i, j }) => `s${i}_${row}_${j} = fma(a, b${i}_${j}_${u}, s${i}_${row}_${j});`);
    return `{ let a = subgroupBroadcast(a${row}, ${u}u); ${sums.join(" ")} }`;
  };
  const rowsAtOnce = Math.max(1, Math.floor(sumsInRegisters / registers.length));
  const products = range(Math.ceil(schedule.rows / rowsAtOnce)).flatMap((group) => {
    const some = range(schedule.rows).filter((row) => Math.floor(row / rowsAtOnce) === group);
    const own = some.map((row) => `let a${row} = load_a(batch, m${row}, own_k);`);
    return [...own, ...range(depth).flatMap((u) => some.map((row) => add(row, u)))];
  });
  return [...loads, ...products].map((line) => `    ${line}`).join("\n");
}

/** Of 16 or 32 registers that a CPU has, those that neither factor needs. */
const sumsInRegisters = 16;

/**
 * Stores the first rows of sums, moves the others up and does so again: an epilogue is then compiled once for each column and
 * not for each output, which made one with an `exp` compile four times as fast and run as before.
 */
function stores(c: Contraction, schedule: Broadcast): string {
  const { subgroup, rows, columns } = schedule;
  const atOnce = rowsStored(c, rows);
  const store = (row: number, j: number): string =>
    guarded(`store(batch, m, ${plus("first_n", j * subgroup)}, ${sums(c, (i) => `s${i}_${row}_${j}`)});`, [
      { index: "m", below: c.m, isNeeded: c.m % rows !== 0 },
      { index: plus("first_n", j * subgroup), below: c.n, isNeeded: c.n % (subgroup * columns) !== 0 },
    ]);
  const own = (row: number): string =>
    `let m = first_m + ${plus("row", row)};
    ${lines(columns, (j) => store(row, j), "    ")}`;
  const move = (row: number): string =>
    registersOf(c, schedule)
      .map(({ i, j }) => `s${i}_${row}_${j} = s${i}_${row + atOnce}_${j};`)
      .join(" ");
  const all = atOnce === 1 ? own(0) : lines(atOnce, (row) => `{ ${own(row)} }`, "    ");
  return `for (var row = 0u; row < ${rows}u; ${atOnce === 1 ? "row++" : `row += ${atOnce}u`}) {
    ${all}
    ${lines(rows - atOnce, move, "    ")}
  }`;
}

/** Short sums, as routines have them, are done as soon as 32 rows have moved up by ones; by fours they take three quarters of the time. */
const rowsStored = ({ begins }: Contraction, rows: number): number =>
  begins === true ? ([4, 3, 2].find((some) => rows % some === 0) ?? 1) : 1;
