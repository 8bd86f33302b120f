/** From a graph to a program for one adapter: fuse, lay out, lower, link; in strips where that does not fit. */
import { CompileError } from "../grammar/diagnostic.ts";
import { arithmetic } from "./arithmetic.ts";
import type { Observe } from "./artifacts.ts";
import { termsOf } from "./fuse/cost.ts";
import { fuse } from "./fuse/fuse.ts";
import { coneOf } from "./graph/cone.ts";
import type { Graph } from "./graph/graph.ts";
import type { Node } from "./graph/ops.ts";
import { contentOf } from "./graph/show.ts";
import { mostPositions, showType } from "./graph/type.ts";
import {
  type Excess,
  excessOfBuffers,
  excessOfKernels,
  type Limits,
  largestScratch,
  mostBytes,
} from "./kernel/excess.ts";
import { type GroupKernel, link } from "./kernel/link.ts";
import { firstTarget } from "./kernel/lower.ts";
import { lowerGroup } from "./kernel/lower-group.ts";
import { storages } from "./memory/assign-storages.ts";
import { bytesOf, type Storage } from "./memory/storage.ts";
import type { DeviceFacts } from "./plan/device-facts.ts";
import type { Kernel, Program } from "./plan/program.ts";
import { hash } from "./plan/sha256.ts";
import { type Problem, worded } from "./problems/problem.ts";
import { inTwoSteps } from "./rewrite/in-two-steps.ts";
import { inColumnStrips, inStrips, inStripsAlone } from "./rewrite/strips.ts";
import { sumsFirst } from "./rewrite/sums-first.ts";
import type { Family } from "./schedule/family.ts";
import { type Schedules, schedules } from "./schedule/schedules.ts";

export interface CompileOptions {
  readonly observe?: Observe;
  /** How kernels are scheduled; by default after the device. */
  readonly family?: Family;
  /** The choice of schedules within the family, for tests that draw them. */
  readonly schedules?: Schedules;
  /** Bytes that scratch should take at most. Where strips do not get it so far down, the program has the least that was found. */
  readonly scratch?: number;
}

export interface CompiledGraph {
  readonly program: Program;
  /** Each once, in the order of first use. */
  readonly kernels: readonly Kernel[];
}

export function compileGraph(written: Graph, facts: DeviceFacts, options: CompileOptions = {}): CompiledGraph {
  const summed = sumsFirst(written);
  options.observe?.("summed", summed);
  const graph = inTwoSteps(summed);
  refuseLongLoops(graph);
  const whole = compileIn(graph, facts, options, largestScratch);
  if ("problem" in whole) throw new CompileError([worded(whole.problem)]);
  const made = inLess(whole, options.scratch ?? Infinity, (most) => compileIn(graph, facts, options, most));
  const content = hash([arithmetic, familyOf(facts, options), contentOf(written)].join("\n"));
  return { ...made, program: { ...made.program, graph: content } };
}

const familyOf = (facts: DeviceFacts, { family }: CompileOptions): Family =>
  family ?? (facts.software ? "software" : "gpu");

/** Before it is known by its graph. */
type Linked = ReturnType<typeof link>;

/** The program in strips of half the size, and half of that, until its scratch is small enough or gets no smaller. */
function inLess(whole: Linked, wanted: number, compileWith: (most: number) => Linked | Refused): Linked {
  let least = whole;
  while (scratchBytes(least.program) > wanted) {
    const made = compileWith(Math.max(...sharedRegions(least.program)) / 2);
    if ("problem" in made || scratchBytes(made.program) >= scratchBytes(least.program)) break;
    least = made;
  }
  return least;
}

const sharedRegions = ({ regions }: Linked["program"]): readonly number[] =>
  regions.flatMap(({ bytes, lasts }) => (lasts ? [] : [bytes]));

/** What a program takes for what its kernels leave to each other, without what setup leaves to main. */
const scratchBytes = (program: Linked["program"]): number =>
  sharedRegions(program).reduce((sum, bytes) => sum + bytes, 0);

/** Why there is no program. */
interface Refused {
  readonly problem: Problem;
}

/** The program in which no kernel leaves more than `mostScratch` bytes in one piece to another. */
function compileIn(whole: Graph, facts: DeviceFacts, options: CompileOptions, mostScratch: number): Linked | Refused {
  let graph = whole;
  const excesses: Excess[] = [];
  for (;;) {
    options.observe?.("divided", graph);
    const { groups, kernels, memory, limits, excess } = lower(graph, facts, options, mostScratch);
    if (excess === undefined) {
      options.observe?.("groups", { graph: graph.name, groups });
      return link(graph, kernels, memory.storages);
    }
    excesses.push(excess);
    const smaller = isInVain(excesses) ? undefined : divided(graph, excess, limits);
    if (smaller === undefined)
      return { problem: problemOf(excess.storage.slot ? excess : (excesses[0] ?? excess), limits) };
    graph = smaller;
  }
}

/** How often a graph is divided before it is given up: what does not fit then is too large by far. */
const mostDivisions = 64;

