/** Rounds: in each, everybody computes the line once, in an order that turns. */
import type { Graph } from "../compiler/graph/graph.ts";
import { count } from "../compiler/graph/type.ts";
import { simplify } from "../compiler/rewrite/simplify.ts";
import type { Clock } from "../runtime/gpu/clock.ts";
import { UserError } from "../runtime/user-error.ts";
import type { Blas } from "./blas.ts";
import { median, timed } from "./clock.ts";
import type { Contestant } from "./contestant.ts";
import type { Line } from "./line.ts";
import { openOurs, type Runtime } from "./ours.ts";
import type { Shared } from "./reference.ts";

export interface Arena {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly peers: readonly ((line: Line) => Contestant | undefined)[];
  readonly blas: Blas | undefined;
  readonly shared: Shared | undefined;
  readonly rounds: number;
}

/** Milliseconds by round. */
export type Series = readonly number[];

export interface Measured {
  readonly line: Line;
  readonly ours: Series;
  readonly peers: readonly { readonly name: string; readonly taken: Series }[];
  /** Theirs, and ours measured as they do. */
  readonly shared: { readonly theirs: Series; readonly ours: Series } | undefined;
  readonly blas: Series | undefined;
  /** What the computation takes at least. */
  readonly work: Work;
}

export interface Work {
  readonly bytes: number;
  readonly operations: number;
}

/** What a kernel takes of a line, all of its dispatches together. */
export interface KernelTime extends Work {
  /** The source lines that it came from. */
  readonly origin: readonly string[];
  readonly dispatches: number;
  /** The median of the rounds. */
  readonly milliseconds: number;
}

/** Measures each kernel of a line alone. */
export async function measureKernels(line: Line, { runtime, clock, rounds }: Arena): Promise<readonly KernelTime[]> {
  const ours = await openOurs(line.graph, line.inputs, runtime);
  const found: KernelTime[] = [];
  for (const { dispatches, run, close } of await ours.parts()) {
    const times = await warm({ run }, clock);
    const taken: number[] = [];
    for (let round = 0; round < rounds; round++) taken.push((await timed(clock, () => run(times))) / times);
    close();
    const sum = (of: (dispatch: (typeof dispatches)[number]) => number): number =>
      dispatches.reduce((total, dispatch) => total + of(dispatch), 0);
    found.push({
      origin: dispatches[0]?.origin ?? [],
      dispatches: dispatches.length,
      milliseconds: median(taken),
      ...{ bytes: sum(({ bytesMoved }) => bytesMoved), operations: sum(({ operations }) => operations) },
    });
  }
  ours.close();
  return found.toSorted((a, b) => b.milliseconds - a.milliseconds);
}

/** How long everybody computes in a round, in milliseconds. */
const share = 40;
const mostRuns = 64;

/** Checks that all agree, then measures. */
export async function measure(line: Line, arena: Arena): Promise<Measured> {
  const { clock, shared, blas } = arena;
  const ours = await openOurs(line.graph, line.inputs, arena.runtime);
  const agreeing: readonly Contestant[] = [ours, ...arena.peers.flatMap((open) => open(line) ?? [])];
  await agree(line, agreeing);
  const all = [...agreeing, ...(await besides(line, arena.runtime))];
  const turns = all.map(() => [] as number[]);
  const runs: number[] = [];
  for (const contestant of all) runs.push(await warm(contestant, clock));
  const [theirs, single, native]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < arena.rounds; round++) {
    for (let i = 0; i < all.length; i++) {
      const at = (i + round) % all.length;
      const times = runs[at] ?? 1;
      turns[at]?.push((await timed(clock, () => (all[at] as Contestant).run(times))) / times);
    }
    if (line.blas && blas) native.push(await line.blas(blas));
    if (!line.shared || !shared) continue;
    const [a, b] = await shared.round(line.shared, ours);
    theirs.push(a);
    single.push(b);
  }
  for (const contestant of all) contestant.close();
  return {
    line,
    ours: turns[0] ?? [],
    peers: all.slice(1).map(({ name }, i) => ({ name, taken: turns[i + 1] ?? [] })),
    shared: theirs.length > 0 ? { theirs, ours: single } : undefined,
    blas: native.length > 0 ? native : undefined,
    work: workOf(line.graph, ours.program.main),
  };
}

async function besides({ beside }: Line, runtime: Runtime): Promise<readonly Contestant[]> {
  return beside ? [{ ...(await openOurs(beside.graph, beside.inputs, runtime)), name: beside.name }] : [];
}

async function agree({ name, tolerance }: Line, all: readonly Contestant[]): Promise<void> {
  if (all.length < 2) return;
  const results: Float32Array[] = [];
  for (const contestant of all) results.push(await contestant.result());
  const [own] = results;
  if (own === undefined) return;
  const largest = own.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  for (const [i, other] of results.entries()) {
    const apart = other.reduce((most, x, at) => Math.max(most, Math.abs(x - (own[at] ?? Number.NaN))), 0);
    if (other.length === own.length && apart <= tolerance * largest) continue;
    const share = (apart / largest).toExponential(1);
    throw new UserError(`${name}: lcomp and ${all[i]?.name} are ${share} of the largest value apart, not ${tolerance}`);
  }
}

/** Runs until it is warm; how often it runs in a round. */
async function warm(contestant: Pick<Contestant, "run">, clock: Clock): Promise<number> {
  await contestant.run(2);
  const one = (await timed(clock, () => contestant.run(3))) / 3;
  return Math.max(1, Math.min(mostRuns, Math.round(share / one)));
}

/** An elementary function is a polynomial of some twenty operations. */
const elementary: ReadonlySet<string> = new Set(["exp", "log", "sin", "cos", "tanh", "pow"]);
const elementaryOperations = 20;

function workOf(graph: Graph, main: readonly { readonly bytesMoved: number; readonly operations: number }[]): Work {
  const ofData = new Set<number>();
  let operations = 0;
  for (const node of simplify(graph).nodes) {
    const isData = node.op === "input" ? node.attrs.role === "data" : node.inputs.some(({ id }) => ofData.has(id));
    if (!isData) continue;
    ofData.add(node.id);
    if (elementary.has(node.op)) operations += (elementaryOperations - 1) * count(node.type);
  }
  for (const dispatch of main) operations += dispatch.operations;
  return { bytes: main.reduce((sum, { bytesMoved }) => sum + bytesMoved, 0), operations };
}

/** The middle of the rounds' ratios: a machine that is busier in some rounds is so for both. */
export const ratio = (theirs: Series, ours: Series): number =>
  median(theirs.map((taken, round) => taken / (ours[round] ?? Number.NaN)));
