/**
 * What a stage counts beside its work, so that nothing is made of numbers that are none: an infinity beneath a root, as in a
 * norm, gives 0 further on, a maximum passes over NaN, and a mask shows nothing of either.
 */
import type { LinearInput } from "../check/forward.ts";
import type { Output } from "../graph/graph.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../plan/program.ts";

/** Of each activation that is observed, and of what lies beneath the roots before it: how many values are NaN or infinite. */
export function notFinite(
  maker: Maker,
  observed: readonly Output[],
  inputs: readonly LinearInput[],
): readonly Output[] {
  const nodes = computing(observed);
  const read = inputs.filter(({ input }) => input.node && nodes.includes(input.node));
  const activations = Map.groupBy(read, ({ input }) => input.node);
  const counts = [...activations].flatMap(([node, layers]) => {
    const names = layers.map(({ linear }) => linear.name).join(", ");
    return node ? [countOf(maker, difference(maker, node), slotNames.notFinite(`the inputs of ${names}`))] : [];
  });
  return [...counts, ...beneathRoots(maker, nodes)];
}

function beneathRoots(maker: Maker, nodes: readonly Node[]): readonly Output[] {
  const fromData = new Set<Node>();
  for (const node of nodes) {
    const isData = node.op === "input" && node.attrs.role === "data";
    if (isData || node.inputs.some((input) => fromData.has(input))) fromData.add(node);
  }
  const roots = nodes.filter((node) => (node.op === "sqrt" || node.op === "rsqrt") && fromData.has(node));
  const operands = [...new Set(roots.flatMap(({ inputs }) => inputs))];
  return operands.map((node, i) =>
    countOf(
      maker,
      difference(maker, node),
      slotNames.notFinite(`the values beneath root ${i + 1} of the block (of a norm, say)`),
    ),
  );
}

/** Of all scores that a method ranks, how many are NaN; nothing if it ranks none. */
export function unranked(maker: Maker, outputs: readonly Output[]): readonly Output[] {
  const scores = new Set(computing(outputs).flatMap((node) => (node.op === "best" ? node.inputs : [])));
  const real = [...scores].filter(({ type }) => type.dtype === "f32");
  return real.map((node, i) => countOf(maker, node, slotNames.unranked(i)));
}

/** What the outputs are computed from, and they, in creation order. */
function computing(outputs: readonly Output[]): readonly Node[] {
  const found = new Set(outputs.map(({ node }) => node));
  for (const { inputs } of found) for (const input of inputs) found.add(input);
  return [...found].sort((a, b) => a.id - b.id);
}

/** NaN for what is NaN or infinite, and 0 for all others. */
const difference = ({ make }: Maker, x: Node): Node => make("sub", [x, x], {}, x.origin);

/** How many elements are NaN, over tokens where there are any, so that columns are counted side by side. */
function countOf({ make }: Maker, x: Node, name: string): Output {
  const { origin } = x;
  const isNumberless = make("not", [make("equal", [x, x], {}, origin)], {}, origin);
  const names = x.type.dims.map((dim) => dim.name);
  const over = names.includes("token") ? ["token"] : names;
  const ones = make("cast", [isNumberless], { dtype: "i32" }, origin);
  return { name, node: over.length === 0 ? ones : make("reduce", [ones], { by: "sum", over }, origin) };
}
