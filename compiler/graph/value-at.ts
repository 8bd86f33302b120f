/** Values along a dimension, position by position: what was stacked along it is taken apart. */
import { isElementwise } from "./elementwise.ts";
import type { Maker } from "./make.ts";
import type { Node } from "./ops.ts";
import { sizeOf } from "./type.ts";

/** Whether it is computed, position by position, of what was stacked along a dimension. */
export function isStacked(node: Node, dim: string): boolean {
  const known = found.get(node) ?? new Map<string, boolean>();
  found.set(node, known);
  const is = known.get(dim) ?? (placed(node, dim) !== null || operands(node, dim).some((x) => isStacked(x, dim)));
  known.set(dim, is);
  return is;
}

const found = new WeakMap<Node, Map<string, boolean>>();

/** What a node is computed of position by position. */
function operands(node: Node, dim: string): readonly Node[] {
  if (sizeOf(node.type, dim) === undefined) return [];
  if (node.op === "reduce" || node.op === "detach" || isElementwise(node)) return node.inputs;
  return node.op === "rename" && node.attrs.to !== dim ? node.inputs : [];
}

/** The first of what is stacked along a dimension, its position, and the rest; null of anything else. */
function placed(node: Node, dim: string): { readonly at: number; readonly one: Node; readonly rest: Node } | null {
  if (node.op !== "select") return null;
  const [is, one, rest] = node.inputs;
  if (is.op !== "equal") return null;
  const [index, place] = is.inputs;
  const isAlong = index.op === "index" && index.attrs.dim.name === dim && place.op === "constant";
  return isAlong && sizeOf(one.type, dim) === undefined ? { at: place.attrs.value, one, rest } : null;
}

/** The value at a position of a dimension, without that dimension. */
export function valueAt(maker: Maker, node: Node, dim: string, at: number): Node {
  const images = new Map<Node, Node>();
  const image = (of: Node): Node => {
    const made = images.get(of) ?? imageOf(of);
    images.set(of, made);
    return made;
  };
  const imageOf = (of: Node): Node => {
    let rest = of;
    for (let here = placed(rest, dim); here; here = placed(rest, dim)) {
      if (here.at === at) return here.one;
      rest = here.rest;
    }
    if (sizeOf(rest.type, dim) === undefined) return rest;
    if (operands(rest, dim).some((x) => isStacked(x, dim))) return maker.copy(rest, image);
    const place = maker.make("constant", [], { value: at, dtype: "i32" }, of.origin);
    return maker.make("gather", [rest, place], { dim }, of.origin);
  };
  return image(node);
}
