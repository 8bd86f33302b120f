/** Every way in which a program can be wrong, as data, and its message. */
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import type { Description, Of, Wording } from "./description.ts";
import { type DimensionProblem, dimensionWording } from "./wording-dimensions.ts";
import { type EffectProblem, effectWording } from "./wording-effects.ts";
import { type ModelProblem, modelWording } from "./wording-model.ts";
import { type NameProblem, nameWording } from "./wording-names.ts";
import { type ValueProblem, valueWording } from "./wording-values.ts";
import { type WeightProblem, weightWording } from "./wording-weights.ts";

export type Problem = NameProblem | DimensionProblem | ValueProblem | ModelProblem | WeightProblem | EffectProblem;

export type ProblemKind = Problem["kind"];

const wording: Wording<Problem> = {
  ...nameWording,
  ...dimensionWording,
  ...valueWording,
  ...modelWording,
  ...weightWording,
  ...effectWording,
};

const describe = <K extends ProblemKind>(kind: K, problem: Of<Problem, K>): Description => wording[kind](problem);

/** The message for a problem: what, where with all places, and the way out. */
export function worded(problem: Problem): Diagnostic {
  const { title, places, hint } = describe(problem.kind, problem);
  return { id: problem.kind, title, labels: places, ...(hint ? { hint } : {}) };
}
