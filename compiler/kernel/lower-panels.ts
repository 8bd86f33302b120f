/**
 * Routines on matrices: Cholesky's factor and the inverse of a triangle, panel after panel in the memory of the result. In each step the
 * diagonal block is factored (or given), vectors are solved for with it, and their products are taken from what is left: that is nearly all
 * of the work, and a contraction of blocks. A step's kernels read its number from a table, so that all steps have the same kernels.
 */
import type { RoutineGroup } from "../fuse/group.ts";
import type { OfTriangle } from "../graph/routine.ts";
import { coordinate, fromVariable } from "../index/affine.ts";
import { type Position, parts } from "../index/position.ts";
import { elementAddress, type Storage } from "../memory/storage.ts";
import type { Contraction } from "../schedule/contraction.ts";
import { type Panels, panel, panelsOf } from "../schedule/schedule-panels.ts";
import type { Body } from "./body.ts";
import { contractionBody } from "./contraction-body.ts";
import { range } from "./contraction-text.ts";
import { partOf } from "./grid.ts";
import { type Header, header } from "./header.ts";
import {
  expressions,
  firstTarget,
  type Lowered,
  type Lowering,
  loadFunction,
  operationsOf,
  storeFunction,
  withBody,
} from "./lower.ts";
import { beginBody, factorBody, solveBody, type Triangle, updateText } from "./panels-body.ts";
import { bindingsAt, currentStep, setStep } from "./step-table.ts";

/** A kernel of every step, and what of it a step takes. */
interface StepKernel {
  readonly kernel: Lowered;
  readonly at: (step: number) => Pick<Lowered, "workgroups" | "operations" | "bytesMoved"> | undefined;
}

interface Making {
  readonly group: RoutineGroup;
  readonly node: OfTriangle;
  readonly lowering: Lowering;
  readonly panels: Panels;
  readonly triangle: Triangle;
  readonly result: Storage;
  readonly table: Storage;
}

export function lowerPanels(group: RoutineGroup, node: OfTriangle, lowering: Lowering): readonly Lowered[] {
  const panels = panelsOf(node);
  const [table] = lowering.scratchOf(group) as [Storage];
  const triangle: Triangle = { ...panels, panel, isFactored: node.op === "cholesky" };
  const result = lowering.storageOf(firstTarget(group));
  const making: Making = { group, node, lowering, panels, triangle, result, table };
  const kernels = [...(triangle.isFactored ? [factoring(making)] : []), solving(making), updating(making)];
  const steps = range(panels.steps).flatMap((step) =>
    kernels.flatMap((each) => {
      const own = each.at(step);
      return own === undefined ? [] : [{ ...each.kernel, ...own, bindings: bindingsAt(step, each.kernel, table) }];
    }),
  );
  return [beginning(making), ...steps];
}

/** Functions that a body may call, by name; a kernel has those that it asks for. */
type Function = "operand" | "result" | "set_result" | "current_step" | "set_step";

function functionsOf(making: Making, around: Header, names: readonly Function[]): readonly string[] {
  const { group, node, lowering, panels, result, table } = making;
  const { outer, matrices, rows, columns, size } = panels;
  const [matrix, row, column] = [
    coordinate("matrix", matrices),
    coordinate("row", size),
    coordinate("column", size),
  ] as const;
  const at: Position = new Map([
    ...parts(fromVariable(matrix), outer),
    ...parts(fromVariable(row), [rows]),
    ...parts(fromVariable(column), [columns]),
  ]);
  const { evaluate, make } = expressions(group, lowering);
  const address = elementAddress(result, at);
  const write: Readonly<Record<Function, () => string>> = {
    operand: () => loadFunction("operand", [matrix, row, column], evaluate(node.inputs[0], at), around),
    result: () => loadFunction("result", [matrix, row, column], make.load(result.id, address, "f32"), around),
    set_result: () => storeFunction("set_result", [matrix, row, column], { storage: result, address }, around),
    current_step: () => currentStep(table, around),
    set_step: () => setStep(table, around),
  };
  return names.map((name) => write[name]());
}

