/**
 * Kernels whose invocations share a row: phases of reductions along it, then the stores. A workgroup takes one row; on software
 * adapters it is one subgroup.
 */
import type { RowGroup } from "../fuse/group.ts";
import { rowSchedule } from "../schedule/row.ts";
import { elementAddress, type Storage } from "../schedule/storage.ts";
import { lineGrid } from "./contraction-grid.ts";
import { type Evaluate, partials, parts } from "./evaluate.ts";
import { header, type Header } from "./header.ts";
import { fromVariable, type Index, type Variable } from "./index.ts";
import { expressions, type Lowered, type Lowering, operationsOf } from "./lower.ts";
import { innerOf, lowerMap } from "./lower-map.ts";
import { combined, resultNames, startOf, writeSequentially } from "./reduce.ts";
import type { ReduceScalar, Scalar } from "./scalar.ts";
import { expressionsOf, variableName, type WriteReduces, writer, type Writer } from "./writer.ts";

interface RowStore {
  readonly storage: Storage;
  readonly address: Index;
  readonly value: Scalar;
  readonly inner?: Variable;
}

/** How invocations exchange. */
interface Sharing {
  readonly kind: "subgroup" | "workgroup";
  readonly lanes: number;
  /** Declarations of workgroup memory. */
  readonly memory: string[];
}

export function lowerRow(group: RowGroup, lowering: Lowering): Lowered {
  const { facts, family, storages } = lowering;
  const size = group.outer.reduce((n, dim) => n * dim.size, 1);
  const row: Variable = { name: "row", size, turn: 0 };
  const stores = storesOf(group, lowering, row, expressions(group, lowering).evaluate);
  const roots = stores.map(({ value }) => value);
  const shared = sharedReduces(roots, row);
  const schedule = rowSchedule({
    terms: Math.max(0, ...shared.map(({ over }) => over.size)),
    stored: Math.max(...stores.map(({ inner }) => inner?.size ?? 1)),
    rows: size,
    isInterleaved: shared.some(({ isInterleaved }) => isInterleaved),
    family,
    facts,
  });
  if (schedule.kind === "invocation") return lowerMap(group, lowering);
  const sharing: Sharing = { ...schedule, memory: [] };
  const around = header({ storages, largestBinding: facts.maxStorageBufferBindingSize, four: new Set() });
  const grid = lineGrid(size);
  const out = writer(roots, new Map([[row, "position"]]), { around, writeReduces: sharedOr(sharing, new Set(shared)) });
  for (const line of grid.wgsl.split("\n")) out.line(line.trim());
  for (const store of stores) writeStore(out, store, schedule.lanes, around);
  const features = schedule.kind === "subgroup" ? (["subgroups"] as const) : [];
  const main = `@compute @workgroup_size(${schedule.lanes})\nfn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {\n${out.text()}\n}\n`;
  const wgsl = [around.print(features), ...sharing.memory, "", main].join("\n");
  return { wgsl, bindings: around.bindings(), workgroups: grid.workgroups, features, operations: operationsOf(roots) };
}

function storesOf(group: RowGroup, { storageOf }: Lowering, row: Variable, evaluate: Evaluate): readonly RowStore[] {
  const at = parts(fromVariable(row), group.outer);
  return group.targets.map((target) => {
    const storage = storageOf(target);
    const inner = innerOf(target, storage, group.outer);
    const position = new Map([...at, ...(inner === undefined ? [] : parts(fromVariable(inner.variable), inner.dims))]);
    const store = { storage, address: elementAddress(storage, position), value: evaluate(target.node, position) };
    return inner === undefined ? store : { ...store, inner: inner.variable };
  });
}

/** The reductions that depend on the row alone and that invocations can take parts of. */
function sharedReduces(roots: readonly Scalar[], row: Variable): readonly ReduceScalar[] {
  const isOfRow = (x: Scalar): boolean => [...x.free].every((key) => key === `${row.name}.${row.size}.${row.turn}`);
  return expressionsOf(roots).filter((x): x is ReduceScalar => x.kind === "reduce" && isOfRow(x) && (x.isInterleaved || x.by !== "sum"));
}

const sharedOr =
  (sharing: Sharing, shared: ReadonlySet<Scalar>): WriteReduces =>
  (reduces, out) =>
    reduces.every((x) => shared.has(x)) ? writeShared(reduces, out, sharing) : writeSequentially(reduces, out);

