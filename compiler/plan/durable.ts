/**
 * What is written to disk while a plan runs, so that an interrupted run goes on where it was. What a step makes once stays: changed
 * weights, decisions, measures, and statistics if there is room. Of the values of windows one boundary between blocks is kept, again if
 * there is room, from the step that makes it until the last that reads it has ended; what measures read stays, for whatever measures the
 * same model on the same text later. What codes stand for is made to be saved, and goes once it is.
 */
import { keyOf, lifetimes, partNumbers, plainRefs, readersIn } from "./lifetimes.ts";
import type { Plan } from "./plan.ts";
import type { Program, Slot } from "./program.ts";
import { contentBytes, slotsOf } from "./slots.ts";
import { activationSlot } from "./step.ts";

type Planned = Pick<Plan, "steps" | "programs" | "windows" | "values" | "saves">;

/** `results` are what the later parts of a plan, or people, cannot do without; all else can be made again from them. */
type Kind = "results" | "activations" | "statistics";

interface Artefact {
  readonly step: number;
  readonly output: string;
  readonly kind: Kind;
  readonly bytes: number;
  /** The last step that reads it. */
  readonly last: number;
}

/** What a plan keeps on disk. */
export interface StoreNeeds {
  /** Bytes, as much as there is at once. */
  readonly bytes: number;
  /** What there is no room for. */
  readonly without: readonly Kind[];
}

/** The plan with its durable outputs, which take at most so many bytes; results are durable whatever they take. */
export function withDurable<Some extends Planned>(plan: Some, limit: number): Some {
  const all = artefactsIn(plan);
  let kept = all.filter(({ kind }) => kind === "results");
  for (const kind of ["activations", "statistics"] as const) {
    const more = [...kept, ...all.filter((each) => each.kind === kind)];
    if (bytesOf(plan, more) <= limit) kept = more;
  }
  const outputs = Map.groupBy(kept, ({ step }) => step);
  return {
    ...plan,
    steps: plan.steps.map((step, at) => ({ ...step, durable: (outputs.get(at) ?? []).map(({ output }) => output) })),
  };
}

/** What the durable outputs of a plan, or of some of its steps, take on disk, and those that have no room elsewhere. */
export function storeNeeds(plan: Planned, some?: ReadonlySet<number>): StoreNeeds {
  const all = artefactsIn(plan).filter(({ step }) => some?.has(step) ?? true);
  const isKept = ({ step, output }: Artefact): boolean => {
    const { durable = [], places = {} } = plan.steps[step] ?? {};
    return durable.includes(output) || places[output] === "disk";
  };
  const left = all.filter((each) => !isKept(each) && each.bytes > 0);
  return { bytes: bytesOf(plan, all.filter(isKept)), without: [...new Set(left.map(({ kind }) => kind))] };
}

/** All that could be kept. */
function artefactsIn(plan: Planned): readonly Artefact[] {
  const { steps, windows } = plan;
  const programs = new Map(plan.programs.map((program) => [program.name, program]));
  const { wholes } = lifetimes(plan);
  const [readers, parts, measured] = [readersIn(plan), partNumbers(steps), measuredIn(steps)];
  const lastReader = (key: string): number | undefined => (measured.has(key) ? steps.length : readers.get(key)?.at(-1));
  return steps.flatMap(({ program, over, places, part: { changes } }, step) =>
    slotsOf(programs.get(program) as Program, "output", "accumulator").flatMap(({ slot }) => {
      const output = slot.name;
      const key = keyOf({ step, output });
      const reading = readers.get(key) ?? [];
      const isOfOthers = reading.some((at) => parts[at] !== parts[step]);
      const isWanted = isOfOthers || changes?.zeros === output || places[output] === "disk";
      const kind =
        reading.length > 0 || isWanted ? kindOf(slot, over !== null, { isWhole: wholes.has(key), isWanted }) : null;
      const count = kind === "statistics" || over === null ? 1 : (windows[over]?.count ?? 0);
      return kind ? [{ step, output, kind, bytes: count * contentBytes(slot), last: lastReader(key) ?? step }] : [];
    }),
  );
}

/** By key, the values of windows that measures read of models. */
export function measuredIn(steps: Plan["steps"]): ReadonlySet<string> {
  const heads = steps.filter(({ over, part }) => over !== null && part.stage === null && part.layer === null);
  return new Set(heads.flatMap(({ reads }) => Object.values(reads).flatMap(plainRefs).map(keyOf)));
}

/** `isWanted`: by another part of the plan, or by people. */
function kindOf(
  { role, name }: Slot,
  isOverWindows: boolean,
  { isWhole, isWanted }: { readonly isWhole: boolean; readonly isWanted: boolean },
): Kind | null {
  if (role === "accumulator") return "statistics";
  if (isOverWindows && isWhole) return "results"; // what a measure reads of all windows at once
  if (!isWanted) return null;
  return isOverWindows || name === activationSlot ? "activations" : "results";
}

/** The most that these take at once: activations go with their last reader. */
function bytesOf({ steps }: Planned, artefacts: readonly Artefact[]): number {
  const changes = new Float64Array(steps.length + 2);
  let stays = 0;
  for (const { kind, bytes, step, last } of artefacts) {
    if (kind !== "activations") stays += bytes;
    else
      for (const [at, change] of [
        [step, bytes],
        [last + 1, -bytes],
      ] as const)
        changes[at] = (changes[at] ?? 0) + change;
  }
  let [now, most] = [0, 0];
  for (const change of changes) {
    now += change;
    most = Math.max(most, now);
  }
  return stays + most;
}
