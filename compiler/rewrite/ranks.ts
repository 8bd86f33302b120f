/** The greatest of few by counting how many are greater: what `best` says, as an expression. */
import { maker } from "../graph/make.ts";
import type { Body, Node, NodeOf } from "../graph/ops.ts";
import { sizeOf } from "../graph/type.ts";

type Make = ReturnType<typeof maker>["make"];

/** The body with every `best` as a count. */
export function withRanks({ name, nodes, outputs }: Body): Body {
  const { make, copy, body } = maker();
  const images = new Map<Node, Node>();
  const image = (node: Node): Node => images.get(node) ?? node;
  for (const node of nodes)
    images.set(node, node.op === "best" ? ranked(make, node, image(node.inputs[0])) : copy(node, image));
  return body(
    name,
    outputs.map((output) => ({ ...output, node: image(output.node) })),
  );
}

/** Whether fewer than `keep` come before it: they are greater, or equal and later; NaN is less than all others. */
function ranked(make: Make, { attrs: { keep, over }, origin }: NodeOf<"best">, x: Node): Node {
  const of = (op: "less" | "lessEqual" | "equal" | "and" | "or" | "add" | "mul", a: Node, b: Node): Node =>
    make(op, [a, b], {}, origin);
  const whole = (value: number): Node => make("constant", [], { value, dtype: "i32" }, origin);
  const renamed = (node: Node): Node =>
    over.reduce((each, from) => make("rename", [each], { from, to: other(from) }, origin), node);
  const place = over.reduce((flat, dim) => {
    const size = sizeOf(x.type, dim) ?? 1;
    return of("add", of("mul", flat, whole(size)), make("index", [], { dim: { name: dim, size } }, origin));
  }, whole(0));
  const [y, isLater] = [renamed(x), of("less", place, renamed(place))];
  const isNone = (node: Node): Node => make("not", [of("equal", node, node)], {}, origin);
  const isBefore = make("select", [isLater, of("lessEqual", x, y), of("less", x, y)], {}, origin);
  const isAfterNone = of("and", isNone(x), of("or", isLater, of("equal", y, y)));
  const before = make("cast", [of("or", isBefore, isAfterNone)], { dtype: "i32" }, origin);
  const count = make("reduce", [before], { by: "sum", over: over.map(other) }, origin);
  const kept = of("less", count, whole(keep));
  return kept;
}

const other = (dim: string): string => `${dim}, another`;
