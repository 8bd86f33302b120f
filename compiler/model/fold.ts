/**
 * Scales that are moved from an activation into the weights that make it. What makes it is found in the forward pass: from the
 * activation backwards through what commutes with a positive factor for each channel, to weights that can be divided by it.
 */

import { coneOf } from "../graph/cone.ts";
import type { Maker } from "../graph/make.ts";
import type { Node, NodeOf, OpName } from "../graph/ops.ts";
import { type Dim, sizeOf } from "../graph/type.ts";
import { graphDims } from "../language/tensor.ts";
import type { LinearInput } from "../language/trace.ts";
import { evaluated, inputsOf, pathTo, solved } from "./weight-path.ts";

/** A part of a forward pass: all that it computes, and where linear layers stand in it. */
export interface Passage {
  readonly maker: Maker;
  /** What it hands on. */
  readonly results: readonly Node[];
  readonly linears: readonly LinearInput[];
  /** The stored tensors that are this part's alone, by their names. */
  readonly own: ReadonlySet<string>;
}

/** What becomes of a weight, as the forward pass reads it. */
export interface Edit {
  readonly weight: Node;
  readonly change: (value: Node) => Node;
}

/** Where it goes no further, and why. */
export interface Stuck {
  readonly at: Node;
  readonly because: string;
  /** It is a layer that would do, but for how it is stored. */
  readonly isNear?: true;
}

/** The weights that are divided, and what becomes smaller with them. */
interface Divided {
  readonly edits: readonly Edit[];
  readonly values: readonly Node[];
}

type Outcome = Divided | Stuck;

const isStuck = (outcome: Outcome | readonly Edit[]): outcome is Stuck => "because" in outcome;

/**
 * The edits by which layers that read one activation get `scale` (f32[in], above 0) times the weights of their inputs, and the
 * activation is divided by it: together they change nothing but rounding.
 */
export function folded(passage: Passage, readers: readonly LinearInput[], scale: Node): readonly Edit[] | Stuck {
  const { maker } = passage;
  const [first] = readers;
  if (!first) return [];
  const by = maker.make("split", [scale], { dim: "in", into: graphDims(first.linear.from) }, scale.origin);
  const products = readers.map(({ input, weight }) =>
    maker.make("mul", [input.node, weight.node], {}, first.linear.span),
  );
  const nodes = coneOf(passage.results);
  const picked = nodes.find(
    (node) => readers.some(({ weight }) => isRead(node, weight.node)) && !products.includes(node),
  );
  if (picked) return { at: picked, because: "the same weight is read here, too" };
  const at = { ...passage, nodes, above: products };
  const own = closed(at, divided(at, first.input.node, by, products[0] ?? first.input.node));
  if (isStuck(own)) return own;
  const handedOn = passage.results.find((node) => own.values.includes(node));
  if (handedOn) return { at: handedOn, because: "this is handed on as well" };
  const times = (value: Node): Node => maker.make("mul", [value, by], {}, value.origin);
  return [...readers.map(({ weight }) => ({ weight: weight.node, change: times })), ...own.edits];
}

const isRead = (by: Node, node: Node): boolean => by.inputs.some((x: Node) => x === node);

const readBy = ({ linears }: Passage, node: Node): string => {
  const reader = linears.find(({ weight }) => isRead(node, weight.node));
  return reader ? `\`${reader.linear.name}\` reads it too, and is not selected` : "it is read here too, as it is";
};

interface Dividing extends Passage {
  /** All of the part. */
  readonly nodes: readonly Node[];
  /** Between the node at hand and the layers that read the activation. */
  readonly above: readonly Node[];
}

/** What was divided, if nothing else reads it. */
function closed(at: Dividing, outcome: Outcome): Outcome {
  if (isStuck(outcome)) return outcome;
  const inside = new Set([...outcome.values, ...at.above]);
  const divided = new Set(outcome.values);
  const other = at.nodes.find((node) => !inside.has(node) && node.inputs.some((x: Node) => divided.has(x)));
  return other ? { at: other, because: readBy(at, other) } : outcome;
}

