/** From what was measured of candidates to what each layer takes. */
import type { ValueRecord } from "../../plan/step.ts";
import { choose, type Option, reachOf } from "./choose.ts";
import type { Question, Unit } from "./trial-steps.ts";

/** The numbers that decide, in the order in which `decide` reads them. */
export const measuresOf = ({ stage, units }: Question): readonly ValueRecord[] =>
  units.flatMap(({ text, change, errors }) => {
    const named = (what: string, value: ValueRecord["value"]): ValueRecord => ({
      ...{ kind: "report", text: `${what} of ${text}`, of: null, value, place: "" },
    });
    return [
      named("the change by the probe", change),
      ...errors.flatMap(({ probe, candidates }) => [
        named("the error of the probe", probe),
        ...candidates.map((ref, i) => named(`the error of ${stage.candidates?.[i]?.text}`, ref)),
      ]),
    ];
  });

/** What was chosen. */
export interface Decision {
  /** The candidate of each layer, by the tensor of its weight. */
  readonly chosen: ReadonlyMap<string, number>;
  /** Of the whole model. */
  readonly bytes: number;
  /** What the last hidden state is expected to feel, as a sum over the units. */
  readonly harm: number;
}

/** What each unit may become, from the numbers of `measuresOf`. */
export function optionsOf({ units }: Question, values: readonly number[]): readonly (readonly Option[])[] {
  const read = values.values();
  const next = (): number => read.next().value ?? Number.NaN;
  return units.map((unit) => optionsIn(unit, next));
}

/** The first unit of which a candidate changes outputs and the probe does not: then nothing says how much that matters. */
export const unfelt = ({ units }: Question, options: readonly (readonly Option[])[]): Unit | undefined =>
  units.find((_, i) => options[i]?.some(({ harm }) => !Number.isFinite(harm)));

/** The choice under a budget; null if nothing fits. */
export function decide(
  { units, rest }: Question,
  options: readonly (readonly Option[])[],
  budget: number,
): Decision | null {
  const chosen = choose(options, budget - rest);
  if (!chosen) return null;
  const taken = chosen.map((candidate, i) => options[i]?.[candidate] as Option);
  return {
    chosen: new Map(units.flatMap(({ tensors }, i) => tensors.map((tensor) => [tensor, chosen[i] ?? 0] as const))),
    bytes: taken.reduce((sum, { bytes }) => sum + bytes, rest),
    harm: taken.reduce((sum, { harm }) => sum + harm, 0),
  };
}

/** What could be chosen under other budgets, from the smallest on: each once. */
export function curveOf(question: Question, options: readonly (readonly Option[])[], points = 9): readonly Decision[] {
  const { least, most } = reachOf(question);
  const budgets = Array.from({ length: points }, (_, i) => least + ((most - least) * i) / (points - 1));
  const found = budgets.flatMap((budget) => decide(question, options, budget) ?? []);
  return found.filter(({ bytes }, i) => bytes !== found[i - 1]?.bytes);
}

/** The harm of a candidate: what it changes of the layers' outputs, times what the last state feels of such a change. */
function optionsIn({ bytes, errors }: Unit, next: () => number): readonly Option[] {
  const change = next();
  const read = errors.map(({ candidates }) => ({ probe: next(), candidates: candidates.map(next) }));
  const probe = read.reduce((sum, each) => sum + each.probe, 0);
  return bytes.map((each, i) => {
    const error = read.reduce((sum, { candidates }) => sum + (candidates[i] ?? 0), 0);
    return { bytes: each, harm: error === 0 ? 0 : (change * error) / probe };
  });
}