/** Every invocation has `64 / lanes` parts of each reduction, as many as keep it busy; then parts are combined by halves. */
function writeShared(reduces: readonly ReduceScalar[], out: Writer, sharing: Sharing): readonly string[] {
  const [{ over } = { over: { name: "", size: 0, turn: 0 } }] = reduces;
  const results = reduces.map((x) => out.fresh(resultNames[x.by]));
  const count = partials / sharing.lanes;
  const part = (i: number, j: number): string => `${results[i]}${j}`;
  for (const [i, x] of reduces.entries()) for (let j = 0; j < count; j++) writeStart(out, x, part(i, j));
  const whole = over.size - (over.size % partials);
  const terms = (base: string, limit: number): void => {
    for (let j = 0; j < count; j++) {
      if (limit <= j * sharing.lanes) return;
      const name = out.fresh(variableName(over));
      const isGuarded = limit < (j + 1) * sharing.lanes;
      out.open(isGuarded ? `if (lane < ${limit - j * sharing.lanes}u)` : "", new Map([[over, name]]));
      out.line(`let ${name} = ${base} + ${j * sharing.lanes}u + lane;`);
      for (const [i, x] of reduces.entries()) writePart(out, x, part(i, j), name);
      out.close();
    }
  };
  if (whole > 0) {
    const base = out.fresh("start");
    out.open(`for (var ${base} = 0u; ${base} < ${whole}u; ${base} += ${partials}u)`, new Map());
    terms(base, partials);
    out.close();
  }
  if (whole < over.size) terms(`${whole}u`, over.size - whole);
  return reduces.map((x, i) => {
    for (let half = count / 2; half >= 1; half /= 2) for (let j = 0; j < half; j++) writeCombine(out, x, part(i, j), part(i, j + half));
    return sharing.kind === "subgroup" ? exchangeInSubgroup(out, x, part(i, 0), sharing.lanes) : exchangeInWorkgroup(out, x, part(i, 0), sharing);
  });
}

function writeStart(out: Writer, x: ReduceScalar, name: string): void {
  out.line(`var ${name} = ${startOf(x, 1, out)};`);
  if (x.by === "argmax") out.line(`var ${name}_at = 0i;`);
}

function writePart(out: Writer, x: ReduceScalar, into: string, counter: string): void {
  const term = out.value(x.body);
  if (x.by === "argmax") out.line(`if (${term} > ${into}) { ${into} = ${term}; ${into}_at = i32(${counter}); }`);
  else out.line(`${into} = ${combined(x.by, into, term)};`);
}

/** Of equals the first stays. */
function writeCombine(out: Writer, x: ReduceScalar, into: string, other: string): void {
  if (x.by !== "argmax") {
    out.line(`${into} = ${combined(x.by, into, other)};`);
    return;
  }
  out.line(`if (${other} > ${into} || (${other} == ${into} && ${other}_at < ${into}_at)) { ${into} = ${other}; ${into}_at = ${other}_at; }`);
}

function exchangeInSubgroup(out: Writer, x: ReduceScalar, name: string, lanes: number): string {
  for (let half = lanes / 2; half >= 1; half /= 2) {
    const other = out.fresh("other");
    out.line(`let ${other} = subgroupShuffleXor(${name}, ${half}u);`);
    if (x.by === "argmax") out.line(`let ${other}_at = subgroupShuffleXor(${name}_at, ${half}u);`);
    writeCombine(out, x, name, other);
  }
  return x.by === "argmax" ? `${name}_at` : name;
}

function exchangeInWorkgroup(out: Writer, x: ReduceScalar, name: string, { lanes, memory }: Sharing): string {
  const isPlace = x.by === "argmax";
  const shared = `shared_${name}`;
  memory.push(`var<workgroup> ${shared}: array<${x.body.dtype}, ${lanes}>;`);
  if (isPlace) memory.push(`var<workgroup> ${shared}_at: array<i32, ${lanes}>;`);
  const keep = isPlace ? `${shared}[lane] = ${name}; ${shared}_at[lane] = ${name}_at;` : `${shared}[lane] = ${name};`;
  for (let half = lanes / 2; half >= 1; half /= 2) {
    out.line(keep);
    out.line("workgroupBarrier();");
    out.open(`if (lane < ${half}u)`, new Map());
    out.line(`let other = ${shared}[lane + ${half}u];`);
    if (isPlace) out.line(`let other_at = ${shared}_at[lane + ${half}u];`);
    writeCombine(out, x, name, "other");
    out.close();
    if (half > 1) out.line("workgroupBarrier();");
  }
  out.line(`if (lane == 0u) { ${keep} }`);
  out.line("workgroupBarrier();");
  const result = out.fresh("whole");
  out.line(`let ${result} = ${shared}${isPlace ? "_at" : ""}[0];`);
  return result;
}

function writeStore(out: Writer, { storage, address, value, inner }: RowStore, lanes: number, around: Header): void {
  if (inner === undefined) {
    const text = out.value(value);
    out.line(`if (lane == 0u) { ${around.write(storage, out.index(address), text, 1)} }`);
    return;
  }
  const name = out.fresh(variableName(inner));
  out.open(`for (var ${name} = lane; ${name} < ${inner.size}u; ${name} += ${lanes}u)`, new Map([[inner, name]]));
  const text = out.value(value);
  out.line(around.write(storage, out.index(address), text, 1));
  out.close();
}

