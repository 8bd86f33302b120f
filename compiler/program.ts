/** From a graph to a program for one adapter: fuse, lay out, lower, assemble. */

import { fuse } from "./fuse/fuse.ts";
import type { Group } from "./fuse/group.ts";
import { sumsFirst } from "./fuse/sums-first.ts";
import type { Graph } from "./graph/graph.ts";
import { assemble } from "./kernel/assemble.ts";
import { lowerGroup } from "./kernel/lower-group.ts";
import type { DeviceFacts } from "./plan/device-facts.ts";
import type { Kernel, Program } from "./plan/program.ts";
import { type Schedules, schedules } from "./schedule/schedules.ts";
import { storages } from "./schedule/storages.ts";

export interface CompileOptions {
  /** How kernels are scheduled; by default after the device. */
  readonly family?: "software" | "gpu";
  /** The choice of schedules within the family, for tests that draw them. */
  readonly schedules?: Schedules;
}

export interface CompiledGraph {
  readonly program: Program;
  /** Each once, in the order of first use. */
  readonly kernels: readonly Kernel[];
  /** One per dispatch, setup before main. */
  readonly groups: readonly Group[];
}

export function compileGraph(written: Graph, facts: DeviceFacts, options: CompileOptions = {}): CompiledGraph {
  const family = options.family ?? (facts.software ? "software" : "gpu");
  const graph = sumsFirst(written);
  const limits = { most: facts.maxStorageBuffersPerShaderStage, largest: facts.maxStorageBufferBindingSize };
  const groups = fuse(graph, { packs: family === "software", limits });
  const memory = storages(graph, groups, facts, family);
  const { all, find, storageOf } = memory;
  const lowering = { facts, family, schedules: options.schedules ?? schedules, storages: all, find, storageOf };
  const lowered = groups.map((group) => ({ group, kernel: lowerGroup(group, lowering) }));
  return { ...assemble(graph, lowered, memory.all, facts), groups };
}
