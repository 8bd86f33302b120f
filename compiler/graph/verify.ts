/** The invariants of a graph, which hold after every pass. A violation is a bug in the compiler. */

import { invariant } from "../invariant.ts";
import { readAs } from "../plan/dtype.ts";
import { wrongBody } from "./bodies.ts";
import type { Graph, Output } from "./graph.ts";
import type { Node, NodeOf } from "./ops.ts";
import { resultType, sameDims, storedAs } from "./result-type.ts";
import { showNode } from "./show.ts";

/** Throws if nodes are out of order, stale in type, unused, bound twice under one name, or an output cannot be kept. */
export function verifyGraph({ nodes, outputs }: Graph): void {
  const isUsed = new Set<Node>(outputs.map(({ node }) => node));
  for (const [i, node] of nodes.entries()) {
    invariant(node.id === i, `node ${i} is out of order`);
    for (const x of node.inputs) {
      invariant(x.id < i && nodes[x.id] === x, `${showNode(node)}: %${x.id} is not an earlier node of this graph`);
      isUsed.add(x);
    }
    const { dtype, dims } = resultType(node.op, node.inputs, node.attrs);
    invariant(node.type.dtype === dtype && sameDims(node.type.dims, dims), `${showNode(node)}: stale type`);
    if (node.op === "feedback") verifyBodies(node);
  }
  for (const node of nodes) invariant(isUsed.has(node), `${showNode(node)}: nothing needs it`);
  checkUnique(
    "input",
    nodes.flatMap((node) => (node.op === "input" ? [node.attrs.name] : [])),
  );
  checkUnique(
    "output",
    outputs.map(({ name }) => name),
  );
  for (const output of outputs) verifyOutput(output, nodes);
}

function verifyBodies(node: NodeOf<"feedback">): void {
  for (const { body } of node.attrs.levels) verifyGraph(body);
  invariant(wrongBody(node) === undefined, `${showNode(node)}: ${wrongBody(node)}`);
}

function verifyOutput(output: Output, nodes: readonly Node[]): void {
  const { name, node, accumulate, store } = output;
  invariant(nodes[node.id] === node, `output ${name} is not a node of this graph`);
  const isHeld = store === undefined || readAs(store) === readAs(node.type.dtype);
  invariant(isHeld, `output ${name}: ${node.type.dtype} stored as ${store}`);
  const kept = storedAs(output);
  invariant(accumulate === undefined || kept === "f32" || kept === "i32", `output ${name}: accumulated in ${kept}`);
}

/** An output may have the name of an input: a block reads an `x` and writes an `x`. */
const checkUnique = (what: string, names: readonly string[]): void =>
  invariant(new Set(names).size === names.length, `an ${what} name occurs twice: ${names.join(" ")}`);
