/** Which steps of a plan are still to be run, where some have been run before. */
import { plainRefs } from "./lifetimes.ts";
import type { Plan } from "./plan.ts";
import { type Ref, type Step, tensorsSaved } from "./step.ts";

/** What is left of earlier runs. */
export interface Kept {
  /** Whether the step was finished: what had to hold of its outcome held. */
  readonly isDone: (step: number) => boolean;
  /** Whether an output of a finished step is there. */
  readonly has: (step: number, output: string) => Promise<boolean>;
}

/**
 * The places of the steps without which something is missing: a value, a tensor that is saved or what is found of it, a check that
 * was never made, or what such a step reads.
 */
export async function pendingSteps(
  { steps, values, saves }: Pick<Plan, "steps" | "values" | "saves">,
  kept: Kept,
): Promise<ReadonlySet<number>> {
  const wanted = steps.map(() => new Set<string>());
  const want = (refs: readonly Ref[]): void => {
    for (const ref of refs.flatMap(plainRefs)) if ("step" in ref) wanted[ref.step]?.add(ref.output);
  };
  want(values.flatMap(({ value }) => (typeof value === "number" ? [] : [value])));
  for (const save of saves)
    want([...tensorsSaved(save).map(({ from }) => from), ...Object.values(save.check?.values ?? {})]);
  const pending = new Set<number>();
  for (const [at, step] of [...steps.entries()].reverse()) {
    const { zeros } = step.part.changes ?? {};
    const outputs = [...(wanted[at] ?? []), ...(zeros === undefined ? [] : [zeros])];
    const isNeeded = await isPending(step, at, outputs, kept);
    if (isNeeded) pending.add(at);
    // Which tensors a step has read is asked about even where it is not run again.
    want(isNeeded ? Object.values(step.reads) : Object.values(step.reads).flatMap(decisionsIn));
  }
  return pending;
}

/** Whether a step is to be run, of which these outputs are wanted. */
async function isPending(
  { checks }: Step,
  at: number,
  outputs: readonly string[],
  { isDone, has }: Kept,
): Promise<boolean> {
  if (!isDone(at)) return checks.length > 0 || outputs.length > 0;
  for (const output of outputs) if (!(await has(at, output))) return true;
  return false;
}

/** The decisions on which it depends what a reference means. */
function decisionsIn(ref: Ref): readonly Ref[] {
  if ("pick" in ref) return [ref.by, ...[...ref.pick, ref.by].flatMap(decisionsIn)];
  if ("stack" in ref) return ref.stack.flatMap(decisionsIn);
  return "element" in ref ? decisionsIn(ref.of) : [];
}
