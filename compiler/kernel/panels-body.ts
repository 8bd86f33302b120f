/** The kernels of a step of `lower-panels.ts`. Indices into a matrix count from the first panel as if it lacked nothing. */
import type { PanelSchedule, Panels } from "../schedule/schedule-panels.ts";
import { blocksOfFactor, blocksOfInverse, factorBlock, solveVector } from "./bodies/panels.ts";
import type { Body } from "./body.ts";
import { lines, range } from "./contraction-text.ts";
import { lineGrid, openGrid } from "./grid.ts";

export interface Triangle extends Panels {
  readonly panel: number;
  /** Whether the result is the triangle that is solved with; else the operand is, and the result its inverse. */
  readonly isFactored: boolean;
}

/** Names of `Panels`, for the text below. */
const constants = ({ panel, lacking, size, steps, matrices }: Triangle): string =>
  Object.entries({ PANEL: panel, LACKING: lacking, SIZE: size, STEPS: steps, MATRICES: matrices })
    .map(([name, value]) => `const ${name} = ${value}u;`)
    .join("\n");

/**
 * `lower`: an element of the triangle that is solved with; `solved`: of what is solved for. Nothing stands where the first panel lacks.
 * Without branches, of which `||` is one: with them, SwiftShader takes ten seconds and more to compile what reads so.
 */
function access({ isFactored, lacking }: Triangle): string {
  const element = (name: string, from: string, absent: string): string => {
    const value = `${from}(matrix, max(row, LACKING) - LACKING, max(column, LACKING) - LACKING)`;
    const chosen = lacking === 0 ? value : `select(${value}, ${absent}, (row < LACKING) | (column < LACKING))`;
    return `fn ${name}(matrix: u32, row: u32, column: u32) -> f32 { return ${chosen}; }`;
  };
  return [
    element("lower", isFactored ? "result" : "operand", "f32(row == column)"),
    ...(isFactored ? [] : [element("solved", "result", "0.0")]),
  ].join("\n");
}

const setSolved = `fn set_solved(matrix: u32, row: u32, column: u32, value: f32) {
  if ((column >= LACKING) & (column <= row)) { set_result(matrix, row - LACKING, column - LACKING, value); }
}`;

/** The lower triangle of the operand, or a unit matrix; and the numbers of the steps. */
export function beginBody(triangle: Triangle): Body {
  const workgroup = 64;
  const elements = triangle.matrices * triangle.size ** 2;
  const grid = lineGrid(Math.ceil(elements / workgroup));
  const wgsl = `${constants(triangle)}

@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${grid.wgsl}
  let i = position * ${workgroup}u + lane;
  if (i < STEPS) { set_step(i); }
  if (i >= ${elements}u) { return; }
  let matrix = i / (SIZE * SIZE);
  let row = i / SIZE % SIZE;
  let column = i % SIZE;
  var value = ${triangle.isFactored ? "0.0" : "f32(row == column)"};
  ${triangle.isFactored ? "if (column <= row) { value = operand(matrix, row, column); }" : ""}
  set_result(matrix, row, column, value);
}
`;
  return { wgsl, workgroups: grid.workgroups, features: [] };
}

/** One workgroup per matrix factors the diagonal block. */
export function factorBody(triangle: Triangle, { team }: PanelSchedule): Body {
  const grid = lineGrid(triangle.matrices);
  const wgsl = `${constants(triangle)}
const TEAM = ${team}u;
var<${team === 1 ? "private" : "workgroup"}> block: array<f32, ${triangle.panel ** 2}>;

fn await_team() {${team === 1 ? "" : " workgroupBarrier(); "}}

${access(triangle)}
${setSolved}

${factorBlock}
@compute @workgroup_size(TEAM)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${grid.wgsl}
  factor_block(position, lane);
}
`;
  return { wgsl, workgroups: grid.workgroups, features: [] };
}

/** So many entries of a vector are in registers at a time. */
const inRegisters = 8;

/** One invocation per vector solves for it: a row below the block, or a column of the inverse. */
export function solveBody(triangle: Triangle, { solvers }: PanelSchedule, vectors: number): Body {
  const { isFactored } = triangle;
  const grid = openGrid(Math.ceil(vectors / solvers));
  const count = isFactored ? "SIZE + LACKING - (step + 1u) * PANEL" : "(step + 1u) * PANEL - LACKING";
  const vector = isFactored ? "(step + 1u) * PANEL + i % count" : "LACKING + i % count";
  const place = isFactored ? "vector, i" : "i, vector";
  const wgsl = `${constants(triangle)}

${access(triangle)}
${setSolved}

fn entry(matrix: u32, vector: u32, i: u32) -> f32 { return ${isFactored ? "lower" : "solved"}(matrix, ${place}); }
fn set_entry(matrix: u32, vector: u32, i: u32, value: f32) { set_solved(matrix, ${place}, value); }

${solveVector}${solveSome()}
@compute @workgroup_size(${solvers})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${grid.wgsl}
  let i = position * ${solvers}u + lane;
  let step = current_step();
  let count = ${count};
  if (i >= MATRICES * count) { return; }
  solve_vector(i / count, ${vector}, step * PANEL);
}
`;
  return { wgsl, workgroups: grid.workgroups, features: [] };
}

/** Solves for the entries from `i` on, those before them being solved for. */
function solveSome(): string {
  const take = (row: number): string => `  e${row} = fma(lower(matrix, i + ${row}u, first + k), x, e${row});`;
  const finish = (row: number): readonly string[] => [
    ...range(row).map((k) => `e${row} = fma(lower(matrix, i + ${row}u, i + ${k}u), -e${k}, e${row});`),
    `e${row} = quotient(e${row}, lower(matrix, i + ${row}u, i + ${row}u));`,
    `set_entry(matrix, vector, i + ${row}u, e${row});`,
  ];
  const finished = range(inRegisters).flatMap(finish);
  return `const REGISTERS = ${inRegisters}u;

fn solve_some(matrix: u32, vector: u32, first: u32, i: u32) {
  ${lines(inRegisters, (row) => `var e${row} = entry(matrix, vector, i + ${row}u);`)}
  for (var k = 0u; first + k < i; k++) {
    let x = -entry(matrix, vector, first + k);
  ${lines(inRegisters, take)}
  }
  ${lines(finished.length, (i) => finished[i] ?? "")}
}
`;
}

/** The functions of a contraction that takes products of blocks from the blocks that are left. */
export function updateText(triangle: Triangle, fence: string): string {
  const { isFactored } = triangle;
  const second = isFactored
    ? "lower(own_matrix, own_column * PANEL + n, own_step * PANEL + k)"
    : "solved(own_matrix, own_step * PANEL + k, own_column * PANEL + n)";
  return `${constants(triangle)}
var<private> own_step: u32;
var<private> own_matrix: u32;
var<private> own_row: u32;
var<private> own_column: u32;
var<private> is_own: bool;

${access(triangle)}

${isFactored ? blocksOfFactor : blocksOfInverse}
fn load_a(batch: u32, m: u32, k: u32) -> f32 {
  return lower(own_matrix, own_row * PANEL + m, own_step * PANEL + k);
}

fn load_b0(batch: u32, k: u32, n: u32) -> f32 {
  return ${second};
}

fn store(batch: u32, m: u32, n: u32, s0: f32) {
  let row = own_row * PANEL + m;
  let column = own_column * PANEL + n;
  if (is_own & (column >= LACKING) & (column <= row)) {
    let value = result(own_matrix, row - LACKING, column - LACKING) - ${fence}(s0);
    set_result(own_matrix, row - LACKING, column - LACKING, value);
  }
}`;
}
