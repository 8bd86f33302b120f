/**
 * What a step is known by again: a key over its program's graph, the keys of all that it reads, what must hold of the outcome, and the
 * adapter with its driver and the version of Dawn. Two steps with one key make the same bytes, in whichever plan and run they stand,
 * but for what subgroup matrices add: strips of another size may do without them, or divide the work otherwise.
 */

import type { Plan } from "./plan.ts";
import { hash } from "./sha256.ts";
import type { Ref, Step, StepPart } from "./step.ts";

export interface StepIdentity {
  readonly key: string;
  /** Where the step belongs, for people; not in the key. */
  readonly part: PartIdentity;
  /** Of its program. */
  readonly graph: string;
  /** The adapter, its driver and the version of Dawn. */
  readonly device: string;
  /** The key of the windows that it goes over. */
  readonly over: string | null;
  /** By slot: the key of what is read. */
  readonly reads: Readonly<Record<string, string>>;
}

export interface PartIdentity {
  /** A stage, or the model that is evaluated. */
  readonly of: string;
  /** The stage's method with its arguments: `wanda(sparsity: 50%)`. */
  readonly action: string;
  readonly layer: number | null;
  readonly what: string;
  /** What it serves, if the model is not evaluated. */
  readonly purpose?: StepPart["purpose"];
}

/** What only the host knows. */
export interface GivenContents {
  readonly device: string;
  /** The sha256 of a tensor of a given model; undefined: nobody has read it. */
  readonly tensor: (model: string, tensor: string) => string | undefined;
  /** The sha256 of the token ids of the windows of that number. */
  readonly windows: (number: number) => string;
}

/** The identity of the step at a place of the plan; undefined while the content of anything that it depends on is unknown. */
export type Identify = (at: number) => StepIdentity | undefined;

/**
 * Remembers what it has found. A step depends on those before it: they are asked about first, and again once more is known.
 */
export function identifier(plan: Pick<Plan, "steps" | "programs" | "stages">, given: GivenContents): Identify {
  const graphs = new Map(plan.programs.map(({ name, graph }) => [name, graph]));
  const found: (StepIdentity | undefined)[] = [];
  const keyOf = refKeys(given, (step) => found[step]?.key);
  const identify = ({ program, over, part, reads, checks }: Step): StepIdentity | undefined => {
    const keys: Record<string, string> = {};
    for (const slot of Object.keys(reads).sort()) {
      const key = keyOf(reads[slot] as Ref);
      if (key === undefined) return undefined;
      keys[slot] = key;
    }
    const graph = graphs.get(program);
    if (graph === undefined) throw new Error(`the plan has no program ${program}`);
    const what = { graph, device: given.device, over: over === null ? null : given.windows(over), reads: keys };
    const action = part.stage === null ? "" : (plan.stages[part.stage]?.action ?? "");
    return {
      key: hash(JSON.stringify([what, checks.map(({ output, must }) => [output, must])])),
      part: { of: part.of, action, layer: part.layer, what: part.what, ...(part.purpose && { purpose: part.purpose }) },
      ...what,
    };
  };
  return (at) => {
    found[at] ??= identify(plan.steps[at] as Step);
    return found[at];
  };
}

/** The keys of references; what is composed of many is remembered by its list, which references share. */
function refKeys(
  { tensor, windows }: GivenContents,
  stepKey: (step: number) => string | undefined,
): (ref: Ref) => string | undefined {
  const lists = new WeakMap<readonly Ref[], string>();
  const keyOf = (ref: Ref): string | undefined => {
    if ("tensor" in ref) return tensor(ref.model, ref.tensor);
    if ("windows" in ref) return windows(ref.windows);
    if ("stack" in ref) return composed("stack", listKey(ref.stack));
    if ("element" in ref) return composed("element", String(ref.element), keyOf(ref.of));
    if ("pick" in ref) return composed("pick", String(ref.at), listKey(ref.pick), keyOf(ref.by));
    const key = stepKey(ref.step);
    return key === undefined ? undefined : `${key} ${ref.output}`;
  };
  const listKey = (refs: readonly Ref[]): string | undefined => {
    const key = lists.get(refs) ?? composed(...refs.map(keyOf));
    if (key !== undefined) lists.set(refs, key);
    return key;
  };
  return keyOf;
}

/** Undefined if a part is. */
const composed = (...parts: readonly (string | undefined)[]): string | undefined =>
  parts.includes(undefined) ? undefined : hash(JSON.stringify(parts));
