/** Contractions: the header's functions bring the factors in and the sums out; the body is written by hand per schedule. */
import type { ContractionGroup, Roles, Sum } from "../fuse/group.ts";
import { type Extents, extentsOf } from "../fuse/roles.ts";
import type { Node } from "../graph/ops.ts";
import { sameDims } from "../graph/result-type.ts";
import { count } from "../graph/type.ts";
import { isView } from "../graph/view.ts";
import { coordinate, fromVariable, type Variable } from "../index/affine.ts";
import { forward, type Position, parts } from "../index/position.ts";
import { invariant } from "../invariant.ts";
import { dimsByRole } from "../memory/assign-storages.ts";
import { addressOf, type Panels } from "../memory/layout.ts";
import { elementAddress, type Storage } from "../memory/storage.ts";
import type { Contraction } from "../schedule/contraction.ts";
import { contractionBody } from "./contraction-body.ts";
import { valueType } from "./evaluate.ts";
import { type Header, header } from "./header.ts";
import { expressions, type Lowered, type Lowering, loadFunction, operationsOf, withBody } from "./lower.ts";
import { writeSequentially } from "./reduce.ts";
import { writer } from "./writer.ts";

/** A variable for each role. */
type Coordinates = Readonly<Record<keyof Roles, Variable>>;

const roleNames = ["batch", "m", "n", "k"] as const;

const coordinates = (extents: Extents): Coordinates => {
  const variable = (name: keyof Roles): Variable => coordinate(name, extents[name]);
  return { batch: variable("batch"), m: variable("m"), n: variable("n"), k: variable("k") };
};

/** The position along these dimensions. */
const positionOf = (at: Coordinates, dims: Partial<Roles>): Position =>
  new Map(roleNames.flatMap((role) => parts(fromVariable(at[role]), dims[role] ?? [])));

export function lowerContraction(group: ContractionGroup, lowering: Lowering): Lowered {
  const { facts, family, schedules, storages } = lowering;
  const { batch, m, n, k } = group.roles;
  const extents = extentsOf(group.roles);
  const at = coordinates(extents);
  const around = header({ storages, largestBinding: facts.maxStorageBufferBindingSize, isFour: () => false });
  const { evaluate, make } = expressions(group, lowering);
  const a = evaluate(group.a, positionOf(at, { batch, m, k }));
  const panels = group.sums.flatMap((sum) => panelsOf(sum, group.roles, lowering) ?? []);
  const width = panels.length === group.sums.length ? panels[0]?.layout.width : undefined;
  const padded = width === undefined ? at : { ...at, n: { ...at.n, size: Math.ceil(extents.n / width) * width } };
  const b =
    width === undefined
      ? group.sums.map((sum) => evaluate(sum.b, positionOf(at, { batch, n, k })))
      : panels.map(({ storage, layout }) =>
          make.load(storage.id, addressOf(layout, positionOf(padded, layout)), valueType(storage.node)),
        );
  const store = storeText(group, at, lowering, around);
  const contraction: Contraction = {
    ...extents,
    accumulators: group.sums.length,
    ...(width === undefined ? {} : { panels: { width } }),
    half: group.a.type.dtype === "f16" && group.sums.every(({ b }) => b.type.dtype === "f16"),
  };
  const functions = [
    loadFunction("load_a", [at.batch, at.m, at.k], a, around),
    ...b.map((value, i) => loadFunction(`load_b${i}`, [padded.batch, padded.k, padded.n], value, around)),
    store.text,
  ];
  const body = contractionBody(contraction, schedules.contraction(contraction, facts, family));
  const products = 2 * extents.batch * extents.m * extents.n * extents.k * group.sums.length;
  return withBody(body, functions, around, products + operationsOf([a, ...b]) + store.operations);
}

/** The memory of the second factor, through views, if it lies in panels, and in those of this contraction: another may have chosen them. */
function panelsOf(
  { b, packed }: Sum,
  { batch, n, k }: Roles,
  { find, storageOf }: Lowering,
): { readonly storage: Storage; readonly layout: Panels } | undefined {
  let node = b;
  while (isView(node) && find(node) === undefined) node = node.inputs[0];
  const storage = packed === undefined ? find(node) : storageOf(packed);
  if (storage?.layout.kind !== "panels") return undefined;
  const { layout } = storage;
  const own = dimsByRole(b, storage.node, { batch, side: n, k });
  const isOwn = own && sameDims(own.batch, layout.batch) && sameDims(own.side, layout.n) && sameDims(own.k, layout.k);
  return isOwn ? { storage, layout } : undefined;
}

/** Where the values of the nodes between the sums and the targets stand, for the sums' (batch, m, n). */
function positions({ sums, targets }: ContractionGroup, at: Position): ReadonlyMap<Node, Position> {
  const known = new Map<Node, Position>(sums.map(({ node }) => [node, at]));
  const pending = [...targets.map(({ node }) => node)];
  for (let node = pending.at(-1); node !== undefined; node = pending.at(-1)) {
    if (known.has(node)) {
      pending.pop();
      continue;
    }
    const inputs: readonly Node[] = node.inputs;
    const source = inputs.find(
      (x) => known.has(x) && x.type.dims.length > 0 && count(x.type) === count(node?.type ?? x.type),
    );
    const through = source === undefined ? undefined : known.get(source);
    if (through !== undefined) known.set(node, isView(node) ? forward(node, through) : through);
    else pending.push(...inputs.filter((x) => !known.has(x) && reaches(x, sums)));
  }
  return known;
}

/** Whether the node is computed from one of the sums. */
function reaches(node: Node, sums: readonly Sum[]): boolean {
  const least = Math.min(...sums.map(({ node }) => node.id));
  const seen = new Set<Node>();
  const pending = [node];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (sums.some((sum) => sum.node === next)) return true;
    for (const x of next.inputs) if (x.id >= least && !seen.has(x)) pending.push(x);
    seen.add(next);
  }
  return false;
}

function storeText(
  group: ContractionGroup,
  at: Coordinates,
  lowering: Lowering,
  around: Header,
): { readonly text: string; readonly operations: number } {
  const { sums, targets } = group;
  const { batch, m, n } = group.roles;
  const here = positionOf(at, { batch, m, n });
  const place = positions(group, here);
  const { make, evaluate } = expressions(group, lowering, (node, own) => {
    const i = sums.findIndex((sum) => sum.node === node);
    if (i < 0) return undefined;
    const isHere = [...own].every(([name, index]) => index.key === here.get(name)?.key);
    invariant(isHere, `%${node.id} is needed at another place than it is computed at`);
    return make.named(`s${i}`, "f32");
  });
  const stores = targets.map((target) => {
    const position = place.get(target.node);
    invariant(position !== undefined, `%${target.node.id} is not a function of the sums`);
    const storage = lowering.storageOf(target);
    return { storage, address: elementAddress(storage, position), value: evaluate(target.node, position) };
  });
  const names = new Map([at.batch, at.m, at.n].map((variable) => [variable, variable.name]));
  const roots = stores.map(({ value }) => value);
  const out = writer(roots, names, { around, writeReduces: writeSequentially });
  for (const { storage, address, value } of stores) {
    const text = out.value(value);
    out.line(around.write(storage, out.index(address), [text], 1));
  }
  const values = sums.map((_, i) => `s${i}: f32`).join(", ");
  return {
    text: `fn store(batch: u32, m: u32, n: u32, ${values}) {\n${out.text()}\n}`,
    operations: operationsOf(roots),
  };
}
