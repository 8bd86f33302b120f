/** From what was measured of candidates to what each layer takes. */
import type { ValueRecord } from "../../plan/step.ts";
import { choose, type Option, reachOf } from "./choose.ts";
import type { Question } from "./trial-steps.ts";

/** The numbers that decide, in the order in which `optionsOf` reads them. */
export const measuresOf = ({ stage, units }: Question): readonly ValueRecord[] =>
  units.flatMap(({ text, harms }) =>
    harms.map((value, i): ValueRecord => {
      const measured = `the harm of ${stage.candidates?.[i]?.text} to ${text}`;
      return { kind: "report", text: measured, of: null, value, place: "" };
    }),
  );

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
  return units.map(({ bytes }) => bytes.map((each) => ({ bytes: each, harm: read.next().value ?? Number.NaN })));
}

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
