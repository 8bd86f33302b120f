/** Steps over graphs to steps over programs: each different graph is compiled once, each different kernel is stored once. */

import type { CompiledGraph } from "./compile-graph.ts";
import type { Graph } from "./graph/graph.ts";
import type { Kernel, Program } from "./plan/program.ts";
import type { Step } from "./plan/step.ts";

export interface Assembled {
  /** By hash. */
  readonly kernels: readonly Kernel[];
  readonly programs: readonly Program[];
  readonly steps: readonly Step[];
}

export function assemble(steps: readonly Step<Graph>[], compile: (graph: Graph) => CompiledGraph): Assembled {
  const kernels = new Map<string, Kernel>();
  const names = new Map<Graph, string>();
  /** By their content without the name. */
  const programs = new Map<string, Program>();
  const alike = new Map<string, number>();
  /** The name of the graph's program: the graph's, and a number where another program has it. */
  const programOf = (graph: Graph): string => {
    const old = names.get(graph);
    if (old !== undefined) return old;
    const { program, kernels: own } = compile(graph);
    for (const kernel of own) kernels.set(kernel.hash, kernel);
    const content = JSON.stringify({ ...program, name: graph.name });
    const count = (alike.get(graph.name) ?? 0) + 1;
    const named = programs.get(content) ?? { ...program, name: count === 1 ? graph.name : `${graph.name} ${count}` };
    if (!programs.has(content)) alike.set(graph.name, count);
    programs.set(content, named);
    names.set(graph, named.name);
    return named.name;
  };
  const made = steps.map((step) => ({ ...step, program: programOf(step.program) }));
  const byHash = [...kernels.values()].sort((a, b) => (a.hash < b.hash ? -1 : 1));
  return { kernels: byHash, programs: [...programs.values()], steps: made };
}
