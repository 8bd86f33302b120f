/** The bodies of a sweep that the kernel of a panel evaluates, for its row, from the values that it holds. */
import type { SweepGroup } from "../fuse/group.ts";
import { neededOutputs } from "../fuse/sweep-bodies.ts";
import { bodyNames, columnsOf } from "../graph/bodies.ts";
import type { Node, NodeOf } from "../graph/ops.ts";
import { count, type Dim } from "../graph/type.ts";
import { coordinate, freshVariable, fromVariable, type Variable, variableKey } from "../index/affine.ts";
import { flatAt, indexAt, type Position, parts } from "../index/position.ts";
import { bug } from "../invariant.ts";
import { elementAddress } from "../memory/storage.ts";
import type { ValueType } from "../plan/dtype.ts";
import { withRanks } from "../rewrite/ranks.ts";
import type { SweepPanels } from "../schedule/sweep-panels.ts";
import { range } from "./contraction-text.ts";
import { type Evaluate, evaluator, valueType } from "./evaluate.ts";
import type { Header } from "./header.ts";
import { expressions, type Lowering, operationsOf } from "./lower.ts";
import { untight } from "./parentheses.ts";
import { writeSequentially } from "./reduce.ts";
import type { Scalar, Scalars } from "./scalar.ts";
import type { HeldLevel } from "./sweep-body.ts";
import { expressionsOf } from "./uses.ts";
import { typeName } from "./wgsl.ts";
import { type Environment, variableName, type Writer, writer } from "./writer.ts";

export interface HeldBodies {
  /** Private memory, `level_N(row, column)` for each level above the last, and `freeze(row, column, own_value) -> f32`. */
  readonly functions: readonly string[];
  readonly held: readonly HeldLevel[];
  /** For so many columns. */
  readonly operations: (columns: number) => number;
  readonly bytes: (columns: number) => number;
}

/** An array in private memory, of what the kernel holds for its row. */
interface Held {
  readonly name: string;
  /** In the place of a storage's: no storage has it. */
  readonly id: number;
  readonly dtype: ValueType;
  readonly dims: readonly Dim[];
}

interface Work {
  readonly group: SweepGroup;
  readonly lowering: Lowering;
  readonly around: Header;
  readonly make: Scalars;
  readonly outside: Evaluate;
  readonly row: Variable;
  readonly column: Variable;
  /** The positions of rows and of levels. */
  readonly rows: Position;
  readonly positions: Position;
  /** By what bodies read. */
  readonly held: Map<string, Held>;
}

/** What a body gives: along `inner` beside the dimensions of rows. */
interface Bound {
  readonly name: string;
  readonly node: Node;
  readonly value: Scalar;
  readonly inner: readonly Dim[];
  readonly along: Variable;
  readonly at: Position;
}

export function heldBodies(group: SweepGroup, lowering: Lowering, panels: SweepPanels, around: Header): HeldBodies {
  const { levels } = group.node.attrs;
  const { make, evaluate } = expressions(group, lowering);
  const [row, column] = [coordinate("row", panels.rows), coordinate("column", panels.columns)];
  const dims = levels.map(({ dim }) => dim);
  const work: Work = {
    ...{ group, lowering, around, make, outside: evaluate, row, column, held: new Map() },
    rows: new Map(parts(fromVariable(row), panels.outer)),
    positions: new Map(parts(fromVariable(column), dims)),
  };
  const own = range(levels.length - panels.inside).map((i) => {
    const level = panels.inside + i;
    return { level, columns: columnsOf(levels, level), bound: boundBy(level, work) };
  });
  const above = own.filter(({ level }) => level < levels.length - 1);
  const functions = [
    ...above.map(({ level, bound }) => levelText(level, bound, work)),
    freezeText(own.at(-1)?.bound, work),
  ];
  const memory = [...work.held.values()].map(
    (each) => `var<private> ${each.name}: array<${typeName(each.dtype, 1)}, ${count(each)}>;`,
  );
  const once = new Set([variableKey(row), variableKey(column)]);
  const rootsOf = (bound: readonly Bound[]): readonly Scalar[] => bound.map(({ value }) => value);
  const operations = own.reduce((sum, each) => sum + operationsOf(rootsOf(each.bound), once) / each.columns, 0);
  return {
    functions: ["var<private> own_is_row: bool;", ...memory, ...functions],
    held: above,
    operations: (width) => Math.round(panels.rows * width * operations),
    bytes: (width) =>
      bytesOfLoads(
        own.flatMap(({ bound }) => rootsOf(bound)),
        work,
        width,
      ),
  };
}

