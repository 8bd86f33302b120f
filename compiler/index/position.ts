/** Places in a tensor, by the names of its dimensions, and what views make of them. */

import type { Node } from "../graph/ops.ts";
import { type Dim, showType } from "../graph/type.ts";
import type { View } from "../graph/view.ts";
import { invariant } from "../invariant.ts";
import { flatten, type Index, number, unflatten } from "./affine.ts";

/** One index for each dimension of more than one element, and perhaps for others. */
export type Position = ReadonlyMap<string, Index>;

export function indexAt(at: Position, { name, size }: Dim): Index {
  const index = size === 1 ? number(0) : at.get(name);
  invariant(index !== undefined, `no index for ${name}`);
  return index;
}

/** Where in its input a view reads for a position of its own. */
export function backward(node: View, at: Position): Position {
  const { op, attrs } = node;
  if (op === "detach") return at;
  const [x] = node.inputs;
  if (op === "rename") return moved(at, [attrs.to], [[attrs.from, indexAt(at, dimOf(node, attrs.to))]]);
  if (op === "split") return moved(at, namesOf(attrs.into), [[attrs.dim, flatAt(attrs.into, at)]]);
  const dims = attrs.dims.map((name) => dimOf(x, name));
  return moved(at, [attrs.into], parts(indexAt(at, dimOf(node, attrs.into)), dims));
}

/** The inverse of `backward`: where the view puts a position of its input. */
export function forward(node: View, at: Position): Position {
  const { op, attrs } = node;
  if (op === "detach") return at;
  const [x] = node.inputs;
  if (op === "rename") return moved(at, [attrs.from], [[attrs.to, indexAt(at, dimOf(x, attrs.from))]]);
  if (op === "split") return moved(at, [attrs.dim], parts(indexAt(at, dimOf(x, attrs.dim)), attrs.into));
  const dims = attrs.dims.map((name) => dimOf(x, name));
  return moved(at, attrs.dims, [[attrs.into, flatAt(dims, at)]]);
}

const namesOf = (dims: readonly Dim[]): readonly string[] => dims.map(({ name }) => name);

function dimOf({ type }: Node, name: string): Dim {
  const dim = type.dims.find((each) => each.name === name);
  invariant(dim !== undefined, `no ${name} in ${showType(type)}`);
  return dim;
}

/** `Σ index · stride` over the dimensions, the last of which varies fastest. */
export const flatAt = (dims: readonly Dim[], at: Position): Index =>
  flatten(
    dims.map((dim) => indexAt(at, dim)),
    dims.map(({ size }) => size),
  );

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
