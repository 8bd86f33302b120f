/** Values computed from other inputs. */
import { coneOf } from "./cone.ts";
import type { Maker } from "./make.ts";
import type { Node, NodeOf } from "./ops.ts";

/** The node, computed from others where `nodeFor` gives one for what it is computed from. */
export function replaceNodes(maker: Pick<Maker, "copy">, node: Node, nodeFor: (node: Node) => Node | null): Node {
  const images = new Map<Node, Node>();
  for (const each of coneOf([node]))
    images.set(each, nodeFor(each) ?? maker.copy(each, (input) => images.get(input) as Node));
  return images.get(node) ?? node;
}

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
