/**
 * The same values for the tokens of a text that come next, where those before them have passed already. What tokens see of each other
 * they see through a name: where a graph renames the dimension of tokens, what was so renamed of earlier tokens is kept, as an input,
 * and what the new ones add to it is an output. All else is computed for the new tokens alone.
 */
import type { Graph, Output } from "../../graph/graph.ts";
import type { Maker } from "../../graph/make.ts";
import type { Node, NodeOf } from "../../graph/ops.ts";
import { slotNames } from "../../graph/slots.ts";
import { type Dim, sizeOf } from "../../graph/type.ts";
import { readAs } from "../../plan/dtype.ts";
import { type Crossing, crossingIn, otherNames } from "./crossing.ts";

export interface Next {
  /** The dimension of tokens. */
  readonly token: string;
  /** How many come next. */
  readonly count: number;
  /** How many there may be of a text. */
  readonly capacity: number;
  /** How many texts go on side by side, each at a place of its own; undefined: one. */
  readonly texts?: number | undefined;
}

/** The dimension of texts that go on side by side, which comes before all others. */
const text = "text beside others";

/**
 * The graph for the next tokens, made by `maker`: its inputs have `count` tokens, the first of which has the place `position` in the text,
 * an i32. For each renamed value there are an input and an output `cache i`, tokens first: what is there of all earlier ones, in
 * `capacity` places of which those from `position` on are not read, and what the new ones add. Of several texts each has all of this.
 */
export function forNextTokens(graph: Graph, next: Next, maker: Maker): Graph | Crossing {
  const others = otherNames(graph.nodes, next.token);
  const made = graph.outputs.map(({ node }) => node);
  const crossing = crossingIn(graph.nodes, made, { token: next.token, seen: others });
  if (crossing) return crossing;
  const images = new Map<Node, Node>();
  const image = (node: Node): Node => images.get(node) as Node;
  const caches: Output[] = [];
  const making = { ...next, others, maker, image, caches };
  for (const node of graph.nodes) images.set(node, imageOf(node, making));
  const outputs = graph.outputs.map(({ node, ...output }) => ({ ...output, node: asBefore(node, making) }));
  return maker.graph(graph.name, [...outputs, ...caches]);
}

interface Making extends Next {
  readonly others: readonly string[];
  readonly maker: Maker;
  readonly image: (node: Node) => Node;
  readonly caches: Output[];
}

function imageOf(node: Node, making: Making): Node {
  const { token, maker, image } = making;
  const { make } = maker;
  const { origin } = node;
  if (node.op === "input") {
    const { dims } = node.attrs.type;
    const beside = dims.some(({ name }) => name === token) ? textsOf(making) : [];
    const type = { ...node.attrs.type, dims: [...beside, ...dims.map((dim) => resized(dim, making))] };
    return make("input", [], { ...node.attrs, type }, origin);
  }
  if (node.op === "index") {
    const { dim } = node.attrs;
    const own = make("index", [], { dim: resized(dim, making) }, origin);
    return dim.name === token ? make("add", [position(making, node), own], {}, origin) : own;
  }
  if (node.op === "rename" && node.attrs.from === token) return kept(node, making);
  return maker.copy(node, image);
}

const textsOf = ({ texts }: Next): readonly Dim[] => (texts === undefined ? [] : [{ name: text, size: texts }]);

/** A dimension of tokens with as many as there are of them. */
function resized(dim: Dim, { token, others, count, capacity }: Making): Dim {
  if (dim.name === token) return { ...dim, size: count };
  return others.includes(dim.name) ? { ...dim, size: capacity } : dim;
}

const position = (making: Making, { origin }: Node): Node => {
  const type = { dtype: "i32", dims: textsOf(making) } as const;
  return making.maker.make("input", [], { name: slotNames.position, type, role: "data" }, origin);
};

/** What was there of earlier tokens, and behind it what is new. */
function kept(node: NodeOf<"rename">, making: Making): Node {
  const { token, capacity, maker, image, caches } = making;
  const { make } = maker;
  const { origin } = node;
  const given = image(node.inputs[0]);
  const dtype = readAs(given.type.dtype);
  const x = given.type.dtype === dtype ? given : make("cast", [given], { dtype }, origin);
  const name = slotNames.cache(caches.length);
  const seen = { name: node.attrs.to, size: capacity };
  const rest = x.type.dims.filter(({ name }) => name !== token && name !== text);
  caches.push({ name, node: tokensFirst(x, making) });
  const old = make(
    "input",
    [],
    { name, type: { dtype, dims: [...textsOf(making), seen, ...rest] }, role: "data" },
    origin,
  );
  const at = make("index", [], { dim: seen }, origin);
  const begin = position(making, node);
  const added = make("gather", [x, make("sub", [at, begin], {}, origin)], { dim: token }, origin);
  return make("select", [make("less", [at, begin], {}, origin), old, added], {}, origin);
}

/** The value in an order of memory in which those of a token lie together, and those of a text. */
function tokensFirst(x: Node, making: Making): Node {
  const rest = x.type.dims.flatMap(({ name }) => (name === making.token || name === text ? [] : [name]));
  return inOrder(x, [making.token, ...rest], making);
}

/** The image of an output, with its dimensions in the order that they had, behind that of texts. */
const asBefore = (node: Node, making: Making): Node =>
  making.texts === undefined
    ? making.image(node)
    : inOrder(
        making.image(node),
        node.type.dims.map(({ name }) => name),
        making,
      );

function inOrder(x: Node, names: readonly string[], { texts, maker }: Making): Node {
  const wanted = [...(texts === undefined ? [] : [text]), ...names];
  if (x.type.dims.every(({ name }, i) => name === wanted[i])) return x;
  const into = wanted.map((name) => ({ name, size: sizeOf(x.type, name) ?? Number.NaN }));
  const merged = maker.make("merge", [x], { dims: wanted, into: "memory" }, x.origin);
  return maker.make("split", [merged], { dim: "memory", into }, x.origin);
}
