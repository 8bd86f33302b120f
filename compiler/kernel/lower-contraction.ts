/** Contractions: the header's functions bring the factors in and the sums out; the body is written by hand per schedule. */

import type { ContractionGroup, Group, Roles, Sum } from "../fuse/group.ts";
import { isView } from "../fuse/view.ts";
import type { Node } from "../graph/ops.ts";
import { count, type Dim } from "../graph/type.ts";
import { invariant } from "../invariant.ts";
import { fromVariable, type Variable } from "../schedule/affine.ts";
import type { Contraction } from "../schedule/contraction.ts";
import { addressOf, type Layout } from "../schedule/layout.ts";
import { forward, type Position, parts } from "../schedule/position.ts";
import { elementAddress, type Storage } from "../schedule/storage.ts";
import { contractionBody } from "./contraction-body.ts";
import { valueType } from "./evaluate.ts";
import { header } from "./header.ts";
import { expressions, type Lowered, type Lowering, operationsOf } from "./lower.ts";
import { writeSequentially } from "./reduce.ts";
import type { Scalar } from "./scalar.ts";
import { expressionsOf } from "./uses.ts";
import { type Surroundings, writer } from "./writer.ts";

const variables = (sizes: {
  batch: number;
  m: number;
  n: number;
  k: number;
}): Record<"batch" | "m" | "n" | "k", Variable> => ({
  batch: { name: "batch", size: sizes.batch, turn: 0 },
  m: { name: "m", size: sizes.m, turn: 0 },
  n: { name: "n", size: sizes.n, turn: 0 },
  k: { name: "k", size: sizes.k, turn: 0 },
});

export function lowerContraction(group: ContractionGroup, lowering: Lowering): Lowered {
  const { facts, family, schedules, storages } = lowering;
  const { roles } = group;
  const sizes = {
    batch: count({ dims: roles.batch }),
    m: count({ dims: roles.m }),
    n: count({ dims: roles.n }),
    k: count({ dims: roles.k }),
  };
  const around = header({ storages, largestBinding: facts.maxStorageBufferBindingSize, four: new Set() });
  const a = factor(group, group.a, roles.m, sizes, lowering);
  const panels = group.sums.map((sum) => panelsOf(sum, lowering));
  const width = panels.every((layout) => layout !== undefined) ? panels[0]?.width : undefined;
  const padded = width === undefined ? sizes : { ...sizes, n: Math.ceil(sizes.n / width) * width };
  const b = group.sums.map((sum, i) =>
    width === undefined
      ? factor(group, sum.b, roles.n, sizes, lowering)
      : packed(sum, panels[i], padded, roles, lowering),
  );
  const store = storeText(group, sizes, lowering, around);
  const contraction: Contraction = {
    ...sizes,
    accumulators: group.sums.length,
    ...(width === undefined ? {} : { panels: { width } }),
    prologue: operationsPer(a),
    half: group.a.type.dtype === "f16" && group.sums.every(({ b }) => b.type.dtype === "f16"),
  };
  const functions = [
    functionText("load_a", "batch: u32, m: u32, k: u32", a, variables(sizes), around),
    ...b.map((value, i) => functionText(`load_b${i}`, "batch: u32, k: u32, n: u32", value, variables(padded), around)),
    store.text,
  ];
  const body = contractionBody(contraction, schedules.contraction(contraction, facts, family));
  const wgsl = `${around.print(body.features)}\n\n${functions.join("\n\n")}\n\n${body.wgsl}`;
  const products = 2 * sizes.batch * sizes.m * sizes.n * sizes.k * group.sums.length;
  return {
    wgsl,
    bindings: around.bindings(),
    workgroups: body.workgroups,
    features: body.features,
    operations: products + operationsOf([a, ...b]) + store.operations,
  };
}

/** The text of `fn name(parameters) -> f32`. */
function functionText(
  name: string,
  parameters: string,
  value: Scalar,
  bound: Record<string, Variable>,
  around: Surroundings,
): string {
  const names = new Map(Object.values(bound).map((variable) => [variable, variable.name]));
  const out = writer([value], names, { around, writeReduces: writeSequentially });
  const text = out.value(value);
  out.line(`return ${text};`);
  return `fn ${name}(${parameters}) -> f32 {\n${out.text()}\n}`;
}

