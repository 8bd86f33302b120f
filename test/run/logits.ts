/** The logits of a model for one window, by the compiled forward pass on the device: what enters the blocks, each block, the head. */

import type { Graph } from "../../compiler/graph/graph.ts";
import { maker } from "../../compiler/graph/make.ts";
import type { Node } from "../../compiler/graph/ops.ts";
import { newContext } from "../../compiler/language/context.ts";
import { declareModules } from "../../compiler/language/declare.ts";
import { tokensInput } from "../../compiler/language/members.ts";
import { resolve } from "../../compiler/language/resolve.ts";
import { scopeIn } from "../../compiler/language/scope.ts";
import { modelType } from "../../compiler/model/arch.ts";
import { forward, forwardBlock } from "../../compiler/model/forward.ts";
import { blockOf } from "../../compiler/model/value.ts";
import type { Family } from "../../compiler/schedule/family.ts";
import { accepted } from "../../grammar/diagnostic.ts";
import { type Checkpoint, openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { library } from "../given/library.ts";
import { readWeight } from "../io/tensors.ts";
import type { Bench } from "../ops/run.ts";

/** The three graphs of a forward pass on windows of that length; blocks of all layers are one graph. */
function graphsOf({ folder, config, tensors }: Checkpoint, length: number) {
  const graphs = maker();
  const context = newContext(graphs);
  const file = library.read("std/arch/llama");
  const archs = file && declareModules(context, accepted(resolve(library, file))).archs;
  const arch = archs?.at(-1);
  if (!arch) throw new Error("std/arch/llama declares no architecture");
  const { span } = arch.declaration;
  const type = modelType(context, arch, { name: folder, config, tensors });
  const tokens = tokensInput(context, scopeIn(null), length, span);
  const { entry, logits } = forward(context, type, scopeIn(null), tokens, span);
  const first = blockOf(type, 0);
  const block = entry && first && forwardBlock(context, first, entry, span).result;
  const graph = (name: string, node: Node | null | undefined): Graph => {
    if (!node) throw new Error(`no ${name}: ${JSON.stringify(context.found.map(({ problem }) => problem.kind))}`);
    return graphs.graph(name, [{ name: "y", node }]);
  };
  const head = logits.kind === "tensor" ? logits.node : null;
  return { embed: graph("embed", entry?.node), block: graph("block", block), head: graph("head", head) };
}

/** Row-major, a row per token. */
export async function logitsOf(
  bench: Bench,
  folder: string,
  tokens: readonly number[],
  family: Family,
): Promise<Float64Array> {
  const model = await openCheckpoint(folder);
  const { embed, block, head } = graphsOf(model, tokens.length);
  const weights = new Map<string, Float64Array>();
  for (const [name, tensor] of model.tensors) weights.set(name, Float64Array.from(await readWeight(tensor)));
  const run = async (graph: Graph, x: Float64Array, layer: number): Promise<Float64Array> => {
    const inputs = new Map([
      ["tokens", Float64Array.from(tokens)],
      ["x", x],
    ]);
    for (const node of graph.nodes) {
      if (node.op !== "input" || node.attrs.role !== "weight") continue;
      const found = weights.get(node.attrs.name.replaceAll("{layer}", String(layer)));
      if (found) inputs.set(node.attrs.name, found);
    }
    return (await bench.run({ graph, inputs }, family)).outputs.get("y") ?? new Float64Array();
  };
  let x = await run(embed, new Float64Array(), 0);
  for (let layer = 0; layer < Number(model.config["num_hidden_layers"]); layer++) x = await run(block, x, layer);
  return run(head, x, 0);
}
