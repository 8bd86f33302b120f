/** Positions that are computed, as index expressions: of what data decide it is known only which element it is. */
import type { Node } from "../graph/ops.ts";
import { bounded, type Datum, type Index, loaded, number, plus, quotient, remainder, times } from "../index/affine.ts";
import { backward, indexAt, type Position } from "../index/position.ts";

/** Where nodes are evaluated: outside of all sweeps, or in the body of one, which stands at positions. */
export interface Space {
  /** Equal for equal spaces. */
  readonly key: string;
  /** Positions by the names of the body's inputs. */
  readonly standing: ReadonlyMap<string, Index>;
}

/** What positions have been read from data: by node and place, and of which order one is the inverse. */
export interface Read {
  readonly data: Map<string, Datum>;
  readonly inverses: Map<number, { readonly of: Node; readonly at: Index }>;
}

/** The position along a dimension of that size that a node of whole numbers holds at a place. */
export function positionOf(read: Read, node: Node, at: Position, space: Space, size: number): Index {
  const found = indexOf(read, node, at, space);
  if (found && found.low >= 0) return bounded(found, size);
  return loaded(datumAt(read, node, at, space), size);
}

/** A node at a place, as text. */
export function keyAt({ id, type }: Node, at: Position, space: Space): string {
  const indices = type.dims.map((dim) => `${dim.name} ${indexAt(at, dim).key}`);
  return `${space.key} %${id} ${indices.sort().join()}`;
}

/** Null where it is no sum of multiples, quotients and remainders. */
function indexOf(read: Read, node: Node, at: Position, space: Space): Index | null {
  const of = (x: Node, place = at): Index | null => indexOf(read, x, place, space);
  switch (node.op) {
    case "constant":
      return Number.isInteger(node.attrs.value) ? number(node.attrs.value) : null;
    case "input":
      return space.standing.get(node.attrs.name) ?? null;
    case "index":
      return indexAt(at, node.attrs.dim);
    case "cast":
      return node.type.dtype === "i32" && node.inputs[0].type.dtype === "i32" ? of(node.inputs[0]) : null;
    case "rename":
    case "split":
    case "merge":
    case "detach":
      return of(node.inputs[0], backward(node, at));
    case "add":
    case "sub":
    case "mul":
    case "div":
    case "mod":
      return node.type.dtype === "i32" ? combined(node.op, of(node.inputs[0]), of(node.inputs[1])) : null;
    case "order":
      return orderAt(read, node, at, space);
    default:
      return null;
  }
}

function combined(by: "add" | "sub" | "mul" | "div" | "mod", a: Index | null, b: Index | null): Index | null {
  if (!a || !b) return null;
  if (by === "add" || by === "sub") return plus(a, times(b, by === "add" ? 1 : -1));
  const isNumber = ({ terms }: Index): boolean => terms.length === 0;
  if (by === "mul") return isNumber(b) ? times(a, b.constant) : isNumber(a) ? times(b, a.constant) : null;
  if (!isNumber(b) || b.constant <= 0 || a.low < 0) return null;
  return (by === "div" ? quotient : remainder)(a, b.constant);
}

/** The order of an order is its inverse: at the place that the one gives, the other gives what was asked for. */
function orderAt(read: Read, node: Node & { readonly op: "order" }, at: Position, space: Space): Index | null {
  const [dim, ...others] = node.type.dims;
  if (!dim || others.length > 0) return null;
  const here = indexAt(at, dim);
  const [only, ...more] = here.terms;
  if (only?.atom.kind === "loaded" && only.times === 1 && more.length === 0 && here.constant === 0) {
    const inverse = read.inverses.get(only.atom.from.id);
    if (inverse?.of === node) return inverse.at;
  }
  const [x] = node.inputs;
  const ordered = x.op === "cast" ? x.inputs[0] : x;
  if (ordered.op !== "order") return null;
  const datum = datumAt(read, node, at, space);
  read.inverses.set(datum.id, { of: ordered, at: here });
  return loaded(datum, dim.size);
}

/** What is read at a place is one datum, however often. */
function datumAt({ data }: Read, node: Node, at: Position, space: Space): Datum {
  const key = keyAt(node, at, space);
  const free = new Set([...at.values()].flatMap(({ variables }) => [...variables]));
  const datum = data.get(key) ?? { id: data.size, free };
  data.set(key, datum);
  return datum;
}
