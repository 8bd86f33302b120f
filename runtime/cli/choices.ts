/** A recipe that chooses is compiled twice: for what is measured of the candidates, and, with what that decides, for all the rest. */
import { outline } from "../../compiler/compile.ts";
import { curveOf, decide } from "../../compiler/recipe/choice/decide.ts";
import type { Question } from "../../compiler/recipe/choice/trial-steps.ts";
import { UserError } from "../user-error.ts";
import type { ChoiceMade } from "./choice-table.ts";
import { type OpenRecipe, translated } from "./recipe.ts";

/** The recipe with what the measured numbers decide. */
export function decided(
  open: OpenRecipe,
  question: Question,
  values: readonly number[],
): { readonly open: OpenRecipe; readonly made: ChoiceMade } {
  const { stage, units, budget } = question;
  const found = decide(question, values, budget);
  if (found === null) throw new UserError(`nothing that ${stage.name} chooses from fits into ${budget} bytes`);
  const inputs = { ...open.inputs, choices: new Map([...(open.inputs.choices ?? []), [stage.name, found.chosen]]) };
  const outlined = translated(open.shown, () => outline(open.loaded, inputs));
  const candidates = (stage.candidates ?? []).map(({ text }, i) => ({
    candidate: text,
    groups: units.filter(({ tensors: [first = ""] }) => found.chosen.get(first) === i).map((unit) => unit.text),
  }));
  const curve = curveOf(question, values).map(({ bytes, harm }) => ({ bytes, harm: harm / found.harm }));
  return { open: { ...open, inputs, outlined }, made: { stage: stage.name, bytes: found.bytes, candidates, curve } };
}
