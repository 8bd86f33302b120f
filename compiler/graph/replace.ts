/** Values computed from other inputs. */
import { coneOf } from "./cone.ts";
import type { Maker } from "./make.ts";
import type { Node, NodeOf } from "./ops.ts";

/** Computes nodes from others where `nodeFor` gives one for what they are computed from; each node once, however many read it. */
export function replacer(maker: Pick<Maker, "copy">, nodeFor: (node: Node) => Node | null): (node: Node) => Node {
  const images = new Map<Node, Node>();
  const image = (node: Node): Node => images.get(node) as Node;
  return (node) => {
    for (const each of coneOf([node], images))
      if (!images.has(each)) images.set(each, nodeFor(each) ?? maker.copy(each, image));
    return image(node);
  };
}

/** The node, computed from others where `nodeFor` gives one for what it is computed from. */
export const replaceNodes = (maker: Pick<Maker, "copy">, node: Node, nodeFor: (node: Node) => Node | null): Node =>
  replacer(maker, nodeFor)(node);

/** The node, computed from other inputs where `inputFor` gives one. */
export const replaceInputs = (
  maker: Pick<Maker, "copy">,
  node: Node,
  inputFor: (input: NodeOf<"input">) => Node | null,
): Node => replaceNodes(maker, node, (each) => (each.op === "input" ? inputFor(each) : null));

/** The node with its inputs under other names. */
export const renameInputs = (maker: Maker, node: Node, nameFor: (name: string) => string): Node =>
  replaceInputs(maker, node, ({ attrs, origin }) =>
    maker.make("input", [], { ...attrs, name: nameFor(attrs.name) }, origin),
  );
