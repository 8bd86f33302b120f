/**
 * Sweeps go panel after panel, in the memory of the frozen values. A panel's columns are frozen one after the other by a kernel that
 * holds a row's values of them; what they take from later ones is a product of matrices: at once from the rest of the run, and from all
 * columns after it when the run is done. So most of the work is a contraction of a run's columns, which reads and writes what it is
 * taken from once a run. (To read all errors so far for each run instead would move as much, as tiles read them more than once, and
 * leave a GPU with the outputs of one run at a time.) All steps have the same kernels, which read numbers from a table.
 */
import { type Group, nameOf, type SweepGroup } from "../fuse/group.ts";
import { columnsOf } from "../graph/bodies.ts";
import { count } from "../graph/type.ts";
import { coordinate, fromVariable } from "../index/affine.ts";
import { type Position, parts } from "../index/position.ts";
import { bug } from "../invariant.ts";
import { pieceRoom } from "../memory/layout.ts";
import { elementAddress, type Storage } from "../memory/storage.ts";
import type { SweepStorages } from "../memory/sweep-storages.ts";
import { type SweepPanels, type SweepStep, sweepPanels, sweepStep } from "../schedule/sweep-panels.ts";
import { contractionBody } from "./contraction-body.ts";
import { range } from "./contraction-text.ts";
import { partOf } from "./grid.ts";
import { type Header, header } from "./header.ts";
import { heldBodies } from "./held-bodies.ts";
import {
  expressions,
  type Lowered,
  type Lowering,
  loadFunction,
  operationsOf,
  storeFunction,
  withBody,
} from "./lower.ts";
import { beginBody, type Losing, losingContraction, panelBody, updateText } from "./sweep-body.ts";

/** What of a kernel a step takes. */
type Share = Partial<Pick<Lowered, "workgroups" | "operations" | "bytesMoved">>;

interface Making {
  readonly group: SweepGroup;
  readonly lowering: Lowering;
  readonly panels: SweepPanels;
  readonly own: SweepStorages;
}

export function lowerSweep(
  group: SweepGroup,
  lowering: Lowering,
  lowerGroup: (group: Group, lowering: Lowering) => readonly Lowered[],
): readonly Lowered[] {
  const panels = sweepPanels(group.node);
  const making: Making = { group, lowering, panels, own: lowering.sweepOf(group) };
  const bodies = group.bodies.map(({ level, groups }) => {
    const columns = columnsOf(group.node.attrs.levels, level);
    const kernels = groups.flatMap((each) =>
      lowerGroup(each, lowering).map((kernel) => ({
        shape: nameOf(each),
        ...kernel,
        bytesMoved: bytesOf(making, columns, kernel),
      })),
    );
    return { columns, kernels };
  });
  const panel = panelKernel(making);
  const update = updates(making);
  const steps = range(panels.steps).flatMap((i) => {
    const step = sweepStep(panels, i);
    const evaluated = bodies.flatMap(({ columns, kernels }) => (step.first % columns === 0 ? kernels : []));
    const made = [...evaluated, panel(step), ...update(step)];
    return made.map((kernel) => ({ ...kernel, bindings: bindingsAt(making, i, step, kernel) }));
  });
  return [beginning(making), ...steps];
}

/** What a kernel of a body moves: of the values those of so many columns. */
const bytesOf = ({ panels, own }: Making, columns: number, { bindings, bytesMoved }: Lowered): number =>
  bytesMoved ??
  bindings.reduce(
    (sum, { storage, bytes }) => sum + (storage === own.values ? (bytes * columns) / panels.columns : bytes),
    0,
  );

/** The kernel's memory, of what lies in pieces the piece of the step. */
const bindingsAt = (
  { panels, own }: Making,
  number: number,
  { first }: SweepStep,
  { bindings }: Lowered,
): Lowered["bindings"] =>
  bindings.map((binding) => {
    const { within } = binding.storage;
    if (within?.layout.kind !== "pieces") return binding;
    const { layout } = within;
    const piece =
      binding.storage === own.entry ? number : Math.floor(first / (panels.columns / count({ dims: layout.number })));
    return { ...binding, storage: within, offset: binding.offset + 4 * piece * pieceRoom(layout) };
  });

const headerOf = ({ lowering: { storages, facts } }: Making): Header =>
  header({ storages, largestBinding: facts.maxStorageBufferBindingSize, isFour: () => false });

/** Functions that a body may call, by name; a kernel has those that it asks for. */
type Function = "operand" | "value" | "set_value" | "error" | "set_error" | "factor" | "entry" | "set_entry";

