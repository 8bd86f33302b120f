/** The kernels of a step of `lower-sweep.ts`. */
import type { Contraction } from "../schedule/contraction.ts";
import type { PanelSchedule } from "../schedule/schedule-panels.ts";
import type { SweepPanels } from "../schedule/sweep-panels.ts";
import type { Body } from "./body.ts";
import { lines, range } from "./contraction-text.ts";
import { lineGrid } from "./grid.ts";

/** What the numbers in a step's entry are, in order, after the positions of levels. */
const numbers = ["FIRST", "END", "RUN", "RUN_END"] as const;

const constants = ({ rows, columns }: SweepPanels, levels: number): string =>
  [
    ...Object.entries({ ROWS: rows, COLUMNS: columns }),
    ...numbers.map((name, i) => [`AT_${name}`, levels + i] as const),
  ]
    .map(([name, value]) => `const ${name} = ${value}u;`)
    .join("\n");

/** A level of a sweep, as the entry of a step has its position: by columns of a run, and how many runs. */
export interface LevelSize {
  readonly columns: number;
  readonly runs: number;
}

/** The operand, in the memory in which the sweep works, and the entries of the steps. */
export function beginBody(panels: SweepPanels, levels: readonly LevelSize[]): Body {
  const workgroup = 64;
  const repeats = 8;
  const { rows, columns, panel, segment, panelsPerSegment, run, stretch, steps } = panels;
  const elements = rows * columns;
  const grid = lineGrid(Math.ceil(elements / (workgroup * repeats)));
  const position = ({ columns: size, runs }: LevelSize, i: number): string =>
    `  set_entry(step, ${i}u, first / ${size}u % ${runs}u);`;
  const wgsl = `${constants(panels, levels.length)}

fn set_step(step: u32) {
  let own = step / ${panelsPerSegment}u * ${segment}u;
  let first = own + step % ${panelsPerSegment}u * ${panel}u;
  let before = first - first % ${stretch}u;
  let run = before + first % ${stretch}u / ${run}u * ${run}u;
${levels.map(position).join("\n")}
  set_entry(step, AT_FIRST, first);
  set_entry(step, AT_END, min(first + ${panel}u, own + ${segment}u));
  set_entry(step, AT_RUN, run);
  set_entry(step, AT_RUN_END, min(run + ${run}u, before + ${stretch}u));
}

@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${grid.wgsl}
  for (var turn = 0u; turn < ${repeats}u; turn++) {
    let i = (position * ${repeats}u + turn) * ${workgroup}u + lane;
    if (i < ${steps}u) { set_step(i); }
    if (i < ${elements}u) { set_value(i / COLUMNS, i % COLUMNS, operand(i / COLUMNS, i % COLUMNS)); }
  }
}
`;
  return { wgsl, workgroups: grid.workgroups, features: [] };
}

/** A level whose body the kernel of a panel evaluates before the first column of a run, by `level_N`, from `own_run_N`. */
export interface HeldLevel {
  readonly level: number;
  readonly columns: number;
}

/**
 * One invocation per row holds the panel's values of it in registers. Whatever the column, the first is its value: it is frozen, its
 * error is taken from the others, and they move up.
 */
export function panelBody(
  panels: SweepPanels,
  levels: number,
  held: readonly HeldLevel[],
  { sweepers, isSpread }: PanelSchedule,
  fence: string,
): Body {
  const { rows, panel } = panels;
  const grid = lineGrid(Math.ceil(rows / sweepers));
  const spread = (text: (i: number) => string): string => lines(panel - 1, text, "    ");
  const loads = Math.ceil((panel - 1) / sweepers);
  const factors = isSpread
    ? lines(
        loads,
        (i) => `let f${i} = factor(column, min(column + ${i * sweepers + 1}u + lane, COLUMNS - 1u));`,
        "    ",
      )
    : spread((i) => `let f${i} = factor(column, min(column + ${i + 1}u, COLUMNS - 1u));`);
  const factorOf = (i: number): string =>
    isSpread ? `subgroupBroadcast(f${Math.floor(i / sweepers)}, ${i % sweepers}u)` : `f${i}`;
  const evaluated = held.map(({ level, columns }) => {
    const run = range(columns).map((i) => `own_run_${level}[${i}] = c${i};`);
    return `    if (column % ${columns}u == 0u) {\n      ${run.join("\n      ")}\n      level_${level}(row, column);\n    }\n`;
  });
  const wgsl = `${constants(panels, levels)}

@compute @workgroup_size(${sweepers})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${grid.wgsl}
  let place = position * ${sweepers}u + lane;
  let row = min(place, ROWS - 1u);
  own_is_row = place < ROWS;
  let first = entry(AT_FIRST);
  let end = entry(AT_END);
  let run = entry(AT_RUN);
  ${lines(panel, (i) => `var c${i} = value(row, min(first + ${i}u, COLUMNS - 1u));`)}
  for (var column = first; column < end; column++) {
${evaluated.join("")}    let q = ${fence}(freeze(row, column, c0));
    let e = ${fence}((c0 - q) / factor(column, column));
    if (own_is_row) {
      set_value(row, column, q);
      set_error(row, column - run, e);
    }
    ${factors}
    ${spread((i) => `c${i} = fma(-e, ${factorOf(i)}, c${i + 1});`)}
  }
}
`;
  return { wgsl, workgroups: grid.workgroups, features: isSpread ? ["subgroups"] : [] };
}

/** What later columns lose: to a panel those of its run, to a run all behind it. */
export interface Losing {
  readonly to: "panel" | "run";
  /** Columns that are taken, by blocks. */
  readonly width: number;
}

/** The functions of a contraction that takes products of errors and factors from later columns. */
export const updateText = (panels: SweepPanels, levels: number, { to, width }: Losing, fence: string): string =>
  `${constants(panels, levels)}
var<private> own_taken: u32;
var<private> own_error: u32;
var<private> own_first: u32;
var<private> own_end: u32;

fn begin(batch: u32) {
  own_taken = entry(${to === "panel" ? "AT_FIRST" : "AT_RUN"});
  own_error = own_taken - entry(AT_RUN);
  own_first = entry(${to === "panel" ? "AT_END" : "AT_RUN_END"}) + batch * ${width}u;
  own_end = ${to === "panel" ? "entry(AT_RUN_END)" : "COLUMNS"};
}

fn load_a(batch: u32, m: u32, k: u32) -> f32 { return error(m, own_error + k); }

fn load_b0(batch: u32, k: u32, n: u32) -> f32 { return factor(own_taken + k, min(own_first + n, COLUMNS - 1u)); }

fn store(batch: u32, m: u32, n: u32, s0: f32) {
  let column = own_first + n;
  if (column < own_end) { set_value(m, column, value(m, column) - ${fence}(s0)); }
}`;

/** The contraction of at most so many columns. */
export const losingContraction = (rows: number, columns: number, width: number, k: number): Contraction => ({
  ...{
    batch: Math.max(1, Math.ceil(columns / width)),
    m: rows,
    n: width,
    k,
    accumulators: 1,
    half: false,
    begins: true,
  },
});
