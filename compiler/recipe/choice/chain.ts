/** Stages that follow one another in each block: those of a candidate, and those that make what was chosen. */
import { report } from "../../language/context.ts";
import { tensorName } from "../../model/declared-tensor.ts";
import { blockOf, type Model, storedNames } from "../../model/value.ts";
import type { Ref } from "../../plan/step.ts";
import { areAlike } from "../collections.ts";
import type { Passing } from "../passes.ts";
import {
  type BegunWork,
  collect,
  type Entering,
  isCollecting,
  observe,
  resultOf,
  type StageWork,
  workOf,
} from "../stage-on-linears.ts";
import type { Emitting } from "../steps.ts";
import type { TypedStage } from "../typed.ts";

/** The works of stages, each on what the one before makes. */
export type Chain = readonly StageWork[];

/** A stage, by its number. */
export interface Numbered {
  readonly stage: TypedStage;
  readonly number: number;
}

/** Begins stages on a model; what a method collects of all layers is of that. Each one's name is its result from then on. */
export function chainOf(at: Emitting, stages: readonly Numbered[], given: Model, passing: Passing): Chain {
  const works: StageWork[] = [];
  for (const { stage, number } of stages) {
    const before = works.at(-1);
    const begun = workOf(at, stage, number, before ? resultOf(before) : { ...given, at: new Map(given.at) });
    at.models.set(stage.name, resultOf(begun));
    const isGood = areAlike(at, stage, begun.parts);
    works.push({ ...begun, collected: isGood ? collect(begun, passing) : () => new Map() });
  }
  return works;
}

/** Adds the steps of a chain on a layer. */
export function emitChain(chain: Chain, layer: number, enteringOf: (work: StageWork) => Entering | null): void {
  for (const [i, work] of chain.entries()) {
    const before = chain[i - 1];
    if (before) takeOver(work.now, before, layer);
    const part = work.parts.get(layer);
    if (part) part.change({ ...work, layer }, observe(work, layer, part.passes, enteringOf(work)));
  }
}

/** Puts what a work has made of a layer in the place of what was there. */
function takeOver(now: Map<string, Ref>, before: StageWork, layer: number): void {
  const { type, at } = resultOf(before);
  for (const { name } of blockOf(type, layer)?.weights ?? []) {
    const tensor = tensorName(name, layer);
    now.delete(tensor);
    for (const stored of storedNames(type, tensor)) {
      const ref = at.get(stored);
      if (ref) now.set(stored, ref);
    }
  }
}

/** Says where a method of a candidate looks at all layers that another one has yet to make. */
export function requireAlone({ context }: Emitting, chain: Chain): void {
  for (const { stage, parts } of chain.slice(1))
    if (isLookingAtAll(parts)) {
      const what = `\`${stage.applied.method.name.text}\`, which looks at all layers, behind another method of a candidate`;
      report(context, { kind: "not-supported", span: stage.span, what, hint: "it can be the first" });
    }
}

const isLookingAtAll = (parts: BegunWork["parts"]): boolean =>
  [...parts.values()].some(({ before }) => before.layers.some(isCollecting));
