/** A sweep of some rows: its bodies are graphs of their own, in which those rows are the dimension. */
import { coneOf } from "../graph/cone.ts";
import { type Make, maker } from "../graph/make.ts";
import type { Body, Node, NodeOf } from "../graph/ops.ts";

/** The sweep at the positions `at` of a dimension of rows, of inputs at the same. */
export function sweptAt(
  { attrs, origin }: NodeOf<"feedback">,
  inputs: NodeOf<"feedback">["inputs"],
  { dim, at, make }: { readonly dim: string; readonly at: Node; readonly make: Make },
): Node {
  const levels = attrs.levels.map((level) => ({ ...level, body: bodyAt(level.body, dim, at) }));
  return make("feedback", inputs, { ...attrs, levels }, origin);
}

function bodyAt({ name, nodes, outputs }: Body, dim: string, at: Node): Body {
  const { make, copy, body } = maker();
  const images = new Map<Node, Node>();
  const image = (node: Node): Node => images.get(node) ?? node;
  for (const node of coneOf([at])) images.set(node, copy(node, image));
  const place = image(at);
  for (const node of nodes) {
    if (node.op === "input") {
      const dims = node.type.dims.flatMap((each) => (each.name === dim ? at.type.dims : [each]));
      const type = { ...node.type, dims };
      images.set(node, make("input", [], { ...node.attrs, type }, node.origin));
    } else images.set(node, node.op === "index" && node.attrs.dim.name === dim ? place : copy(node, image));
  }
  return body(
    name,
    outputs.map((output) => ({ ...output, node: image(output.node) })),
  );
}