type Sizes = { readonly batch: number; readonly m: number; readonly n: number; readonly k: number };

/** A factor at (batch, m or n, k). */
function factor(group: Group, node: Node, own: readonly Dim[], sizes: Sizes, lowering: Lowering): Scalar {
  const { roles } = group as ContractionGroup;
  const { batch, m, n, k } = variables(sizes);
  const side = own === roles.m ? m : n;
  const at = new Map([
    ...parts(fromVariable(batch), roles.batch),
    ...parts(fromVariable(side), own),
    ...parts(fromVariable(k), roles.k),
  ]);
  const value = expressions(group, lowering).evaluate(node, at);
  return value;
}

/** The layout of the second factor's memory, if that is panels which `load_b` can read for every padded n. */
function panelsOf(sum: Sum, lowering: Lowering): Extract<Layout, { readonly kind: "panels" }> | undefined {
  const storage = factorStorage(sum, lowering);
  return storage?.layout.kind === "panels" ? storage.layout : undefined;
}

/** The memory of the second factor, through views. */
function factorStorage({ b, packed }: Sum, { find, storageOf }: Lowering): Storage | undefined {
  if (packed !== undefined) return storageOf(packed);
  let node = b;
  while (isView(node) && find(node) === undefined) node = node.inputs[0];
  return find(node);
}

/** A second factor in panels. Whoever chose the layout saw to it that its dimensions are those of the roles, in other words. */
function packed(sum: Sum, layout: Layout | undefined, sizes: Sizes, roles: Roles, lowering: Lowering): Scalar {
  const storage = factorStorage(sum, lowering);
  invariant(layout?.kind === "panels" && storage !== undefined, "a second factor without panels");
  const { batch, n, k } = variables(sizes);
  const at = new Map([
    ...parts(fromVariable(batch), layout.batch),
    ...parts(fromVariable(n), layout.n),
    ...parts(fromVariable(k), layout.k),
  ]);
  invariant(roles.k.length === 0 || layout.k.length > 0, "panels without terms");
  return expressions({ shape: "map", targets: [], stage: "main", isCopy: false }, lowering).make.load(
    storage.id,
    addressOf(layout, at),
    valueType(storage.node),
  );
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
  sizes: Sizes,
  lowering: Lowering,
  around: ReturnType<typeof header>,
): { readonly text: string; readonly operations: number } {
  const { roles, sums, targets } = group;
  const { batch, m, n } = variables(sizes);
  const at = new Map([
    ...parts(fromVariable(batch), roles.batch),
    ...parts(fromVariable(m), roles.m),
    ...parts(fromVariable(n), roles.n),
  ]);
  const place = positions(group, at);
  const { make, evaluate } = expressions({ ...group, targets }, lowering, (node, own) => {
    const i = sums.findIndex((sum) => sum.node === node);
    if (i < 0) return undefined;
    const isHere = [...own].every(([name, index]) => index.key === at.get(name)?.key);
    invariant(isHere, `%${node.id} is needed at another place than it is computed at`);
    return make.named(`s${i}`, "f32");
  });
  const stores = targets.map((target) => {
    const position = place.get(target.node);
    invariant(position !== undefined, `%${target.node.id} is not a function of the sums`);
    const storage = lowering.storageOf(target);
    return { storage, address: elementAddress(storage, position), value: evaluate(target.node, position) };
  });
  const names = new Map([batch, m, n].map((variable) => [variable, variable.name]));
  const roots = stores.map(({ value }) => value);
  const out = writer(roots, names, { around, writeReduces: writeSequentially });
  for (const { storage, address, value } of stores) {
    const text = out.value(value);
    out.line(around.write(storage, out.index(address), text, 1));
  }
  const values = sums.map((_, i) => `s${i}: f32`).join(", ");
  return {
    text: `fn store(batch: u32, m: u32, n: u32, ${values}) {\n${out.text()}\n}`,
    operations: operationsOf(roots),
  };
}

/** Operations for one element. */
const operationsPer = (value: Scalar): number =>
  expressionsOf([value]).filter(({ kind }) => kind === "apply" || kind === "cast").length;
