/** A recipe that chooses is compiled twice: for what is measured of the candidates, and, with what that decides, for all the rest. */
import { curveOf, decide, optionsOf } from "../../compiler/recipe/choice/decide.ts";
import type { Question } from "../../compiler/recipe/choice/trial-steps.ts";
import { UserError } from "../user-error.ts";
import type { ChoiceMade } from "./choice-table.ts";
import { type OpenRecipe, outlining } from "./recipe.ts";

/** The recipe with what the measured numbers decide. */
export async function decided(
  open: OpenRecipe,
  question: Question,
  values: readonly number[],
): Promise<{ readonly open: OpenRecipe; readonly made: ChoiceMade }> {
  const { stage, units, budget } = question;
  const options = optionsOf(question, values);
  const found = decide(question, options, budget);
  if (found === null) throw new UserError(`nothing that ${stage.name} chooses from fits into ${budget} bytes`);
  const inputs = { ...open.inputs, choices: new Map([...(open.inputs.choices ?? []), [stage.name, found.chosen]]) };
  const candidates = (stage.candidates ?? []).map(({ text }, i) => ({
    candidate: text,
    groups: units.filter(({ tensors: [first = ""] }) => found.chosen.get(first) === i).map((unit) => unit.text),
  }));
  const curve = curveOf(question, options).map(({ bytes, harm }) => ({
    bytes,
    harm: found.harm > 0 ? harm / found.harm : null,
  }));
  const made = { stage: stage.name, bytes: found.bytes, candidates, curve };
  return { open: await outlining(open, inputs, open.outlined.notes), made };
}
