/**
 * Eigenvectors of symmetric matrices, by rotations of two blocks of columns at a time (`schedule/rotations.ts`). In each round one kernel
 * finds the rotations of all pairs, another makes of the matrix and of the vectors what these make of them, where they lie. All rounds have
 * the same kernels, and there are as many whatever the matrix is: where nothing is left to rotate, nothing is done.
 */
import type { RoutineGroup } from "../fuse/group.ts";
import type { NodeOf } from "../graph/ops.ts";
import { coordinate, fromVariable, type Variable } from "../index/affine.ts";
import { type Position, parts } from "../index/position.ts";
import { bug } from "../invariant.ts";
import { elementAddress, type Storage } from "../memory/storage.ts";
import { type Rotations, rotationsOf, side, sweeps } from "../schedule/rotations.ts";
import { applying, finishing, measuring, pairing, rotating } from "./bodies/rotations.ts";
import type { Body } from "./body.ts";
import { range } from "./contraction-text.ts";
import { type Grid, lineGrid } from "./grid.ts";
import { type Header, header } from "./header.ts";
import {
  expressions,
  firstTarget,
  type Lowered,
  type Lowering,
  loadFunction,
  storeFunction,
  withBody,
} from "./lower.ts";
import { bindingsAt, currentStep, setStep } from "./step-table.ts";

interface Making {
  readonly group: RoutineGroup;
  readonly node: NodeOf<"eigenvectors">;
  readonly lowering: Lowering;
  readonly rotations: Rotations;
  readonly team: number;
}

export function lowerEigenvectors(
  group: RoutineGroup,
  node: NodeOf<"eigenvectors">,
  lowering: Lowering,
): readonly Lowered[] {
  const team = lowering.schedules.rotations(lowering.facts, lowering.family);
  const making: Making = { group, node, lowering, rotations: rotationsOf(node), team };
  const table = lowering.scratchOf(group)[0] ?? bug("no table of rounds");
  const kernels = [rotationKernel(making), applyingKernel(making)];
  const round = (step: number): readonly Lowered[] =>
    kernels.map((kernel) => ({ ...kernel, bindings: bindingsAt(step, kernel, table) }));
  const rounds = range(making.rotations.rounds).flatMap(round);
  return [beginning(making), measuringKernel(making), ...range(sweeps).flatMap(() => rounds), finishingKernel(making)];
}

/** What bodies read by its name and write by `set_` and its name, each in the order of `scratchOf`. */
const memories = ["work", "vectors", "rotation", "moves", "bound"] as const;
type Memory = (typeof memories)[number];

/** The functions that a kernel asks for; those of memory that it writes begin with `set_`. */
type Function = Memory | `set_${Memory}` | "operand" | "set_result" | "current_step" | "set_step";

function functionsOf(making: Making, around: Header, names: readonly Function[]): readonly string[] {
  const { group, node, lowering, rotations } = making;
  const [table, ...scratch] = lowering.scratchOf(group);
  if (table === undefined) return bug("no table of rounds");
  const { evaluate, make } = expressions(group, lowering);
  const whole = (["row", "column"] as const).map((name) => coordinate(name, rotations.size)) as [Variable, Variable];
  const matrix = coordinate("matrix", rotations.matrices);
  const at: Position = new Map([
    ...parts(fromVariable(matrix), rotations.outer),
    ...parts(fromVariable(whole[0]), [rotations.rows]),
    ...parts(fromVariable(whole[1]), [rotations.columns]),
  ]);
  const write = (name: Function): string => {
    if (name === "current_step") return currentStep(table, around);
    if (name === "set_step") return setStep(table, around);
    if (name === "operand") return loadFunction(name, [matrix, ...whole], evaluate(node.inputs[0], at), around);
    if (name === "set_result") {
      const storage = lowering.storageOf(firstTarget(group));
      return storeFunction(name, [matrix, ...whole], { storage, address: elementAddress(storage, at) }, around);
    }
    const isWritten = name.startsWith("set_");
    const storage = scratch[memories.findIndex((memory) => name.endsWith(memory))];
    if (storage === undefined) return bug(`no memory for ${name}`);
    const variables = dimsIn(storage).map((dim) => coordinate(dim.name, dim.size));
    const place: Position = new Map(variables.map((variable) => [variable.name, fromVariable(variable)]));
    const address = elementAddress(storage, place);
    return isWritten
      ? storeFunction(name, variables, { storage, address }, around)
      : loadFunction(name, variables, make.load(storage.id, address, "f32"), around);
  };
  return names.map(write);
}

const dimsIn = ({ layout }: Storage) => (layout.kind === "rows" ? layout.order : bug("scratch lies in rows"));

interface Written {
  readonly functions: readonly Function[];
  readonly texts: readonly string[];
  readonly main: string;
  readonly grid: Grid;
  /** Invocations of a workgroup. */
  readonly team: number;
  readonly operations: number;
  readonly bytesMoved?: number;
}

