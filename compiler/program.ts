/** From a graph to a program for one adapter: fuse, lay out, lower, link; in strips where that does not fit. */
import { CompileError } from "../grammar/diagnostic.ts";
import { fuse } from "./fuse/fuse.ts";
import { inTwoSteps } from "./fuse/in-two-steps.ts";
import { inColumnStrips, inStrips, inStripsAlone } from "./fuse/strips.ts";
import { sumsFirst } from "./fuse/sums-first.ts";
import type { Graph } from "./graph/graph.ts";
import { showType } from "./graph/type.ts";
import { type Excess, excessOf } from "./kernel/excess.ts";
import { link } from "./kernel/link.ts";
import { lowerGroup } from "./kernel/lower-group.ts";
import type { DeviceFacts } from "./plan/device-facts.ts";
import type { Kernel, Program } from "./plan/program.ts";
import { explain, type Problem } from "./problem.ts";
import type { Family } from "./schedule/family.ts";
import { type Schedules, schedules } from "./schedule/schedules.ts";
import { bytesOf } from "./schedule/storage.ts";
import { storages } from "./schedule/storages.ts";

export interface CompileOptions {
  /** How kernels are scheduled; by default after the device. */
  readonly family?: Family;
  /** The choice of schedules within the family, for tests that draw them. */
  readonly schedules?: Schedules;
}

export interface CompiledGraph {
  readonly program: Program;
  /** Each once, in the order of first use. */
  readonly kernels: readonly Kernel[];
}

export function compileGraph(written: Graph, facts: DeviceFacts, options: CompileOptions = {}): CompiledGraph {
  let graph = inTwoSteps(sumsFirst(written));
  let first: Excess | undefined;
  for (let divisions = 0; ; divisions++) {
    const { groups, memory } = lower(graph, facts, options);
    const excess = excessOf(groups, memory.storages, facts);
    if (excess === undefined) return link(graph, groups, memory.storages, facts);
    first ??= excess;
    const smaller = divisions < mostDivisions ? divided(graph, excess, facts) : undefined;
    if (smaller === undefined)
      throw new CompileError([explain(problemOf(excess.storage.slot ? excess : first, facts))]);
    graph = smaller;
  }
}

/** How often a graph is divided before it is given up: what does not fit then is too large by far. */
const mostDivisions = 64;

function lower(graph: Graph, facts: DeviceFacts, options: CompileOptions) {
  const family = options.family ?? (facts.software ? "software" : "gpu");
  const groups = fuse(graph, { packs: family === "software", limits: facts });
  const memory = storages(graph, groups, facts, family);
  const lowering = { ...memory, facts, family, schedules: options.schedules ?? schedules };
  return { groups: groups.map((group) => ({ group, kernel: lowerGroup(group, lowering) })), memory };
}

/** The graph in strips, so that what is too large gets smaller. What the runtime supplies stays as it is. */
function divided(
  graph: Graph,
  { storage, bindings, relief }: Excess,
  { maxBufferSize }: DeviceFacts,
): Graph | undefined {
  if (relief === "none") return undefined;
  const { node, layout } = storage;
  const strips = bindings === undefined ? Math.ceil(bytesOf(storage) / maxBufferSize) : 2;
  if (layout.kind === "panels") return inColumnStrips(graph, node, strips);
  return inStrips(graph, node, strips) ?? (relief === "alone" ? inStripsAlone(graph, node, strips) : undefined);
}

function problemOf({ storage, bindings }: Excess, facts: DeviceFacts): Problem {
  const { node, slot } = storage;
  return {
    kind: "device-limit",
    span: node.origin,
    tensor: slot === undefined ? showType(node.type) : `\`${slot.name}\``,
    bytes: bytesOf(storage),
    bindings,
    isFixed: slot?.role === "weight" || slot?.role === "state",
    facts,
  };
}