/** Divides a node by a factor for each of its channels; `reader` is where it is read. */
function divided(at: Dividing, node: Node, factor: Node, reader: Node): Outcome {
  if (node.op === "constant" && node.attrs.value === 0) return { edits: [], values: [] };
  const by = along(at, node, factor);
  if (by === null) return { at: reader, because: shared(node, factor) };
  const layer = at.linears.find(({ weight, bias }) => weight.node === node || bias?.node === node);
  if (layer) {
    const because = `the weights of \`${layer.linear.name}\` are codes, or not its own`;
    return ofWeight(at, node, node, by) ?? { at: reader, because, isNear: true };
  }
  const inputs = inputsOf(node);
  if (inputs.every(({ attrs }) => attrs.role === "weight")) return ofWeights(at, node, by, inputs, reader);
  const rule = rules[node.op] as ((at: Dividing, node: Node, by: Node) => Outcome) | undefined;
  if (node.op === "input") return { at: reader, because: "what enters here is made elsewhere, and read elsewhere too" };
  const below = rule?.({ ...at, above: [...at.above, node] }, node, by) ?? {
    at: node,
    because: `\`${node.op}\` does not commute with a factor`,
  };
  return isStuck(below) ? below : { edits: below.edits, values: [node, ...below.values] };
}

/** The factor without dimensions of one place that the node lacks; null if it lacks others. */
function along({ maker }: Dividing, { type }: Node, factor: Node): Node | null {
  const missing = factor.type.dims.filter(({ name }) => sizeOf(type, name) === undefined);
  if (missing.some(({ size }) => size !== 1)) return null;
  const over = missing.map(({ name }) => name);
  return over.length === 0 ? factor : maker.make("reduce", [factor], { by: "sum", over }, factor.origin);
}

