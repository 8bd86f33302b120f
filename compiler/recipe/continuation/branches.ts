/**
 * The same values for several texts that begin alike, in one row of tokens: what they share goes through once, and what each has of its
 * own stands behind it, one after the other. Each token has its place in its text, and sees what was shared and what its own text has
 * before it. Nothing else changes: of a value that looks ahead of no token, what is not seen is nothing (`looksAhead`).
 */
import { coneOf } from "../../graph/cone.ts";
import type { Maker } from "../../graph/make.ts";
import type { Node } from "../../graph/ops.ts";
import { slotNames } from "../../graph/slots.ts";
import type { Dim } from "../../graph/type.ts";
import type { TaskPart } from "../../plan/plan.ts";
import { type Crossing, crossingIn, otherNames } from "./crossing.ts";
import { seenIn } from "./looks-ahead.ts";

export interface Branches {
  /** The dimension of tokens. */
  readonly token: string;
  /** How many there are in a row. */
  readonly count: number;
}

/** The node for a row, of which what it is made of has `position` and `branch`, i32[token] (`TaskPart`). */
export function inBranches(node: Node, { token, count }: Branches, maker: Maker): Node | Crossing {
  const nodes = coneOf([node]);
  const others = otherNames(nodes, token);
  const crossing = crossingIn(nodes, [node], { token, seen: others });
  if (crossing) return crossing;
  const images = new Map<Node, Node>();
  const making = { token, others, count, maker, image: (of: Node): Node => images.get(of) as Node };
  for (const each of nodes) images.set(each, imageOf(each, making));
  return images.get(node) ?? node;
}

interface Making extends Branches {
  readonly others: readonly string[];
  readonly maker: Maker;
  readonly image: (node: Node) => Node;
}

function imageOf(node: Node, making: Making): Node {
  const { token, others, maker, image } = making;
  const { make } = maker;
  const { origin } = node;
  if (node.op === "input") {
    const type = { ...node.attrs.type, dims: node.attrs.type.dims.map((dim) => resized(dim, making)) };
    return make("input", [], { ...node.attrs, type }, origin);
  }
  if (node.op === "index" && [token, ...others].includes(node.attrs.dim.name))
    return ofTokens("position", node.attrs.dim.name, node, making);
  const seen = seenIn(node, { token, seen: others });
  if (seen === null) return maker.copy(node, image);
  const sees = isSeen(seen.by, node, making);
  return seen.isSeen ? sees : make("not", [sees], {}, origin);
}

const resized = (dim: Dim, { token, count }: Branches): Dim => (dim.name === token ? { ...dim, size: count } : dim);

/** What is known of each token, along a name of theirs. */
function ofTokens(part: TaskPart, name: string, { origin }: Node, { token, count, maker: { make } }: Making): Node {
  const type = { dtype: "i32", dims: [{ name: token, size: count }] } as const;
  const own = make("input", [], { name: slotNames.ofTask(part), type, role: "data" }, origin);
  return name === token ? own : make("rename", [own], { from: token, to: name }, origin);
}

/** Whether a token sees one that `by` names: a shared one, or one of its own text, that is not behind it. */
function isSeen(by: string, node: Node, making: Making): Node {
  const { token, maker } = making;
  const { origin } = node;
  const make = (op: "less" | "lessEqual" | "equal" | "and" | "or", a: Node, b: Node): Node =>
    maker.make(op, [a, b], {}, origin);
  const part = (name: TaskPart, along: string): Node => ofTokens(name, along, node, making);
  const zero = maker.make("constant", [], { value: 0, dtype: "i32" }, origin);
  const isShared = make("less", part("branch", by), zero);
  const isOwn = make("equal", part("branch", by), part("branch", token));
  const isBefore = make("lessEqual", part("position", by), part("position", token));
  return make("and", isBefore, make("or", isShared, isOwn));
}
