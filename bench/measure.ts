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
import { type Ours, openOurs, type Runtime } from "./ours.ts";
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
  readonly line: Pick<Line, "name" | "least" | "leastOfBeside" | "shared">;
  readonly ours: Series;
  readonly peers: readonly { readonly name: string; readonly taken: Series }[];
  /** Theirs, and ours measured as they do. */
  readonly shared: { readonly theirs: Series; readonly ours: Series } | undefined;
  readonly blas: Series | undefined;
  /** What lcomp and BLAS take for what stands beside the line. */
  readonly beside: { readonly ours: Series; readonly blas: Series } | undefined;
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
  const ours = await openOurs(line.tasks, runtime);
  const found: KernelTime[] = [];
  for (const { dispatches, times: often, run, close } of await ours.parts()) {
    const times = await warm({ run }, clock);
    const taken: number[] = [];
    for (let round = 0; round < rounds; round++) taken.push((await timed(clock, () => run(times))) / times);
    close();
    const sum = (of: (dispatch: (typeof dispatches)[number]) => number): number =>
      often * dispatches.reduce((total, dispatch) => total + of(dispatch), 0);
    found.push({
      origin: dispatches[0]?.origin ?? [],
      dispatches: often * dispatches.length,
      milliseconds: often * median(taken),
      ...{ bytes: sum(({ bytesMoved }) => bytesMoved), operations: sum(({ operations }) => operations) },
    });
  }
  ours.close();
  return together(found).toSorted((a, b) => b.milliseconds - a.milliseconds);
}

/** Kernels of equal lines of the source, as those of layers of different sizes are, as one. */
function together(kernels: readonly KernelTime[]): readonly KernelTime[] {
  return [...Map.groupBy(kernels, ({ origin }) => origin.join(" ")).values()].map((equal) => {
    const sum = (of: (kernel: KernelTime) => number): number => equal.reduce((total, each) => total + of(each), 0);
    return {
      origin: equal[0]?.origin ?? [],
      dispatches: sum(({ dispatches }) => dispatches),
      milliseconds: sum(({ milliseconds }) => milliseconds),
      ...{ bytes: sum(({ bytes }) => bytes), operations: sum(({ operations }) => operations) },
    };
  });
}

/** How long everybody computes in a round, in milliseconds. */
const share = 40;
const mostRuns = 64;

/** Checks that all agree, then measures. */
export async function measure(line: Line, arena: Arena): Promise<Measured> {
  const { clock } = arena;
  const ours = await openOurs(line.tasks, arena.runtime);
  const agreeing: readonly Contestant[] = [ours, ...arena.peers.flatMap((open) => open(line) ?? [])];
  await agree(line, agreeing);
  const all = [...agreeing, ...(await besides(line, arena.runtime))];
  const turns = all.map(() => [] as number[]);
  const runs: number[] = [];
  for (const contestant of all) runs.push(await warm(contestant, clock));
  const others: Others = { native: [], beside: [], theirs: [], single: [] };
  for (let round = 0; round < arena.rounds; round++) {
    for (let i = 0; i < all.length; i++) {
      const at = (i + round) % all.length;
      const times = runs[at] ?? 1;
      turns[at]?.push((await timed(clock, () => (all[at] as Contestant).run(times))) / times);
    }
    await roundOfOthers(line, arena, ours, others);
  }
  for (const contestant of all) contestant.close();
  return {
    line,
    ours: turns[0] ?? [],
    peers: all.slice(1).map(({ name }, i) => ({ name, taken: turns[i + 1] ?? [] })),
    shared: others.theirs.length > 0 ? { theirs: others.theirs, ours: others.single } : undefined,
    blas: others.native.length > 0 ? others.native : undefined,
    beside: others.beside.length > 0 ? { ours: turns.at(-1) ?? [], blas: others.beside } : undefined,
    work: workOf(line, ours),
  };
}

/** What those take who have processes of their own: BLAS, for the line and for what stands beside it, and ../shared/bench. */
interface Others {
  readonly native: number[];
  readonly beside: number[];
  readonly theirs: number[];
  readonly single: number[];
}

async function roundOfOthers(line: Line, { blas, shared }: Arena, ours: Ours, others: Others): Promise<void> {
  if (line.blas && blas) others.native.push(await line.blas(blas));
  if (line.beside?.blas && blas) others.beside.push(await line.beside.blas(blas));
  if (!line.shared || !shared) return;
  const [theirs, single] = await shared.round(line.shared, ours);
  others.theirs.push(theirs);
  others.single.push(single);
}

async function besides({ beside }: Line, runtime: Runtime): Promise<readonly Contestant[]> {
  return beside ? [{ ...(await openOurs(beside.tasks, runtime)), name: beside.name }] : [];
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
  if ((await timed(clock, () => contestant.run(1))) > 10 * share) return 1;
  const one = (await timed(clock, () => contestant.run(3))) / 3;
  return Math.max(1, Math.min(mostRuns, Math.round(share / one)));
}

/** An elementary function is a polynomial of some twenty operations. */
const elementary: ReadonlySet<string> = new Set(["exp", "log", "sin", "cos", "tanh", "pow"]);
const elementaryOperations = 20;

function workOf({ tasks }: Line, { programs }: Ours): Work {
  const works = tasks.map(({ graph, times }, i): Work => {
    const main = programs[i]?.program.main ?? [];
    const operations = main.reduce((sum, dispatch) => sum + dispatch.operations, elementaryIn(graph));
    return { bytes: times * main.reduce((sum, { bytesMoved }) => sum + bytesMoved, 0), operations: times * operations };
  });
  const sum = (of: (work: Work) => number): number => works.reduce((total, work) => total + of(work), 0);
  return { bytes: sum(({ bytes }) => bytes), operations: sum(({ operations }) => operations) };
}

/** What elementary functions of data cost beyond one operation each. */
function elementaryIn(graph: Graph): number {
  const ofData = new Set<number>();
  let operations = 0;
  for (const node of simplify(graph).nodes) {
    const isData = node.op === "input" ? node.attrs.role === "data" : node.inputs.some(({ id }) => ofData.has(id));
    if (!isData) continue;
    ofData.add(node.id);
    if (elementary.has(node.op)) operations += (elementaryOperations - 1) * count(node.type);
  }
  return operations;
}

/** The middle of the rounds' ratios: a machine that is busier in some rounds is so for both. */
export const ratio = (theirs: Series, ours: Series): number =>
  median(theirs.map((taken, round) => taken / (ours[round] ?? Number.NaN)));