/** Four for each load from memory, if it is done once for each row and column that it depends on. */
function bytesOfLoads(roots: readonly Scalar[], { lowering, row, column }: Work, width: number): number {
  const times = ({ free }: Scalar): number =>
    (free.has(variableKey(row)) ? row.size : 1) * (free.has(variableKey(column)) ? width : 1);
  return expressionsOf(roots).reduce(
    (sum, x) => sum + (x.kind === "load" && x.storage < lowering.storages.length ? 4 * times(x) : 0),
    0,
  );
}

/** What the level's body gives, as far as it is read. Of a level above the last, it is held for those below. */
function boundBy(level: number, work: Work): readonly Bound[] {
  const { group, make, rows } = work;
  const { levels } = group.node.attrs;
  const { dim, body } = levels[level] ?? bug(`no level ${level}`);
  const isLast = level === levels.length - 1;
  const evaluate = evaluator(make, (node, at) =>
    node.op === "input" ? inputOf(node, at, { level, isLast }, work) : undefined,
  );
  const needed = neededOutputs(group.node, level, new Set(partsOf(level, work).map(({ attrs }) => attrs.output)));
  const made = withRanks(body).outputs.filter(({ name }) => needed.some((output) => output.name === name));
  const bound = made.map(({ name, node }): Bound => {
    const inner = node.type.dims.filter((each) => !rows.has(each.name));
    const along = freshVariable(inner.map((each) => each.name).join("_"), count({ dims: inner }));
    const at: Position = new Map([...rows, ...parts(fromVariable(along), inner)]);
    return { name, node, inner, along, at, value: evaluate(node, at) };
  });
  if (!isLast)
    for (const { name, node, inner } of bound)
      hold(bodyNames.above(dim.name, name), `own_${level}_${work.held.size}`, valueType(node), inner, work);
  return bound;
}

function hold(read: string, name: string, dtype: ValueType, dims: readonly Dim[], { held, lowering }: Work): Held {
  const made = { name, id: lowering.storages.length + held.size, dtype, dims };
  held.set(read, made);
  return made;
}

const partsOf = (level: number, { group }: Work): readonly NodeOf<"part">[] =>
  group.targets.flatMap(({ node }) => (node.op === "part" && node.attrs.level === level ? [node] : []));

/** The value of an input of a body. */
function inputOf(
  { attrs: { name }, type }: NodeOf<"input">,
  at: Position,
  { level, isLast }: { readonly level: number; readonly isLast: boolean },
  work: Work,
): Scalar {
  const { group, lowering, make, outside, positions, held } = work;
  const { inputs, attrs } = group.node;
  const { levels } = attrs;
  if (name === bodyNames.run && isLast) return make.named("own_value", "f32");
  if (name === bodyNames.run) {
    const read = `run ${level}`;
    const below = levels.slice(level + 1).map(({ dim }) => dim);
    return loadHeld(held.get(read) ?? hold(read, `own_run_${level}`, "f32", below, work), at, make);
  }
  const position = levels.find(({ dim }) => name === bodyNames.position(dim.name));
  if (position !== undefined) return make.index(indexAt(positions, position.dim));
  const own = held.get(name);
  if (own !== undefined) return loadHeld(own, at, make);
  const number = inputs.slice(2).findIndex((_, i) => name === bodyNames.given(i));
  const whole = inputs[number + 2];
  if (number >= 0 && whole !== undefined) return outside(whole, at);
  const storage = lowering.sweepOf(group).given.get(name) ?? bug(`${name} of a body has no memory`);
  return make.load(storage.id, elementAddress(storage, at), valueType({ type }));
}