const headerOf = ({ lowering: { storages, facts } }: Making): Header =>
  header({ storages, largestBinding: facts.maxStorageBufferBindingSize, isFour: () => false });

/** The lower triangle of the operand, or a unit matrix, and the table. */
function beginning(making: Making): Lowered {
  const { group, node, lowering, panels, triangle } = making;
  const around = headerOf(making);
  const functions = functionsOf(making, around, [
    "set_result",
    "set_step",
    ...(triangle.isFactored ? (["operand"] as const) : []),
  ]);
  const { evaluate } = expressions(group, lowering);
  const everywhere: Position = new Map(
    node.type.dims.map(({ name, size }) => [name, fromVariable(coordinate(name, size))]),
  );
  const operations = triangle.isFactored ? operationsOf([evaluate(node.inputs[0], everywhere)]) : 0;
  return withBody(beginBody(triangle), functions, around, operations + panels.matrices * panels.size ** 2);
}

function factoring(making: Making): StepKernel {
  const { lowering, triangle } = making;
  const { facts, family, schedules } = lowering;
  const around = headerOf(making);
  const functions = functionsOf(making, around, ["result", "set_result", "current_step"]);
  const body = factorBody(triangle, schedules.panels(facts, family));
  const operations = (triangle.matrices * panel ** 3) / 3;
  const bytesMoved = 4 * triangle.matrices * panel ** 2;
  const kernel = withBody(body, functions, around, operations);
  return { kernel, at: () => ({ workgroups: body.workgroups, operations, bytesMoved }) };
}

/** What the bodies call that read the triangle, wherever it is. */
const triangleFunctions = ({ triangle }: Making): readonly Function[] => [
  ...(triangle.isFactored ? [] : (["operand"] as const)),
  ...(["result", "set_result", "current_step"] as const),
];

/** Rows below the block, or columns of the inverse up to it. */
const vectorsAt = (step: number, { isFactored, size, lacking }: Triangle): number =>
  isFactored ? size + lacking - (step + 1) * panel : (step + 1) * panel - lacking;

function solving(making: Making): StepKernel {
  const { lowering, triangle } = making;
  const { matrices } = triangle;
  const schedule = lowering.schedules.panels(lowering.facts, lowering.family);
  const around = headerOf(making);
  const functions = functionsOf(making, around, triangleFunctions(making));
  const bodyOf = (vectors: number): Body => solveBody(triangle, schedule, vectors);
  const kernel = withBody(bodyOf(1), functions, around, 0);
  const at: StepKernel["at"] = (step) => {
    const vectors = matrices * vectorsAt(step, triangle);
    if (vectors === 0) return undefined;
    const { workgroups } = bodyOf(vectors);
    return { workgroups, operations: vectors * panel ** 2, bytesMoved: 8 * vectors * panel };
  };
  return { kernel, at };
}

/** Blocks of each matrix that a step leaves work to. */
function blocksAt(step: number, { isFactored, steps }: Triangle): number {
  const left = steps - 1 - step;
  return isFactored ? (left * (left + 1)) / 2 : left * (step + 1);
}

function updating(making: Making): StepKernel {
  const { lowering, triangle } = making;
  const { facts, family, schedules } = lowering;
  const { matrices, steps } = triangle;
  const around = headerOf(making);
  const blocks = Math.max(1, ...range(steps).map((step) => blocksAt(step, triangle)));
  const batch = matrices * blocks;
  const contraction: Contraction = {
    ...{ batch, m: panel, n: panel, k: panel, accumulators: 1, half: false, begins: true },
  };
  const body = contractionBody(contraction, schedules.contraction(contraction, facts, family));
  const text = updateText(triangle, around.use("fence", 1));
  const kernel = withBody(body, [...functionsOf(making, around, triangleFunctions(making)), text], around, 0);
  const at: StepKernel["at"] = (step) => {
    const own = matrices * blocksAt(step, triangle);
    if (own === 0) return undefined;
    const rows = matrices * (steps - 1 - step);
    return {
      workgroups: partOf(body.workgroups, [own, batch]),
      operations: 2 * own * panel ** 3,
      bytesMoved: 4 * panel ** 2 * (2 * own + rows),
    };
  };
  return { kernel, at };
}
