/**
 * The bodies of a sweep: while one is evaluated, inputs stand for what is known at a position only, and what runs along the columns is
 * read there. Then all that depends on these inputs is made a graph of its own.
 */
import type { Span } from "../../grammar/source.ts";
import { bodyNames } from "../graph/bodies.ts";
import { coneOf } from "../graph/cone.ts";
import { maker } from "../graph/make.ts";
import type { Body, Node } from "../graph/ops.ts";
import type { TensorType } from "../graph/type.ts";
import { type Context, report } from "./context.ts";
import { type Dimension, graphDims, type Tensor } from "./tensor.ts";
import { type Callable, record, type Scope, type Value, type Wrong, wrongType } from "./value.ts";

/** The dimension that is swept, and its levels, outermost first; of a single level it may be the dimension itself. */
export interface Columns {
  readonly along: Dimension;
  readonly levels: readonly Dimension[];
}

/** What stands for inputs of a body, by their names there. */
export type StandIns = Map<Node, string>;

/** A node that stands for an input of a body. */
export function standIn({ maker }: Context, inputs: StandIns, name: string, type: TensorType, span: Span): Node {
  const node = maker.make("input", [], { name: `swept ${name}`, type, role: "data" }, span);
  inputs.set(node, name);
  return node;
}

/** Where the body of a level stands. */
export interface Position {
  readonly columns: Columns;
  /** The number of the level. */
  readonly level: number;
  readonly inputs: StandIns;
}

/** A value as it is at a position: what has the swept dimension has those of the levels below instead. */
export const readAt = (context: Context, { columns, level, inputs }: Position, value: Value): Value =>
  replaceTensors(value, "", (_, x) => {
    const { along, levels } = columns;
    const [passed, below] = [levels.slice(0, level + 1), levels.slice(level + 1)];
    let { node } = x;
    let dims = x.dims;
    const read = (dim: Dimension): void => {
      if (!dims.some(({ id }) => id === dim.id)) return;
      const scalar: TensorType = { dtype: "i32", dims: [] };
      const at = standIn(context, inputs, bodyNames.position(dim.id), scalar, node.origin);
      node = context.maker.make("gather", [node, at], { dim: dim.id }, node.origin);
      dims = dims.filter(({ id }) => id !== dim.id);
    };
    for (const dim of passed) read(dim);
    const isFree = !dims.some(({ id, streamed }) => streamed || below.some((dim) => dim.id === id));
    if (isFree && dims.some(({ id }) => id === along.id)) {
      node = context.maker.make("split", [node], { dim: along.id, into: graphDims(levels) }, node.origin);
      dims = dims.flatMap((dim) => (dim.id === along.id ? levels : [dim]));
      for (const dim of passed) read(dim);
    }
    return node === x.node ? x : { ...x, dims, node };
  });

/** The scope of a body: all names of those around it, with values as they are at the position. */
export function scopeAt(context: Context, around: Scope, position: Position): Scope {
  const inside: Scope = {
    values: new Map(),
    dims: new Map(),
    places: new Map(),
    parent: around,
    foreign: around.foreign,
  };
  for (let at: Scope | null = around; at; at = at.parent)
    for (const [name, value] of at.values) {
      if (inside.values.has(name)) continue;
      const place = at.places.get(name);
      inside.values.set(name, readAt(context, position, value));
      if (place) inside.places.set(name, place);
    }
  for (const dim of position.columns.levels) inside.dims.set(dim.name, [dim]);
  const index = inside.values.get("index");
  if (index?.kind === "callable") inside.values.set("index", reading(context, position, index));
  return inside;
}

/** The function, of which a body sees what it gives as it is at the position: `index(lane)` is one number. */
const reading = (context: Context, position: Position, called: Callable): Callable => ({
  ...called,
  form: (given) => {
    const form = called.form(given);
    return { ...form, apply: (call, bound) => readAt(context, position, form.apply(call, bound)) };
  },
});

/** A value with other tensors in it, each known by its path: `grid.scale`. */
export function replaceTensors(value: Value, path: string, become: (path: string, tensor: Tensor) => Value): Value {
  if (value.kind === "tensor") return become(path, value);
  if (value.kind !== "record" || value.dims.length === 0) return value;
  const fields = [...value.fields].map(
    ([name, field]) => [name, replaceTensors(field, `${path}.${name}`, become)] as const,
  );
  return record(new Map(fields));
}

/** Complains of what holds tensors that no body can give: codes. */
export function refuseCodes(context: Context, value: Value, span: Span): Value | Wrong {
  const held = value.kind === "record" ? [...value.fields.values()] : [value];
  const codes = held.find(({ kind }) => kind === "coded");
  if (!codes) return value;
  const hint = "codes of all columns are made after `then`, of what the levels bind";
  return wrongType(context, { value: codes, span }, "a tensor, or a record of tensors", hint);
}

/**
 * The nodes that depend on the stand-ins as a graph; what they read beside is `given`, to which it is added. Null, and a problem,
 * where another sweep depends on them.
 */
export function bodyOf(
  context: Context,
  name: string,
  outputs: ReadonlyMap<string, Tensor>,
  { inputs, given }: { readonly inputs: StandIns; readonly given: Node[] },
): Body | null {
  const made = maker();
  const images = new Map<Node, Node>();
  const input = (name: string, { type, origin }: Node): Node =>
    made.make("input", [], { name, type, role: "data" }, origin);
  const outside = (node: Node): Node => {
    if (node.op === "constant" || node.op === "index") return made.copy(node, (x) => x);
    if (!given.includes(node)) given.push(node);
    return input(bodyNames.given(given.indexOf(node)), node);
  };
  const image = (node: Node): Node => images.get(node) ?? outside(node);
  for (const node of coneOf([...outputs.values()].map((tensor) => tensor.node))) {
    const standing = inputs.get(node);
    if (standing !== undefined) images.set(node, input(standing, node));
    if (!node.inputs.some((x: Node) => images.has(x))) continue;
    if (node.op === "feedback") {
      report(context, { kind: "not-supported", span: node.origin, what: "a `feedback` inside of another" });
      return null;
    }
    images.set(node, made.copy(node, image));
  }
  return made.body(
    name,
    [...outputs].map(([output, { node }]) => ({ name: output, node: image(node) })),
  );
}
