/** What is computed of one weight with constants alone, and how that is undone: where a value of it is to be another one, this finds the weight. */
import { coneOf } from "../graph/cone.ts";
import type { Maker } from "../graph/make.ts";
import type { Node, NodeOf } from "../graph/ops.ts";

/** What the runtime binds of all that a node is computed from. */
export const inputsOf = (node: Node): readonly NodeOf<"input">[] =>
  coneOf([node]).filter((each): each is NodeOf<"input"> => each.op === "input");

/** Whether it is computed of weights alone, and not of numbers of the architecture alone. */
export const isOfWeights = (node: Node): boolean => {
  const inputs = inputsOf(node);
  return inputs.length > 0 && inputs.every(({ attrs }) => attrs.role === "weight");
};

/** A step from a weight to what is computed of it, with constants alone beside it. */
export interface Hop {
  readonly node: Extract<Node, { readonly op: "add" | "sub" | "mul" | "div" | "neg" | "cast" }>;
  /** Which operand is computed of the weight. */
  readonly side: number;
}

/** The steps from a weight to the node, the first first; null where one cannot be undone. */
export function pathTo(node: Node, weight: Node): readonly Hop[] | null {
  if (node === weight) return [];
  const side = node.inputs.findIndex((x: Node) => coneOf([x]).includes(weight));
  const isOnce = node.inputs.filter((x: Node) => coneOf([x]).includes(weight)).length === 1;
  if (!isOnce || !isHop(node) || (node.op === "div" && side === 1)) return null;
  const before = pathTo(node.inputs[side] as Node, weight);
  return before && [...before, { node, side }];
}

const isHop = (node: Node): node is Hop["node"] =>
  ["add", "sub", "mul", "div", "neg"].includes(node.op) || (node.op === "cast" && node.attrs.dtype === "f32");

/** What the step makes of another operand. */
export const evaluated = (maker: Maker, { node, side }: Hop, x: Node): Node => {
  let place = 0;
  return maker.copy(node, (input) => (place++ === side ? x : input));
};

/** The operand of which the step makes `y`. */
export function solved({ make }: Maker, { node, side }: Hop, y: Node): Node {
  const [a, b] = node.inputs as readonly [Node, Node];
  const other = side === 0 ? b : a;
  switch (node.op) {
    case "add":
      return make("sub", [y, other], {}, node.origin);
    case "sub":
      return side === 0 ? make("add", [y, other], {}, node.origin) : make("sub", [other, y], {}, node.origin);
    case "mul":
      return make("div", [y, other], {}, node.origin);
    case "div":
      return make("mul", [y, other], {}, node.origin);
    case "neg":
      return make("neg", [y], {}, node.origin);
    case "cast":
      return y;
  }
}
