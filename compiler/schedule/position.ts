/** Places in a tensor, by the names of its dimensions, and what views make of them. */
import type { View } from "../fuse/view.ts";
import { type Dim, sizeOf } from "../graph/type.ts";
import { invariant } from "../invariant.ts";
import { flatten, type Index, unflatten } from "./affine.ts";

/** One index for each dimension, and perhaps for others. */
export type Position = ReadonlyMap<string, Index>;

export function indexAt(at: Position, name: string): Index {
  const index = at.get(name);
  invariant(index !== undefined, `no index for ${name}`);
  return index;
}

/** Where in its input a view reads for a position of its own. */
export function backward(node: View, at: Position): Position {
  const { op, attrs } = node;
  if (op === "detach") return at;
  if (op === "rename") return moved(at, [attrs.to], [[attrs.from, indexAt(at, attrs.to)]]);
  if (op === "split") {
    const names = attrs.into.map(({ name }) => name);
    const merged = flatten(
      names.map((name) => indexAt(at, name)),
      attrs.into.map(({ size }) => size),
    );
    return moved(at, names, [[attrs.dim, merged]]);
  }
  return moved(
    at,
    [attrs.into],
    parts(
      indexAt(at, attrs.into),
      attrs.dims.map((name) => ({ name, size: sizeOf(node.inputs[0].type, name) ?? 0 })),
    ),
  );
}

/** The inverse of `backward`: where the view puts a position of its input. */
export function forward(node: View, at: Position): Position {
  const { op, attrs } = node;
  if (op === "detach") return at;
  if (op === "rename") return moved(at, [attrs.from], [[attrs.to, indexAt(at, attrs.from)]]);
  if (op === "split") return moved(at, [attrs.dim], parts(indexAt(at, attrs.dim), attrs.into));
  const sizes = attrs.dims.map((name) => sizeOf(node.inputs[0].type, name) ?? 0);
  return moved(at, attrs.dims, [
    [
      attrs.into,
      flatten(
        attrs.dims.map((name) => indexAt(at, name)),
        sizes,
      ),
    ],
  ]);
}

const moved = (at: Position, without: readonly string[], plus: readonly (readonly [string, Index])[]): Position =>
  new Map([...[...at].filter(([name]) => !without.includes(name)), ...plus]);

/** `index = parts[0] · n + parts[1] …`, by name. */
export function parts(index: Index, dims: readonly Dim[]): readonly (readonly [string, Index])[] {
  const indices = unflatten(
    index,
    dims.map(({ size }) => size),
  );
  return dims.map(({ name }, i) => [name, indices[i] ?? index]);
}