/** So many divisions may pass without anything getting less. */
const patience = 3;

/** In so many strips at most a value is computed. */
const mostStrips = 64;

function isInVain(excesses: readonly Excess[]): boolean {
  const last = excesses.slice(-patience);
  const before = excesses.slice(0, -patience);
  return excesses.length > mostDivisions || (before.length > 0 && !last.some((x) => before.every((y) => isLess(x, y))));
}

/** Buffers that are too large count more than kernels that bind too many. */
const isLess = (a: Excess, b: Excess): boolean =>
  (a.bindings === undefined) === (b.bindings === undefined) ? a.total < b.total : b.bindings === undefined;

/** The kernels, or what of the memory is too much for them to be made. */
function lower(graph: Graph, facts: DeviceFacts, options: CompileOptions, mostScratch: number) {
  const family = familyOf(facts, options);
  const groups = fuse(graph, { packs: family === "software", limits: facts });
  const memory = storages(graph, groups, facts, family);
  const setup = groups.flatMap(({ when, targets }) => (when === "setup" ? targets.map(memory.storageOf) : []));
  const limits: Limits = { facts, mostScratch, lasting: new Set(setup) };
  const large = excessOfBuffers(memory.storages, limits);
  if (large !== undefined) return { groups, kernels: [], memory, limits, excess: large };
  const lowering = { ...memory, facts, family, schedules: options.schedules ?? schedules };
  const kernels = groups.flatMap((group) => lowerGroup(group, lowering).map((kernel) => ({ group, kernel })));
  refuseEndless(kernels);
  return { groups, kernels, memory, limits, excess: excessOfKernels(kernels, facts) };
}

/** Refuses loops that no kernel can count. */
function refuseLongLoops({ nodes }: Graph): void {
  for (const node of nodes)
    if (termsOf(node) > mostPositions)
      throw refusal(node, "the number of terms of this reduction", termsOf(node), `${mostPositions} (2^31)`);
}

/** Two seconds of a GPU that does 10^13 operations a second, after which drivers end a kernel; a quarter of an hour of a CPU. */
const mostOperations = 2 ** 44;

function refuseEndless(lowered: readonly GroupKernel[]): void {
  for (const { group, kernel } of lowered)
    if (kernel.operations > mostOperations) {
      const { node } = firstTarget(group);
      throw refusal(node, "the number of operations of one kernel", kernel.operations, `${mostOperations} (2^44)`);
    }
}

function refusal(node: Node, what: string, value: number, most: string): CompileError {
  const range = `at most ${most}`;
  const hint = `make a dimension smaller: ${longestBelow(node)}`;
  return new CompileError([
    worded({ kind: "out-of-range", span: node.origin, what, value: String(value), range, hint }),
  ]);
}

/** The longest dimensions of what the node is computed from. */
function longestBelow(node: Node): string {
  const sizes = new Map<string, number>();
  for (const { type } of coneOf([node]))
    for (const { name, size } of type.dims) sizes.set(name, Math.max(size, sizes.get(name) ?? 0));
  const longest = [...sizes].sort(([, a], [, b]) => b - a).slice(0, 3);
  return longest.map(([name, size]) => `\`${name}\` is ${size}`).join(", ");
}

/** Strips of what is too large are such that a kernel can bind four of them. */
function stripBytes(storage: Storage, limits: Limits): number {
  const { facts } = limits;
  const parts = Math.max(1, Math.floor(facts.maxStorageBuffersPerShaderStage / 4));
  return Math.min(mostBytes(storage, limits), parts * facts.maxStorageBufferBindingSize);
}

/** The graph in strips, so that what is too large gets smaller. What the runtime supplies stays as it is. */
function divided(graph: Graph, { storage, bindings, relief }: Excess, limits: Limits): Graph | undefined {
  if (relief === "none") return undefined;
  const { node, layout } = storage;
  // What is of the body of a sweep is of another graph.
  if (graph.nodes[node.id] !== node) return undefined;
  const strips = bindings === undefined ? Math.ceil(bytesOf(storage) / stripBytes(storage, limits)) : 2;
  if (strips > mostStrips) return undefined;
  if (layout.kind === "panels") return inColumnStrips(graph, node, strips);
  return inStrips(graph, node, strips) ?? (relief === "alone" ? inStripsAlone(graph, node, strips) : undefined);
}

function problemOf({ storage, bindings }: Excess, limits: Limits): Problem {
  const { node, slot } = storage;
  const { dims } = node.type;
  return {
    kind: "device-limit",
    span: node.origin,
    tensor: slot === undefined ? showType(node.type) : `\`${slot.name}\``,
    bytes: bytesOf(storage),
    bindings,
    isFixed: slot?.role === "weight" || slot?.role === "state",
    most: bindings === undefined ? mostBytes(storage, limits) : limits.facts.maxBufferSize,
    dim: dims.toSorted((a, b) => b.size - a.size)[0],
    isOfTokens: dims.some(({ name }) => name === "token"),
    facts: limits.facts,
  };
}
