/** Which expressions a set of values is made of, and how often each is used. */
import { type Index, variableKey } from "../index/affine.ts";
import type { ReduceScalar, Scalar } from "./scalar.ts";

export interface Uses {
  /** Inner expressions before those that contain them. */
  readonly scalars: ReadonlyMap<Scalar, number>;
  /** By the key of the atom. */
  readonly atoms: ReadonlyMap<string, number>;
  /** Of each reduction: those that share its loop, itself among them. They need nothing of each other. */
  readonly batches: ReadonlyMap<Scalar, readonly ReduceScalar[]>;
}

/** Every expression that `roots` contain, inner ones first; of those that are not wanted nothing, nor of what they contain. */
export const expressionsOf = (roots: readonly Scalar[], isWanted?: (x: Scalar) => boolean): readonly Scalar[] =>
  count(roots, isWanted).order;

export function usesOf(roots: readonly Scalar[]): Uses {
  const { counts, atoms, order } = count(roots);
  const reduces = order.filter((x) => x.kind === "reduce");
  return { scalars: new Map(order.map((x) => [x, counts.get(x) ?? 0])), atoms, batches: batched(reduces) };
}

interface Counts {
  readonly counts: ReadonlyMap<Scalar, number>;
  readonly atoms: ReadonlyMap<string, number>;
  readonly order: readonly Scalar[];
}

function count(roots: readonly Scalar[], isWanted = (_: Scalar): boolean => true): Counts {
  const counts = new Map<Scalar, number>();
  const atoms = new Map<string, number>();
  const order: Scalar[] = [];
  const visitIndex = (index: Index): void => {
    for (const { atom, key } of index.terms) {
      if (atom.kind === "variable") continue;
      atoms.set(key, (atoms.get(key) ?? 0) + 1);
      if (atom.kind === "loaded") visit(atom.from as Scalar);
      else if (atoms.get(key) === 1) visitIndex(atom.of);
    }
  };
  const visit = (x: Scalar): void => {
    if (!isWanted(x)) return;
    const before = counts.get(x) ?? 0;
    counts.set(x, before + 1);
    if (before > 0) return;
    for (const part of partsOf(x)) visit(part);
    if (x.kind === "load") visitIndex(x.address);
    if (x.kind === "index") visitIndex(x.index);
    order.push(x);
  };
  for (const root of roots) visit(root);
  return { counts, atoms, order };
}

function partsOf(x: Scalar): readonly Scalar[] {
  if (x.kind === "apply") return x.inputs;
  if (x.kind === "cast") return [x.input];
  return x.kind === "reduce" ? [x.body] : [];
}

/** Reductions over one variable that are nested equally deep. */
function batched(reduces: readonly ReduceScalar[]): ReadonlyMap<Scalar, readonly ReduceScalar[]> {
  const batches = new Map<string, ReduceScalar[]>();
  const result = new Map<Scalar, readonly ReduceScalar[]>();
  const depths = new Map<Scalar, number>();
  for (const x of reduces) {
    const inner = expressionsOf([x.body]).filter(({ kind }) => kind === "reduce");
    const depth = Math.max(0, ...inner.map((other) => (depths.get(other) ?? 0) + 1));
    depths.set(x, depth);
    const key = `${depth} ${x.isInterleaved} ${variableKey(x.over)}`;
    const batch = batches.get(key) ?? [];
    batch.push(x);
    batches.set(key, batch);
    result.set(x, batch);
  }
  return result;
}
