/**
 * What becomes of weights where a forward pass is turned: those that make turned values make them turned, those that read them read them
 * so, and gains between the two are taken over by readers first.
 */
import { coneOf } from "../graph/cone.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import type { Dim } from "../graph/type.ts";
import type { Linear, LinearInput } from "../language/trace.ts";
import type { Edit } from "./fold.ts";
import { type Along, type Gain, isUnturned, type Turned, turnedWith, type Unturned } from "./turning.ts";
import { inputsOf, isOfWeights, pathTo, solved } from "./weight-path.ts";

/** A part of a forward pass. */
export interface Turnable {
  readonly maker: Maker;
  /** What it hands on. */
  readonly results: readonly Node[];
  readonly linears: readonly LinearInput[];
  /** Its own weights, as the forward pass reads them. */
  readonly weights: ReadonlySet<Node>;
}

/** A matrix with orthonormal columns, f32[from, to], from a dimension of the forward pass. */
export interface Turn {
  readonly by: Node;
  readonly from: Dim;
  readonly to: Dim;
}

/** What becomes of the weights of a part. */
export interface TurnedWeights {
  readonly edits: readonly Edit[];
  /** Layers that share a table's weight, and become another one than the table does. */
  readonly untied: readonly { readonly linear: Linear; readonly edit: Edit }[];
  /** By weights that have another basis afterwards, along which of their dimensions. */
  readonly turned: ReadonlyMap<Node, ReadonlySet<string>>;
  /** What goes in or out of the part, and is turned. */
  readonly reached: ReadonlySet<Node>;
}

/** Edits of a part, of which some values are turned. */
export function turnedWeights(part: Turnable, seeds: readonly Along[], turn: Turn): TurnedWeights | Unturned {
  const found = turnedWith(seeds, part.results, part.weights);
  if (isUnturned(found)) return found;
  const at: Editing = { ...part, ...found, turn, known: new Map() };
  const stuck = handedOn(at) ?? unread(at);
  if (stuck) return stuck;
  const [edits, untied]: [Edit[], TurnedWeights["untied"][number][]] = [[], []];
  const turned = new Map([...found.dims].filter(([node]) => part.weights.has(node)));
  for (const weight of turned.keys()) {
    const own = editsOf(at, weight);
    if (isUnturned(own)) return own;
    edits.push(...own.edits);
    untied.push(...own.untied);
  }
  for (const gain of found.gains) {
    const reset = withoutGain(at, gain);
    if (isUnturned(reset)) return reset;
    if (!edits.some(({ weight }) => weight === reset.weight)) edits.push(reset);
  }
  const reached = new Set([...found.dims.keys()].filter((node) => part.results.includes(node) || node.op === "input"));
  return { edits, untied, turned, reached };
}

interface Editing extends Turnable, Turned {
  readonly turn: Turn;
  readonly known: Map<string, Gains>;
}

/** What a turned value was multiplied with, which is left to its readers. */
type Gains = readonly Gain[] | Unturned;

const isTurned = ({ dims }: Turned, node: Node, dim: string): boolean => dims.get(node)?.has(dim) === true;

function gainsOf(at: Editing, node: Node, dim: string): Gains {
  const key = `${node.id} ${dim}`;
  const found = at.known.get(key) ?? gainsBehind(at, node, dim);
  at.known.set(key, found);
  return found;
}

function gainsBehind(at: Editing, node: Node, dim: string): Gains {
  if (at.weights.has(node) || node.op === "input") return [];
  const gain = at.gains.find((each) => each.node === node && each.dim === dim);
  if (gain) {
    const before = gainsOf(at, gain.of, dim);
    return isUnturned(before) ? before : [...before, gain];
  }
  const own = node.op === "rename" && node.attrs.to === dim ? node.attrs.from : dim;
  const operands = node.inputs.flatMap((x: Node) => (x.op === "merge" ? [x, ...x.inputs] : [x]));
  const all = operands.filter((x) => isTurned(at, x, own)).map((x) => gainsOf(at, x, own));
  const [first = []] = all;
  for (const each of all) {
    if (isUnturned(each)) return each;
    if (isUnturned(first) || keyOf(each) === keyOf(first)) continue;
    const [{ node: gain }] = [...each, ...first] as [Gain];
    return {
      at: node,
      because: "what it multiplies is joined with other values here, and no weights take it over",
      gain,
    };
  }
  return first;
}

const keyOf = (gains: readonly Gain[]): string => gains.map(({ by, dim }) => `${by.id} ${dim}`).join();

/** What is handed on may not wait for readers that take a gain over. */
function handedOn(at: Editing): Unturned | null {
  for (const [node, dims] of at.dims)
    for (const dim of at.results.includes(node) ? dims : []) {
      const left = leftOver(at, node, dim, { node, is: "handed on" });
      if (left) return left;
    }
  return null;
}

/** Why a value cannot be turned that has gains, where it goes on as it is. */
function leftOver(
  at: Editing,
  x: Node,
  dim: string,
  { node, is }: { readonly node: Node; readonly is: "handed on" | "read" },
): Unturned | null {
  const gains = gainsOf(at, x, dim);
  if (isUnturned(gains)) return gains;
  const because = `what it multiplies is ${is} here, and no weights take it over`;
  return gains[0] ? { at: node, because, gain: gains[0].node } : null;
}

/** Products in which no weights take gains over: of two activations, or of one with itself. */
function unread(at: Editing): Unturned | null {
  for (const { node, dim, of } of at.products) {
    const weights = of.length === 1 ? undefined : of.find(isOfWeights);
    for (const x of of.length > 1 && weights ? [weights] : of) {
      const left = leftOver(at, x, dim, { node, is: "read" });
      if (left) return left;
    }
  }
  return null;
}