function shared({ type }: Node, factor: Node): string {
  const missing = factor.type.dims.filter(({ name, size }) => size !== 1 && sizeOf(type, name) === undefined);
  return `one number serves ${missing.map(({ name, size }) => `all ${size} of \`${name}\``).join(" and ")}`;
}

/** A number that is computed of weights alone: of one, which then is another one. */
function ofWeights(at: Dividing, node: Node, by: Node, inputs: readonly NodeOf<"input">[], reader: Node): Outcome {
  const [weight, ...others] = inputs;
  if (!weight) return { at: reader, because: "a number of the architecture cannot be divided" };
  const own = others.length === 0 ? ofWeight(at, node, weight, by) : null;
  return own ?? { at: node, because: "no one weight makes this smaller" };
}

/** Null if it is not one tensor of this part, or no value of it makes the node smaller. */
function ofWeight({ maker, own }: Dividing, node: Node, weight: Node, by: Node): Divided | null {
  const stored = inputsOf(weight).map(({ attrs }) => attrs.name);
  const path = pathTo(node, weight);
  if (stored.length !== 1 || !own.has(stored[0] ?? "") || path === null) return null;
  const change = (value: Node): Node => {
    const image = path.reduce((x, each) => evaluated(maker, each, x), value);
    const smaller = maker.make("div", [image, by], {}, value.origin);
    return path.reduceRight((y, each) => solved(maker, each, y), smaller);
  };
  return { edits: [{ weight, change }], values: [weight, ...path.map(({ node }) => node)] };
}

type Of<K extends OpName> = Extract<Node, { readonly op: K }>;

type Rule<K extends OpName> = (at: Dividing, node: Of<K>, by: Node) => Outcome;

const first = (at: Dividing, node: Of<"neg" | "abs" | "detach" | "div">, by: Node): Outcome =>
  divided(at, node.inputs[0], by, node);

const both = (at: Dividing, node: Node, [a, b]: readonly [Node, Node], by: Node): Outcome => {
  const left = divided(at, a, by, node);
  if (isStuck(left)) return left;
  const right = divided(at, b, by, node);
  return isStuck(right) ? right : { edits: [...left.edits, ...right.edits], values: [...left.values, ...right.values] };
};

const each = (at: Dividing, node: Of<"add" | "sub" | "min" | "max">, by: Node): Outcome =>
  both(at, node, node.inputs, by);

/** One of two factors; if neither can be divided, what is said is of the one that has more of the channels. */
const either: Rule<"mul"> = (at, node, by) => {
  const [a, b] = node.inputs;
  if (a === b) return { at: node, because: "a square does not commute with a factor" };
  const outcomes = [a, b].map((x) => ({ outcome: closed(at, divided(at, x, by, node)), has: channels(x, by) }));
  const good = outcomes.map(({ outcome }) => outcome).find((outcome) => !isStuck(outcome));
  const isNear = (outcome: Outcome): boolean => isStuck(outcome) && outcome.isNear === true;
  const most = outcomes.toSorted((x, y) => Number(isNear(y.outcome)) - Number(isNear(x.outcome)) || y.has - x.has);
  return good ?? (most[0] as (typeof outcomes)[number]).outcome;
};

/** How many places of the factor's dimensions the node tells apart. */
const channels = ({ type }: Node, { type: { dims } }: Node): number =>
  dims.reduce((n, { name, size }) => (sizeOf(type, name) === undefined ? n : n * size), 1);

/** What commutes with a positive factor for each channel, and how that goes on; all else does not. */
const rules: { readonly [K in OpName]?: Rule<K> } = {
  ...{ neg: first, abs: first, detach: first, div: first },
  ...{ add: each, sub: each, min: each, max: each, mul: either },
  cast: (at, node, by) =>
    node.attrs.dtype === "f32" ? divided(at, node.inputs[0], by, node) : { at: node, because: "this is rounded" },
  select: (at, node, by) => both(at, node, [node.inputs[1], node.inputs[2]], by),
  reduce: (at, node, by) =>
    node.attrs.by === "argmax" ? { at: node, because: "a place is no amount" } : divided(at, node.inputs[0], by, node),
  rename: (at, node, by) => {
    const { from, to } = node.attrs;
    const has = sizeOf(by.type, to) !== undefined;
    return divided(
      at,
      node.inputs[0],
      has ? at.maker.make("rename", [by], { from: to, to: from }, by.origin) : by,
      node,
    );
  },
  split: (at, node, by) => {
    const { dim, into } = node.attrs;
    if (!into.some(({ name }) => sizeOf(by.type, name) !== undefined)) return divided(at, node.inputs[0], by, node);
    const whole = into.reduce((x, each) => spread(at, x, each), by);
    const dims = into.map(({ name }) => name);
    return divided(at, node.inputs[0], at.maker.make("merge", [whole], { dims, into: dim }, by.origin), node);
  },
  merge: (at, node, by) => {
    const { dims, into } = node.attrs;
    const [x] = node.inputs;
    if (sizeOf(by.type, into) === undefined) return divided(at, x, by, node);
    const parts = dims.map((name): Dim => ({ name, size: sizeOf(x.type, name) ?? 1 }));
    return divided(at, x, at.maker.make("split", [by], { dim: into, into: parts }, by.origin), node);
  },
  gather: (at, node, by) => {
    const [x] = node.inputs;
    const isBeside = by.type.dims.every(({ name }) => name !== node.attrs.dim && sizeOf(x.type, name) !== undefined);
    return isBeside ? divided(at, x, by, node) : { at: node, because: "channels are picked here" };
  },
};

/** The same for every place along a dimension that it lacks. */
function spread({ maker: { make } }: Dividing, x: Node, dim: Dim): Node {
  if (sizeOf(x.type, dim.name) !== undefined) return x;
  const place = make("cast", [make("index", [], { dim }, x.origin)], { dtype: "f32" }, x.origin);
  const none = make("mul", [place, make("constant", [], { value: 0, dtype: "f32" }, x.origin)], {}, x.origin);
  return make("add", [x, none], {}, x.origin);
}