const loadHeld = ({ id, dims, dtype }: Held, at: Position, make: Scalars): Scalar =>
  make.load(id, flatAt(dims, at), dtype);

/** The kernel's memory, and that of the row. */
const memoryOf = ({ around, held }: Work): Environment => {
  const names = new Map([...held.values()].map(({ id, name }) => [id, name]));
  return {
    use: around.use,
    readsFour: () => false,
    read: (id, address, width) => (names.has(id) ? `${names.get(id)}[${address}]` : around.read(id, address, width)),
  };
};

/** A writer of a function of the row and the column. */
function begin(bound: readonly Bound[], work: Work): Writer {
  const names = new Map([work.row, work.column].map((variable) => [variable, variable.name]));
  const roots = bound.map(({ value }) => value);
  return writer(roots, names, { around: memoryOf(work), writeReduces: writeSequentially });
}

function levelText(level: number, bound: readonly Bound[], work: Work): string {
  // Runs are copied whether they are read or not.
  const below = work.group.node.attrs.levels.slice(level + 1).map(({ dim }) => dim);
  if (!work.held.has(`run ${level}`)) hold(`run ${level}`, `own_run_${level}`, "f32", below, work);
  const out = begin(bound, work);
  for (const each of bound) writeBound(out, level, each, work);
  return `fn level_${level}(row: u32, column: u32) {\n${out.text()}\n}`;
}

/** The last level; where kernels of its own evaluate that, what they have left. */
function freezeText(bound: readonly Bound[] | undefined, work: Work): string {
  const { group, lowering, make, rows } = work;
  const { levels } = group.node.attrs;
  const level = levels.length - 1;
  const frozen = bound?.find(({ name }) => name === bodyNames.frozen);
  const left = (): Scalar => {
    const name = bodyNames.above(levels[level]?.dim.name ?? "", bodyNames.frozen);
    const storage = lowering.sweepOf(group).given.get(name) ?? bug("no column is frozen");
    return make.load(storage.id, elementAddress(storage, rows), "f32");
  };
  const value = frozen?.value ?? left();
  const out = begin(bound ?? [], work);
  for (const each of bound ?? []) writeBound(out, level, each, work);
  const text = out.value(value);
  out.line(`return ${untight(text)};`);
  return `fn freeze(row: u32, column: u32, own_value: f32) -> f32 {\n${out.text()}\n}`;
}

/** Keeps what is bound, for bodies below and as a part. */
function writeBound(out: Writer, level: number, { name, value, inner, along, at, node }: Bound, work: Work): void {
  const { group, lowering, around, held, positions, rows } = work;
  const { levels } = group.node.attrs;
  const own = held.get(bodyNames.above(levels[level]?.dim.name ?? "", name));
  const parts = group.targets.filter(
    (target) => target.node.op === "part" && target.node.attrs.level === level && target.node.attrs.output === name,
  );
  if (own === undefined && parts.length === 0) return;
  const counter = out.fresh(variableName(along));
  if (inner.length > 0)
    out.open(`for (var ${counter} = 0u; ${counter} < ${along.size}u; ${counter}++)`, new Map([[along, counter]]));
  const text = out.value(value);
  if (own !== undefined) out.line(`${own.name}[${out.index(flatAt(inner, at))}] = ${untight(text)};`);
  const above = levels.slice(0, level + 1).map(({ dim }) => [dim.name, indexAt(positions, dim)] as const);
  for (const target of parts) {
    const storage = lowering.storageOf(target);
    const address = elementAddress(storage, new Map([...at, ...above]));
    // A row writes for all of those along what the body lacks.
    const lacking = group.node.type.dims.filter(
      (dim) => rows.has(dim.name) && !node.type.dims.some((each) => each.name === dim.name),
    );
    const isFirst = count({ dims: lacking }) === 1 ? "" : ` && ${out.index(flatAt(lacking, rows))} == 0u`;
    out.line(`if (own_is_row${isFirst}) { ${around.write(storage, out.index(address), [text], 1)} }`);
  }
  if (inner.length > 0) out.close();
}