/** How a weight is read: what it takes over, and by how much values are smaller than they were. */
interface Reading {
  readonly gains: readonly Gain[];
  readonly scale: number;
  /** The product in which it reads a value; null where it makes one. */
  readonly by: Node | null;
}

/** All ways in which what is computed of a weight is read along a dimension. */
function readingsOf(at: Editing, node: Node, dim: string): readonly Reading[] | Unturned {
  const all: Reading[] = [];
  for (const user of at.usersOf(node)) {
    const found = readingIn(at, user, node, dim);
    if (isUnturned(found)) return found;
    all.push(...found);
  }
  return all;
}

/** How one user reads it: in a product with a turned value, as what becomes one, or as weights that are read further on. */
function readingIn(at: Editing, user: Node, node: Node, dim: string): readonly Reading[] | Unturned {
  const { from, to } = at.turn;
  const longer = Math.sqrt(from.size / to.size);
  const product = at.products.find((each) => each.node === user && each.dim === dim);
  const other = product?.of.find((x) => x !== node);
  if (other) {
    const gains = gainsOf(at, other, dim);
    return isUnturned(gains) ? gains : [{ gains, scale: longer, by: user }];
  }
  const above = user.op === "rename" && user.attrs.from === dim ? user.attrs.to : dim;
  const isOn = isTurned(at, user, above);
  if (isOn && !isOfWeights(user)) return [{ gains: [], scale: 1 / longer, by: null }];
  return isOn || user.op === "merge" ? readingsOf(at, user, above) : [];
}

/** What becomes of a weight, along all of its dimensions that are turned, and of layers that share it. */
function editsOf(at: Editing, weight: Node): Pick<TurnedWeights, "edits" | "untied"> | Unturned {
  const edits: Edit[] = [];
  const untied: TurnedWeights["untied"][number][] = [];
  for (const dim of at.dims.get(weight) ?? []) {
    const all = readingsOf(at, weight, dim);
    if (isUnturned(all)) return all;
    const kinds = Map.groupBy(all, ({ gains, scale }) => `${keyOf(gains)} ${scale}`);
    const tied = kinds.size > 1 ? tiedIn(at, weight) : null;
    const [own, ...others] = [...kinds.values()].filter(([each]) => !tied || each?.by !== tied.product);
    const [shared] = all.filter(({ by }) => by === tied?.product);
    const [first, other] = [own?.[0], others[0]?.[0]];
    if (other)
      return {
        at: other.by ?? weight,
        because: "a weight that is read here is another one elsewhere",
        ...(other.gains[0] && { gain: other.gains[0].node }),
      };
    if (first) edits.push({ weight, change: (value) => changed(at, value, dim, first) });
    if (tied && shared) {
      untied.push({ linear: tied.linear, edit: { weight, change: (value) => changed(at, value, dim, shared) } });
    }
  }
  return { edits, untied };
}

/** The layer that shares a weight with a table, and where it multiplies. */
function tiedIn({ linears, maker }: Editing, weight: Node): { readonly linear: Linear; readonly product: Node } | null {
  const met = linears.find(({ linear, weight: { node } }) => node === weight && linear.tied !== null);
  if (!met) return null;
  return { linear: met.linear, product: maker.make("mul", [met.input.node, weight], {}, met.linear.span) };
}

function changed({ maker: { make }, turn }: Editing, value: Node, dim: string, { gains, scale }: Reading): Node {
  const { from, to, by } = turn;
  const named = (node: Node, name: string): Node =>
    name === dim ? node : make("rename", [node], { from: name, to: dim }, node.origin);
  const whole = gains.reduce((x, gain) => make("mul", [x, named(gain.by, gain.dim)], {}, x.origin), value);
  const both = make("mul", [whole, named(by, from.name)], {}, value.origin);
  const turned = make("reduce", [both], { by: "sum", over: [dim] }, value.origin);
  const result = make("rename", [turned], { from: to.name, to: dim }, value.origin);
  if (scale === 1) return result;
  return make("mul", [result, make("constant", [], { value: scale, dtype: "f32" }, value.origin)], {}, value.origin);
}

/** The edit after which a gain is 1 everywhere. */
function withoutGain(at: Editing, gain: Gain): Edit | Unturned {
  const { maker, turn } = at;
  const all = coneOf([gain.by]);
  const weight = all.find((node) => at.weights.has(node));
  const path = weight && inputsOf(gain.by).length === 1 ? pathTo(gain.by, weight) : null;
  const unknown = { at: gain.node, because: "no one weight of this part makes this gain", gain: gain.node };
  if (!weight || !path) return unknown;
  const inside: readonly Node[] = [weight, ...path.map(({ node }) => node)];
  const isGain = (node: Node): boolean => inside.includes(node) || at.gains.some((each) => each.node === node);
  const elsewhere = inside.flatMap((node) => at.usersOf(node)).find((user) => !isGain(user));
  if (elsewhere || at.dims.has(weight))
    return { ...unknown, because: "the weights of this gain are read elsewhere too", at: elsewhere ?? gain.node };
  const dims = weight.type.dims.map(({ name, size }) => ({ name, size: name === gain.dim ? turn.to.size : size }));
  const change = (): Node => path.reduceRight((y, hop) => solved(maker, hop, y), ones(maker, dims, weight));
  return { weight, change };
}

function ones({ make }: Maker, dims: readonly Dim[], { origin }: Node): Node {
  const number = (value: number): Node => make("constant", [], { value, dtype: "f32" }, origin);
  return dims.reduce((x, dim) => {
    const place = make("cast", [make("index", [], { dim }, origin)], { dtype: "f32" }, origin);
    return make("add", [x, make("mul", [place, number(0)], {}, origin)], {}, origin);
  }, number(1));
}
