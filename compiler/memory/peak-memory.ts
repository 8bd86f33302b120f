/**
 * What a plan takes at once: of the GPU to the byte what the runtime's pool counts, of the host the array buffers that it holds.
 * Every artefact comes with the step that first needs it, and leaves as `lifetimes` says.
 */
import { isCopy, keyOf, lifetimes, type PlainRef, plainRefs } from "../plan/lifetimes.ts";
import type { Plan } from "../plan/plan.ts";
import type { Program } from "../plan/program.ts";
import { contentBytes, pieceBytes, slotsOf } from "../plan/slots.ts";
import type { Ref, Step } from "../plan/step.ts";

/** In bytes. */
export interface Memory {
  readonly gpu: number;
  readonly host: number;
}

/** What a step takes at most while it runs, with all that lies there for later steps. */
export interface Demand extends Memory {
  /** What of the GPU's share is what the program's kernels leave to each other. */
  readonly scratch: number;
  /** Values of windows that lie in memory meanwhile and could lie elsewhere, and what they take. */
  readonly movable: readonly (Memory & { readonly step: number; readonly output: string })[];
}

export type Planned = Pick<Plan, "steps" | "programs" | "windows" | "corpora" | "values" | "saves">;

/**
 * By step, whether it is known how often it runs and how much it reads: not where texts are not given, for what goes over all their
 * windows and for what reads that.
 */
export function knownSteps({ steps, windows }: Pick<Planned, "steps" | "windows">): readonly boolean[] {
  const known: boolean[] = [];
  for (const { over, reads } of steps) {
    const refs = Object.values(reads).flatMap(plainRefs);
    const isReadKnown = refs.every((ref) => !("step" in ref) || known[ref.step] === true);
    known.push(isReadKnown && (over === null || windows[over]?.count !== 0));
  }
  return known;
}

const nothing: Demand = { gpu: 0, host: 0, scratch: 0, movable: [] };

/** By step; nothing where it is not known. */
export function demands(plan: Planned): readonly Demand[] {
  const { endings, wholes } = lifetimes(plan);
  const programs = new Map(plan.programs.map((program) => [program.name, program]));
  const held = new Map<string, Held>();
  const tokens = sum(plan.corpora.flatMap(({ splits }) => splits).map((split) => split.tokens));
  // Staging for what is read back and for what is read from files.
  const always: Memory = { gpu: pieceBytes, host: 2 * pieceBytes + Int32Array.BYTES_PER_ELEMENT * tokens };
  const isKnown = knownSteps(plan);
  return plan.steps.map((step, at) => {
    const program = programs.get(step.program);
    if (program === undefined) throw new Error(`the plan has no program ${step.program}`);
    const leaving = new Set((endings[at] ?? []).map(keyOf));
    const leaves = ({ refs }: Held): boolean => refs.every((ref) => leaving.has(keyOf(ref)));
    const count = step.over === null ? null : (plan.windows[step.over]?.count ?? 0);
    const demand = isKnown[at] ? demandOf(step, program, { held, wholes, at, count, always, leaves }) : nothing;
    for (const [key, each] of held) if (leaves(each)) held.delete(key);
    return demand;
  });
}

/** What the step takes, once all that it needs and makes has come. */
function demandOf(step: Step, program: Program, coming: Coming): Demand {
  const { held, at, count, always, leaves } = coming;
  const staging = stagingFor(step, program, coming);
  bring(step, program, coming);
  const there = [...held.values()];
  const isMoving = ({ window }: Held): boolean => window > 0 && count !== null;
  const most = mostOf(
    there,
    (each) => isMoving(each) && madeBy(each)?.step === at,
    (each) => isMoving(each) && leaves(each),
  );
  const scratch = sum(program.regions.map(({ bytes, lasts }) => (lasts ? 0 : bytes)));
  const regions = sum(program.regions.map(({ bytes }) => bytes));
  const gpu = always.gpu + most.gpu + staging + copiesFor(step, program) + regions;
  return { gpu, host: always.host + most.host, scratch, movable: there.flatMap(movableIn) };
}

/** An artefact that is there. */
interface Held extends Memory {
  /** What it is; of a pick, what it may be. */
  readonly refs: readonly PlainRef[];
  /** Of values for windows that come and go one by one: the bytes of one. */
  readonly window: number;
}

/** The output that it is, if it is one for certain. */
function madeBy({ refs }: Held): Extract<PlainRef, { readonly step: number }> | undefined {
  const [ref, second] = refs;
  return ref !== undefined && second === undefined && "step" in ref ? ref : undefined;
}