function functionsOf({ group, lowering, panels, own }: Making, around: Header, names: readonly Function[]) {
  const { inputs, attrs } = group.node;
  const [row, column] = [coordinate("row", panels.rows), coordinate("column", panels.columns)] as const;
  const here: Position = new Map([...parts(fromVariable(row), panels.outer), [attrs.along, fromVariable(column)]]);
  const { evaluate, make } = expressions(group, lowering);
  const [frozen, later] = [coordinate("frozen", panels.columns), coordinate("later", panels.columns)];
  const factor: Position = new Map([
    [attrs.along, fromVariable(frozen)],
    [attrs.across, fromVariable(later)],
  ]);
  const ofRun = coordinate("column", panels.run);
  const error = elementAddress(
    own.errors,
    new Map([
      ["row", fromVariable(row)],
      ["column", fromVariable(ofRun)],
    ]),
  );
  const value = elementAddress(own.values, here);
  const table = own.entry.within ?? bug("an entry of no table");
  const load = (name: string, storage: Storage, address: typeof value, variables: readonly (typeof row)[]): string =>
    loadFunction(name, variables, make.load(storage.id, address, "f32"), around);
  const room = table.layout.kind === "pieces" ? pieceRoom(table.layout) : bug("a table of no entries");
  const write: Readonly<Record<Function, () => string>> = {
    operand: () => loadFunction("operand", [row, column], evaluate(inputs[0], here), around),
    value: () => load("value", own.values, value, [row, column]),
    set_value: () => storeFunction("set_value", [row, column], { storage: own.values, address: value }, around),
    error: () => load("error", own.errors, error, [row, ofRun]),
    set_error: () => storeFunction("set_error", [row, ofRun], { storage: own.errors, address: error }, around),
    factor: () => loadFunction("factor", [frozen, later], evaluate(inputs[1], factor), around),
    entry: () => `fn entry(word: u32) -> u32 { return u32(${around.read(own.entry.id, "word", 1)}); }`,
    set_entry: () =>
      `fn set_entry(step: u32, word: u32, number: u32) { ${around.write(table, `step * ${room}u + word`, ["i32(number)"], 1)} }`,
  };
  return names.map((name) => write[name]());
}

/** The operand in the memory of the frozen values, and the table. */
function beginning(making: Making): Lowered {
  const { group, lowering, panels } = making;
  const around = headerOf(making);
  const functions = functionsOf(making, around, ["operand", "set_value", "set_entry"]);
  const { levels } = group.node.attrs;
  const sizes = levels.map(({ dim }, level) => ({ columns: columnsOf(levels, level), runs: dim.size }));
  const { evaluate } = expressions(group, lowering);
  const everywhere: Position = new Map(
    group.node.type.dims.map(({ name, size }) => [name, fromVariable(coordinate(name, size))]),
  );
  const operations = operationsOf([evaluate(group.node.inputs[0], everywhere)]);
  return withBody(beginBody(panels, sizes), functions, around, operations + panels.rows * panels.columns);
}

/** Freezes the columns of a panel. */
function panelKernel(making: Making): (step: SweepStep) => Lowered {
  const { group, lowering, panels } = making;
  const { facts, family, schedules } = lowering;
  const around = headerOf(making);
  const { functions, held, operations, bytes } = heldBodies(group, lowering, panels, around);
  const access = functionsOf(making, around, ["value", "set_value", "set_error", "factor", "entry"]);
  const levels = group.node.attrs.levels.length;
  const body = panelBody(panels, levels, held, schedules.panels(facts, family), around.use("fence", 1));
  const kernel = withBody(body, [...access, ...functions], around, 0);
  return ({ first, end }) => {
    const width = end - first;
    return {
      ...kernel,
      operations: operations(width) + panels.rows * width * (width + 3),
      bytesMoved: bytes(width) + 4 * width * (3 * panels.rows + width),
    };
  };
}

/** Takes what a panel's errors make of the rest of its run from that, and what a run's make of all behind it. */
function updates(making: Making): (step: SweepStep) => readonly Lowered[] {
  const { lowering, panels } = making;
  const { rows, columns, panel, run } = panels;
  const { facts, family, schedules } = lowering;
  const known = new Map<string, { readonly kernel: Lowered; readonly batches: number }>();
  const made = (losing: Losing, most: number, k: number): { readonly kernel: Lowered; readonly batches: number } => {
    const key = `${losing.to} ${k}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const around = headerOf(making);
    const contraction = losingContraction(rows, most, losing.width, k);
    const body = contractionBody(contraction, schedules.contraction(contraction, facts, family));
    const functions = functionsOf(making, around, ["value", "set_value", "error", "factor", "entry"]);
    const text = updateText(panels, making.group.node.attrs.levels.length, losing, around.use("fence", 1));
    const own = { kernel: withBody(body, [...functions, text], around, 0), batches: contraction.batch };
    known.set(key, own);
    return own;
  };
  const taken = (losing: Losing, most: number, from: number, to: number, k: number): Lowered => {
    const { kernel, batches } = made(losing, most, k);
    const size = to - from;
    const share: Share = {
      workgroups: partOf(kernel.workgroups, [Math.ceil(size / losing.width), batches]),
      operations: 2 * rows * size * k,
      bytesMoved: 4 * (2 * rows * size + (rows + size) * k),
    };
    return { ...kernel, ...share };
  };
  const within: Losing = { to: "panel", width: Math.min(panel, 32) };
  const behind: Losing = { to: "run", width: Math.min(128, columns) };
  return ({ first, end, run: start, runEnd }) => {
    if (end < runEnd) return [taken(within, run - 1, end, runEnd, end - first)];
    return runEnd < columns ? [taken(behind, columns - 1, runEnd, columns, runEnd - start)] : [];
  };
}
