/** Steps over graphs to steps over programs: each different graph is compiled once, each different kernel is stored once. */

import type { Graph } from "../graph/graph.ts";
import type { Windows } from "../language/value.ts";
import type { CorpusFacts } from "../model/facts.ts";
import type { CompressStep, Forward, Step, WindowsRecord } from "../plan/plan.ts";
import type { Kernel, Program } from "../plan/program.ts";
import type { BlockTargets, CompressGraphs, ForwardGraphs, GraphStep } from "./graphs.ts";

export interface Assembled {
  readonly kernels: readonly Kernel[];
  readonly programs: readonly Program[];
  readonly steps: readonly Step[];
}

interface Assembling {
  readonly compile: (graph: Graph) => { readonly program: Program; readonly kernels: readonly Kernel[] };
  readonly countWindows: (windows: Windows) => number | null;
  readonly kernels: Map<string, Kernel>;
  readonly names: Map<Graph, string>;
  /** Content without the name → program. */
  readonly programs: Map<string, Program>;
  /** Programs by the name of their graph. */
  readonly alike: Map<string, number>;
}

export function assemble(
  steps: readonly GraphStep[],
  compile: Assembling["compile"],
  countWindows: Assembling["countWindows"],
): Assembled {
  const at: Assembling = {
    compile,
    countWindows,
    kernels: new Map(),
    names: new Map(),
    programs: new Map(),
    alike: new Map(),
  };
  const made = steps.map((step) => assembleStep(at, step));
  const byHash = [...at.kernels.values()].sort((a, b) => (a.hash < b.hash ? -1 : 1));
  return { kernels: byHash, programs: [...at.programs.values()], steps: made };
}

function assembleStep(at: Assembling, step: GraphStep): Step {
  switch (step.kind) {
    case "compress":
      return compressStep(at, step);
    case "evaluate": {
      const [windows, forward] = [windowsRecord(at, step.windows), forwardOf(at, step.forward)];
      return { kind: "evaluate", of: step.of, windows, forward, head: programFor(at, step.head), series: step.series };
    }
    case "measure": {
      const program = step.graph.outputs.length > 0 ? programFor(at, step.graph) : "";
      const inputs = step.inputs.map((name) => ({ slot: name, series: name }));
      return { kind: "measure", program, inputs, values: step.values };
    }
    case "save":
      return { kind: "save", of: step.of, format: step.format };
  }
}

/** The name of the graph's program: the graph's, and a number where another program has it. */
function programFor(at: Assembling, graph: Graph): string {
  const old = at.names.get(graph);
  if (old) return old;
  const { program, kernels } = at.compile(graph);
  for (const kernel of kernels) at.kernels.set(kernel.hash, kernel);
  const content = JSON.stringify({ ...program, name: graph.name });
  const same = at.programs.get(content);
  const alike = at.alike.get(graph.name) ?? 0;
  const named = same ?? { ...program, name: alike === 0 ? graph.name : `${graph.name} ${alike + 1}` };
  if (!same) at.alike.set(graph.name, alike + 1);
  at.programs.set(content, named);
  at.names.set(graph, named.name);
  return named.name;
}

const forwardOf = (at: Assembling, { embed, blocks }: ForwardGraphs): Forward => ({
  embed: programFor(at, embed),
  blocks: blocks.map((block) => programFor(at, block)),
});

function windowsRecord(
  { countWindows }: Assembling,
  { corpus, split, length, draw, ...windows }: Windows,
): WindowsRecord {
  return {
    corpus,
    split,
    length,
    count: draw?.count ?? countWindows({ corpus, split, length, draw, ...windows }) ?? 0,
    seed: draw?.seed ?? null,
  };
}

function compressStep(at: Assembling, step: CompressGraphs): CompressStep {
  const inBlocks = step.blocks.flatMap((block) =>
    block.layer === null ? [] : [{ layer: block.layer, ...targetsOf(at, block) }],
  );
  const outside = step.blocks.find(({ layer }) => layer === null);
  return {
    kind: "compress",
    stage: step.stage,
    action: step.action,
    of: step.of,
    windows: step.windows ? windowsRecord(at, step.windows) : null,
    propagate: step.propagate,
    forward: step.forward ? forwardOf(at, step.forward) : null,
    blocks: inBlocks,
    head: outside ? targetsOf(at, outside) : null,
  };
}

function targetsOf(
  at: Assembling,
  { calibrate, targets }: BlockTargets,
): Omit<CompressStep["blocks"][number], "layer"> {
  return {
    calibrate: calibrate.map((graph) => programFor(at, graph)),
    targets: targets.map(({ selected, tensor, graph, statistics }) => ({
      name: selected.linear.name,
      tensor,
      program: programFor(at, graph),
      statistics,
    })),
  };
}

/** How many windows of a text there are, where the text was counted. */
export const windowCounter =
  (corpora: ReadonlyMap<string, CorpusFacts>) =>
  ({ corpus, split, length, draw }: Windows): number | null => {
    const tokens = corpora.get(corpus)?.tokens[split];
    return draw ? draw.count : tokens === undefined ? null : Math.floor(tokens / length);
  };