function kernelOf(making: Making, { functions, texts, main, grid, team, operations, bytesMoved }: Written): Lowered {
  const { lowering, rotations } = making;
  const { storages, facts } = lowering;
  const around = header({ storages, largestBinding: facts.maxStorageBufferBindingSize, isFour: () => false });
  const { matrices, size, padded, pairs, rounds } = rotations;
  const numbers = { MATRICES: matrices, SIZE: size, PADDED: padded, PAIRS: pairs, ROUNDS: rounds };
  const constants = Object.entries({ ...numbers, SIDE: side, HALF: side / 2, TEAM: team });
  const wgsl = `${constants.map(([name, value]) => `const ${name} = ${value}u;`).join("\n")}

${texts.join("\n").replace("NAN", around.use("nan", 1))}
@compute @workgroup_size(TEAM)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${grid.wgsl}
${main}
}
`;
  const body: Body = { wgsl, workgroups: grid.workgroups, features: [] };
  const lowered = withBody(body, functionsOf(making, around, functions), around, operations);
  return bytesMoved === undefined ? lowered : { ...lowered, bytesMoved };
}

/** The lower triangle of the operand and what mirrors it, a unit matrix, and the numbers of the rounds. */
function beginning(making: Making): Lowered {
  const { matrices, padded } = making.rotations;
  const team = 64;
  const elements = matrices * padded ** 2;
  return kernelOf(making, {
    functions: ["operand", "set_work", "set_vectors", "set_step"],
    texts: [],
    main: `  let i = position * TEAM + lane;
  if (i < ROUNDS) { set_step(i); }
  if (i >= ${elements}u) { return; }
  let matrix = i / (PADDED * PADDED);
  let row = i / PADDED % PADDED;
  let column = i % PADDED;
  var value = 0.0;
  if (max(row, column) < SIZE) { value = operand(matrix, max(row, column), min(row, column)); }
  set_work(matrix, row, column, value);
  set_vectors(matrix, row, column, f32(row == column));`,
    grid: lineGrid(Math.ceil(elements / team)),
    team,
    operations: elements,
  });
}

function measuringKernel(making: Making): Lowered {
  const { matrices, padded } = making.rotations;
  return kernelOf(making, {
    functions: ["work", "set_bound"],
    texts: [measuring],
    main: "  measure(position, lane);",
    grid: lineGrid(matrices),
    team: making.team,
    operations: matrices * padded ** 2,
  });
}

function rotationKernel(making: Making): Lowered {
  const { matrices, pairs } = making.rotations;
  const each = (side - 1) * (side / 2) * (6 * side + 12 * side);
  return kernelOf(making, {
    functions: ["work", "bound", "set_rotation", "set_moves", "current_step"],
    texts: [pairing, rotating],
    main: "  rotate_pair(position / PAIRS, position % PAIRS, lane);",
    grid: lineGrid(matrices * pairs),
    team: making.team,
    operations: matrices * pairs * each,
    bytesMoved: 8 * matrices * pairs * side ** 2,
  });
}

/** Tiles of the matrix below the diagonal and on it, then those of the vectors. */
function applyingKernel(making: Making): Lowered {
  const { matrices, pairs } = making.rotations;
  const [ofMatrix, ofVectors] = [(pairs * (pairs + 1)) / 2, pairs ** 2];
  return kernelOf(making, {
    functions: ["work", "set_work", "vectors", "set_vectors", "rotation", "moves", "current_step"],
    texts: [pairing, applying],
    main: `  let matrix = position / ${ofMatrix + ofVectors}u;
  let own = position % ${ofMatrix + ofVectors}u;
  if (own >= ${ofMatrix}u) {
    rotate_vectors(matrix, (own - ${ofMatrix}u) / PAIRS, (own - ${ofMatrix}u) % PAIRS, lane);
  } else {
    // Lines of a long row and a short one, so that all are equally long.
    let width = PAIRS | 1u;
    let line = own / width;
    let at = own % width;
    let long = PAIRS - line;
    let is_long = at < long;
    rotate_tile(matrix, select(line - (PAIRS & 1u), long - 1u, is_long), select(at - long, at, is_long), lane);
  }`,
    grid: lineGrid(matrices * (ofMatrix + ofVectors)),
    team: making.team,
    operations: matrices * 2 * side ** 3 * (2 * ofMatrix + ofVectors),
    bytesMoved: matrices * 8 * side ** 2 * (2 * ofMatrix + ofVectors),
  });
}

function finishingKernel(making: Making): Lowered {
  const { matrices, size } = making.rotations;
  const team = 8;
  return kernelOf(making, {
    functions: ["work", "vectors", "bound", "set_result"],
    texts: [finishing],
    main: `  let i = position * TEAM + lane;
  if (i < MATRICES * SIZE) { finish(i / SIZE, i % SIZE); }`,
    grid: lineGrid(Math.ceil((matrices * size) / team)),
    team,
    operations: 4 * matrices * size ** 2,
  });
}