/** Values of windows. */
function movableIn(held: Held): Demand["movable"] {
  const made = madeBy(held);
  return made && held.window > 0 ? [{ ...made, gpu: held.gpu, host: held.host }] : [];
}

interface Coming {
  readonly held: Map<string, Held>;
  readonly wholes: ReadonlyMap<string, number>;
  readonly at: number;
  /** How many windows the step goes over. */
  readonly count: number | null;
  /** What is taken whatever is done. */
  readonly always: Memory;
  /** What nobody needs behind the step. */
  readonly leaves: (held: Held) => boolean;
}

/** What a reference may turn out to be: of a pick not the decision, which stays for others. */
const choicesOf = (ref: Ref): readonly PlainRef[] => ("pick" in ref ? ref.pick.flatMap(choicesOf) : plainRefs(ref));

const keyFor = (ref: Ref): string => ("pick" in ref || isCopy(ref) ? JSON.stringify(ref) : keyOf(ref));

/** Bytes of what is put together for the step alone. */
const copiesFor = ({ reads }: Step, program: Program): number =>
  sum(
    slotsOf(program, "weight", "state").map(({ slot, bytes }) => {
      const ref = reads[slot.name];
      return ref !== undefined && isCopy(ref) ? bytes : 0;
    }),
  );

/** Adds what the step needs and what it makes to what is there. */
function bring({ reads, places }: Step, program: Program, { held, wholes, at, count }: Coming): void {
  const hold = (ref: Ref, memory: Partial<Held>): void => {
    held.set(keyFor(ref), { refs: choicesOf(ref), gpu: 0, host: 0, window: 0, ...memory });
  };
  for (const { slot, bytes } of slotsOf(program, "weight", "state")) {
    const ref = reads[slot.name];
    if (ref !== undefined && !isCopy(ref) && !held.has(keyFor(ref))) hold(ref, { gpu: bytes });
  }
  for (const { slot, bytes } of slotsOf(program, "output", "accumulator")) {
    const made = { step: at, output: slot.name };
    const whole = wholes.get(keyOf(made));
    if (count === null || slot.role === "accumulator") hold(made, { gpu: Math.max(bytes, whole ?? 0) });
    else if (whole !== undefined) hold(made, { gpu: Math.max(whole, count * contentBytes(slot)) });
    else hold(made, { window: bytes, ...inPlace(places[slot.name] ?? "gpu", count * bytes) });
  }
}

/** What values take of memory where they lie. */
const inPlace = (place: keyof Memory | "disk", bytes: number): Partial<Memory> =>
  place === "disk" ? {} : { [place]: bytes };

/** Bytes of buffers for one window, on its way to the GPU or into its place. */
function stagingFor({ reads, places }: Step, program: Program, { held, wholes, at, count }: Coming): number {
  if (count === null) return 0;
  const isInPlace = (ref: Ref | undefined): boolean => {
    const there = ref && held.get(keyFor(ref));
    return there !== undefined && there.window > 0 && there.gpu > 0;
  };
  const read = slotsOf(program, "data").filter(({ slot }) => !isInPlace(reads[slot.name]));
  const written = slotsOf(program, "output").filter(
    ({ slot: { name } }) => places[name] !== undefined || wholes.has(keyOf({ step: at, output: name })),
  );
  return sum([...read, ...written].map(({ bytes }) => bytes));
}

/** What all that is there takes at the first and at the last of the windows: one of them is the most. */
function mostOf(held: readonly Held[], isComing: (each: Held) => boolean, isGoing: (each: Held) => boolean): Memory {
  const one = ({ gpu, window }: Held): Memory => ({ gpu: gpu > 0 ? window : 0, host: 0 });
  const first = total(held.map((each) => (isComing(each) ? one(each) : each)));
  const last = total(held.map((each) => (isGoing(each) && !isComing(each) ? one(each) : each)));
  return { gpu: Math.max(first.gpu, last.gpu), host: Math.max(first.host, last.host) };
}

const total = (memory: readonly Memory[]): Memory => ({
  gpu: sum(memory.map(({ gpu }) => gpu)),
  host: sum(memory.map(({ host }) => host)),
});

const sum = (numbers: readonly number[]): number => numbers.reduce((all, number) => all + number, 0);

/** The most of all steps. */
export const peakOf = (memory: readonly Memory[]): Memory => ({
  gpu: Math.max(0, ...memory.map(({ gpu }) => gpu)),
  host: Math.max(0, ...memory.map(({ host }) => host)),
});
