/** How long artefacts are needed, from the list of steps alone. */
import type { Plan } from "./plan.ts";
import type { Program } from "./program.ts";
import { slotsOf } from "./slots.ts";
import { activationSlot, type Ref, type Step, tensorsSaved } from "./step.ts";

/** A reference to one artefact as it is. */
export type PlainRef = Extract<
  Ref,
  { readonly tensor: string } | { readonly step: number } | { readonly windows: number }
>;

/** A reference to a copy of artefacts, which is there as long as a step needs it. */
export type CopyRef = Extract<Ref, { readonly stack: readonly Ref[] } | { readonly element: number }>;

export const isCopy = (ref: Ref): ref is CopyRef => "stack" in ref || "element" in ref;

/** Equal for equal references. */
export function keyOf(ref: PlainRef): string {
  if ("step" in ref) return `${ref.step} ${ref.output}`;
  return "windows" in ref ? `windows ${ref.windows}` : `${ref.model}:${ref.tensor}`;
}

/** All that may be read where a reference is: of a pick each of those that it chooses from, and the decision. */
export function plainRefs(ref: Ref): readonly PlainRef[] {
  if ("pick" in ref) return [...choicesIn(ref.pick), ...plainRefs(ref.by)];
  if ("stack" in ref) return ref.stack.flatMap(plainRefs);
  return "element" in ref ? plainRefs(ref.of) : [ref];
}

/** By list: picks of all layers share theirs, and a pick among picks has the same choices many times over. */
const choices = new WeakMap<readonly Ref[], readonly PlainRef[]>();

/** Each of what picks choose from, once. */
function choicesIn(pick: readonly Ref[]): readonly PlainRef[] {
  const found = choices.get(pick) ?? [...new Map(pick.flatMap(plainRefs).map((ref) => [keyOf(ref), ref])).values()];
  choices.set(pick, found);
  return found;
}

/** What of a plan says how long artefacts are needed. */
export type Planned = Pick<Plan, "steps" | "programs" | "values" | "saves">;

export interface Lifetimes {
  /**
   * By step: what leaves memory behind it. That is what no later step reads and, of what lies in a file as a whole, also what no step
   * of the same part reads, which ends where another stage or layer begins. Values of windows stay until their last reader.
   */
  readonly endings: readonly (readonly PlainRef[])[];
  /** By step: the activations of all windows at once of which it is the last reader, and which lie in a file for readers alone. */
  readonly leaving: readonly (readonly Extract<PlainRef, { readonly step: number }>[])[];
  /** By key, for what steps bind as a whole: the bytes of the largest slot that it is bound to; 0 where it is copied there. */
  readonly wholes: ReadonlyMap<string, number>;
}

/** Values and the saved model count as readers after the last step. */
export function lifetimes(plan: Planned): Lifetimes {
  const { steps } = plan;
  const readers = readersIn(plan);
  const parts = partNumbers(steps);
  const programs = new Map(plan.programs.map((program) => [program.name, program]));
  const isInFile = (ref: PlainRef): boolean => "tensor" in ref || ("step" in ref && isStored(ref, steps, programs));
  const isLast = (ref: PlainRef, at: number): boolean => {
    const next = readers.get(keyOf(ref))?.find((reader) => reader > at);
    return next === undefined || (isInFile(ref) && parts[next] !== parts[at]);
  };
  const wholes = new Map<string, number>();
  const endings = steps.map(({ program: name, reads }, at) => {
    const program = programs.get(name);
    if (program === undefined) throw new Error(`the plan has no program ${name}`);
    for (const { slot, bytes } of slotsOf(program, "weight", "state")) {
      const ref = reads[slot.name];
      const room = ref !== undefined && isCopy(ref) ? 0 : bytes;
      for (const key of keysOf(ref)) wholes.set(key, Math.max(room, wholes.get(key) ?? 0));
    }
    const read = Object.values(reads).flatMap(plainRefs);
    const made = slotsOf(program, "output", "accumulator").map(({ slot }) => ({ step: at, output: slot.name }));
    const last = [...read, ...made].filter((ref) => isLast(ref, at));
    return [...new Map(last.map((ref) => [keyOf(ref), ref])).values()];
  });
  const leaving = steps.map(({ reads }, at) =>
    Object.values(reads)
      .flatMap(plainRefs)
      .flatMap((ref) => ("step" in ref && isHanded(ref, steps) && readers.get(keyOf(ref))?.at(-1) === at ? [ref] : [])),
  );
  return { endings, leaving, wholes };
}

/** Whether it is what a block hands on of all windows at once. */
const isHanded = (
  { step, output }: { readonly step: number; readonly output: string },
  steps: readonly Step[],
): boolean => output === activationSlot && steps[step]?.over === null;

const keysOf = (ref: Ref | undefined): readonly string[] => (ref === undefined ? [] : plainRefs(ref).map(keyOf));

/** By key: the places of the steps that read it, in order; values and what is saved count as one behind the last. */
export function readersIn({ steps, values, saves }: Planned): ReadonlyMap<string, readonly number[]> {
  const readers = new Map<string, number[]>();
  const read = (ref: Ref, at: number): void => {
    for (const key of keysOf(ref)) {
      const known = readers.get(key);
      if (known === undefined) readers.set(key, [at]);
      else known.push(at);
    }
  };
  for (const [at, { reads }] of steps.entries()) for (const ref of Object.values(reads)) read(ref, at);
  for (const { value } of values) if (typeof value !== "number") read(value, steps.length);
  for (const save of saves)
    for (const ref of [...tensorsSaved(save).map(({ from }) => from), ...Object.values(save.check?.values ?? {})])
      read(ref, steps.length);
  return readers;
}

/** Numbers that are equal for steps of one part, which follow each other. */
export function partNumbers(steps: readonly Step[]): readonly number[] {
  let part = 0;
  return steps.map((step, at) => {
    const [before, { stage, layer }] = [steps[at - 1]?.part, step.part];
    return before?.stage === stage && before.layer === layer ? part : ++part;
  });
}

/** Whether what a step makes lies in a file as a whole. */
function isStored(
  { step, output }: Extract<PlainRef, { readonly step: number }>,
  steps: readonly Step[],
  programs: ReadonlyMap<string, Program>,
): boolean {
  const { durable, over, program } = steps[step] as Step;
  return durable.includes(output) && !isStream(output, over, programs.get(program));
}

/** Whether an output has a value for each window. */
const isStream = (output: string, over: number | null, program: Program | undefined): boolean =>
  over !== null && program !== undefined && slotsOf(program, "output").some(({ slot }) => slot.name === output);
