/** Rules over a graph and the walk that applies them. A rule is a function that gives the replacement, or false. */
import type { Graph } from "../graph/graph.ts";
import { maker } from "../graph/make.ts";
import type { Body, Node, NodeOf, OpName, Ops } from "../graph/ops.ts";
import { sameDims } from "../graph/result-type.ts";
import { showNode } from "../graph/show.ts";
import { bug } from "../invariant.ts";
import { readAs } from "../plan/dtype.ts";

/** Rules per primitive; the first that gives a replacement wins. */
export type RewriteRules = { readonly [K in OpName]: readonly RewriteRule<K>[] };

/**
 * The replacement must have the value of `node`; where it lacks dimensions or orders them otherwise it is dropped, and where
 * it is stored in half precision it is read as f32, so that a rule need not look at types.
 */
export type RewriteRule<K extends OpName> = (node: NodeOf<K>, around: Rewriter) => Node | false;

export interface Rewriter {
  /** The node, itself rewritten already, with the origin of the one that it helps to replace. */
  readonly make: <K extends OpName>(op: K, inputs: Ops[K]["inputs"], attrs: Ops[K]["attrs"]) => Node;
  /** Exactly one node or output of the graph reads it; false for what a rule has just made. */
  readonly isSingle: (node: Node) => boolean;
}

/** Applies the rules everywhere until nothing changes. */
export function rewrite(graph: Graph, rules: RewriteRules): Graph {
  let current = graph;
  for (let round = 0; round < 100; round++) {
    const next = walk(current, rules);
    if (isSame(current, next)) return next;
    current = next;
  }
  return bug(`the rules do not come to rest on ${graph.name}`);
}

/** Once over the nodes in order; each is made again on the images of its inputs, and replaced if a rule applies. */
function walk({ name, nodes, outputs }: Graph, rules: RewriteRules): Graph {
  const { make, copy, graph } = maker();
  const readers = countReaders({ nodes, outputs });
  const readersOfImage = new Map<Node, number>();
  const settle = (node: Node): Node => {
    const around: Rewriter = {
      make: (op, inputs, attrs) => settle(make(op, inputs, attrs, node.origin)),
      isSingle: (other) => readersOfImage.get(other) === 1,
    };
    for (const rule of rules[node.op] as readonly RewriteRule<OpName>[]) {
      const found = rule(node as NodeOf<OpName>, around);
      const replacement = found !== false && found !== node && fit(found, node, around);
      if (replacement !== false) return replacement;
    }
    return node;
  };
  const images: Node[] = [];
  const image = ({ id }: Node): Node => images[id] as Node;
  for (const node of nodes) {
    const made = settle(
      copy(
        withBodies(node, (body) => rewrite(body, rules)),
        image,
      ),
    );
    images.push(made);
    readersOfImage.set(made, (readersOfImage.get(made) ?? 0) + (readers[node.id] ?? 0));
  }
  return graph(
    name,
    outputs.map((output) => ({ ...output, node: image(output.node) })),
  );
}

/** A sweep with what its bodies become; any other node as it is. */
function withBodies(node: Node, become: (body: Body) => Body): Node {
  if (node.op !== "feedback") return node;
  const levels = node.attrs.levels.map((level) => ({ ...level, body: become(level.body) }));
  return { ...node, attrs: { ...node.attrs, levels } };
}

const isSame = (a: Graph, b: Graph): boolean =>
  a.nodes.length === b.nodes.length &&
  a.nodes.map(showNode).join() === b.nodes.map(showNode).join() &&
  a.outputs.every(({ node }, i) => node.id === b.outputs[i]?.node.id);

/** The replacement with the type of the node, if it can have it. */
function fit(replacement: Node, { type }: Node, { make }: Rewriter): Node | false {
  if (!sameDims(replacement.type.dims, type.dims)) return false;
  if (replacement.type.dtype === type.dtype) return replacement;
  return readAs(replacement.type.dtype) === type.dtype && make("cast", [replacement], { dtype: type.dtype });
}

function countReaders({ nodes, outputs }: Pick<Graph, "nodes" | "outputs">): Uint32Array {
  const readers = new Uint32Array(nodes.length);
  const read = ({ id }: Node): void => {
    readers[id] = (readers[id] ?? 0) + 1;
  };
  for (const { inputs } of nodes) inputs.forEach(read);
  for (const { node } of outputs) read(node);
  return readers;
}
