/** From a graph to a program for one adapter: fuse, lay out, lower, link. */

import { fuse } from "./fuse/fuse.ts";
import { sumsFirst } from "./fuse/sums-first.ts";
import type { Graph } from "./graph/graph.ts";
import { link } from "./kernel/link.ts";
import { lowerGroup } from "./kernel/lower-group.ts";
import type { DeviceFacts } from "./plan/device-facts.ts";
import type { Kernel, Program } from "./plan/program.ts";
import type { Family } from "./schedule/family.ts";
import { type Schedules, schedules } from "./schedule/schedules.ts";
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
  const family = options.family ?? (facts.software ? "software" : "gpu");
  const graph = sumsFirst(written);
  const limits = { most: facts.maxStorageBuffersPerShaderStage, largest: facts.maxStorageBufferBindingSize };
  const groups = fuse(graph, { packs: family === "software", limits });
  const memory = storages(graph, groups, facts, family);
  const lowering = { ...memory, facts, family, schedules: options.schedules ?? schedules };
  const lowered = groups.map((group) => ({ group, kernel: lowerGroup(group, lowering) }));
  return link(graph, lowered, memory.storages, facts);
}
