/** Why steps are run, where a store has some of earlier runs. */
import { abridged } from "./abridged.ts";
import { plainRefs } from "./lifetimes.ts";
import type { Plan } from "./plan.ts";
import { type Step, type StepPart, titleOf } from "./step.ts";
import type { Identify, StepIdentity } from "./step-keys.ts";

/** The steps of a stage, of an evaluation, or of the measures. */
export interface KeptPart {
  /** `sparse`, `evaluate sparse`, `measures` */
  readonly what: string;
  readonly steps: number;
  /** Those that need not be run. */
  readonly kept: number;
  /** What the others are run for, each reason once. */
  readonly why: readonly string[];
}

/** What is known of earlier runs. */
export interface Earlier {
  readonly identify: Identify;
  readonly find: (key: string) => StepIdentity | undefined;
  /** All that have ended, in their order. */
  readonly records: readonly StepIdentity[];
  /** The places of the steps that are to be run. */
  readonly pending: ReadonlySet<number>;
}

type Planned = Pick<Plan, "steps">;

/** By part of the plan, in order. */
export function keptParts({ steps }: Planned, earlier: Earlier): readonly KeptPart[] {
  const records = Map.groupBy(earlier.records, placeOf);
  const parts = Map.groupBy(steps.entries(), ([, { part }]) => nameOf(part));
  return [...parts].map(([what, own]) => {
    const pending = own.filter(([at]) => earlier.pending.has(at));
    const reasons = pending.flatMap(
      ([at, step]) => reasonFor(steps, step, earlier.identify(at), { ...earlier, records }) ?? [],
    );
    return { what, steps: own.length, kept: own.length - pending.length, why: abridged(inOrder(reasons)) };
  });
}

/** For steps on the way to those that have another reason. */
const again = "activations are made again";

/** Each once, the one that follows from others last. */
const inOrder = (reasons: readonly string[]): readonly string[] =>
  [...new Set(reasons)].sort((a, b) => Number(a === again) - Number(b === again));

const nameOf = (part: StepPart): string => titleOf(part) || "measures";

/** Where a step stood in its recipe; only stages have an action. */
const placeOf = ({ part: { of, action, layer, what } }: Pick<StepIdentity, "part">): string =>
  JSON.stringify([of, action !== "", layer, what]);

interface Looking extends Pick<Earlier, "find" | "pending"> {
  /** By their places. */
  readonly records: ReadonlyMap<string, readonly StepIdentity[]>;
}

/** Null where the reason is that of an earlier step of the same part. */
function reasonFor(
  steps: Planned["steps"],
  step: Step,
  identity: StepIdentity | undefined,
  { find, pending, records }: Looking,
): string | null {
  if (identity === undefined) return "never made";
  if (find(identity.key) !== undefined)
    return step.durable.length > 0 ? "what some steps made is no longer there" : again;
  const alike = records.get(placeOf(identity)) ?? [];
  if (alike.length === 0) return "never made";
  const nearest = alike.reduce((best, each) => (shared(each, identity) >= shared(best, identity) ? each : best));
  if (nearest.device !== identity.device) return `made on another adapter: ${nearest.device}`;
  if (nearest.part.action !== identity.part.action) return `${nearest.part.action} → ${identity.part.action}`;
  if (nearest.graph !== identity.graph) return "what some steps compute is another";
  if (nearest.over !== identity.over) return "the windows of its text are others";
  const others = Object.entries(step.reads).filter(([slot]) => nearest.reads[slot] !== identity.reads[slot]);
  return otherReads(steps, step, Object.fromEntries(others), pending);
}

/** What is to be said of what a step reads, which is not what it read before. */
function otherReads(
  steps: Planned["steps"],
  { part }: Step,
  reads: Step["reads"],
  pending: ReadonlySet<number>,
): string | null {
  for (const ref of Object.values(reads)) {
    if ("tensor" in ref) return `${ref.tensor} of ${ref.model} is another`;
    for (const each of plainRefs(ref)) {
      const maker = "step" in each && pending.has(each.step) ? steps[each.step]?.part : undefined;
      if (maker !== undefined && nameOf(maker) !== nameOf(part)) return `${nameOf(maker)} is made again`;
    }
  }
  return null;
}

/** How many fields are equal. */
const shared = (a: StepIdentity, b: StepIdentity): number =>
  Number(a.device === b.device) +
  Number(a.graph === b.graph) +
  Number(a.part.action === b.part.action) +
  Number(a.over === b.over) +
  Object.keys(b.reads).filter((slot) => a.reads[slot] === b.reads[slot]).length;
