/** The check of what a recipe saves: the files as a given model, on the first windows of a text, beside the model that they were made from. */
import type * as Ast from "../../grammar/ast.ts";
import { invariant } from "../invariant.ts";
import { number } from "../language/number.ts";
import type { Windows } from "../language/tensor.ts";
import type { Value } from "../language/value.ts";
import { headersOf } from "../plan/headers.ts";
import { isTaskPart, type Split } from "../plan/plan.ts";
import type { SavedCheck, SavedTensor, SaveRecord } from "../plan/step.ts";
import { bindModel } from "./bind.ts";
import type { Checking } from "./checking.ts";
import { fieldsOf } from "./library-function.ts";
import { evaluationsOf } from "./measure.ts";
import { type Emitting, windowsNumber } from "./steps.ts";
import type { Comparison, Saving, TypedRecipe } from "./typed.ts";

/** The module whose function says what is compared. */
export const checkLibrary = "std/check";

/** What the files of a model are called among the models, where no parameter can be. */
export const savedName = (name: string): string => `${name} as it is saved`;

/** On so many windows. */
const most = 8;

/** The windows whose text and length are taken for what a recipe has not asked for: those of an evaluation, or of a stage. */
export function textWindows({ evaluations, stages }: Pick<TypedRecipe, "evaluations" | "stages">): TextWindows | null {
  const all = [...stages, ...evaluations].flatMap(({ windows }) => windows ?? []);
  return all.findLast((each): each is TextWindows => !isTaskPart(each.split)) ?? null;
}

type TextWindows = Windows & { readonly split: Split };

/** Of each model that is saved; none where the recipe reads no text, or where it is not known what the files will say. */
export const comparisons = (
  at: Checking,
  recipe: Ast.Recipe,
  typed: Pick<TypedRecipe, "evaluations" | "stages" | "saves">,
): TypedRecipe["checks"] =>
  new Map(
    typed.saves.flatMap((save) => {
      const found = comparison(at, recipe, typed, save);
      return found ? [[save.name, found] as const] : [];
    }),
  );

function comparison(
  at: Checking,
  recipe: Ast.Recipe,
  typed: Pick<TypedRecipe, "evaluations" | "stages">,
  save: Saving,
): Comparison | null {
  const { context, scope, inputs } = at;
  const windows = textWindows(typed);
  const own = savedName(save.name);
  if (!inputs.models.has(own) || windows === null) return null;
  const { span } = recipe.name;
  const model = bindModel(at, recipe, { name: { text: own, span }, span });
  const saved = at.given.pop();
  if (saved?.name !== own) return null;
  const before = context.trace.observations.length;
  const { corpus: name, split, length } = windows;
  const first = Math.min(most, context.countWindows({ ...windows, first: null, draw: null }) ?? most);
  const values: Readonly<Record<string, Value | undefined>> = {
    given: scope.values.get(originOf(typed, save.of)),
    made: scope.values.get(save.of),
    saved: model,
    text: { kind: "corpus", name, split, first },
    length: number(length),
  };
  const found = fieldsOf({ context, scope, span }, inputs.modules, [checkLibrary, "check_saved"], values);
  const [loss, saved_loss, kl] = [found.get("loss"), found.get("saved_loss"), found.get("kl")];
  if (!loss || !saved_loss || !kl) return null;
  const evaluations = evaluationsOf(at.passes, context.trace.observations.slice(before));
  return { saved, evaluations, values: { loss, saved_loss, kl } };
}

/** The given model that a stage began with. */
function originOf(typed: Pick<TypedRecipe, "stages">, name: string): string {
  const stage = typed.stages.find((each) => each.name === name);
  return stage ? originOf(typed, stage.of) : name;
}

/** The record of a check whose values are there. */
export function checkRecord(
  at: Emitting,
  save: SaveRecord,
  { saved, evaluations }: Comparison,
  from: number,
  values: SavedCheck["values"],
): SavedCheck {
  const [first] = evaluations;
  invariant(first !== undefined, "the files are compared with nothing");
  return {
    model: saved.name,
    headers: headersOf(saved.facts),
    from,
    over: windowsNumber(at, first.windows),
    values,
    tolerance: toleranceOf(at, save),
  };
}

/** Losses differ by the order of sums alone, unless codes were rounded to numbers of few bits. */
function toleranceOf({ steps }: Emitting, { tensors, quantization }: SaveRecord): number {
  const isDecoded = ({ from }: SavedTensor): boolean =>
    "step" in from && steps[from.step]?.part.stage === null && quantization === null;
  const rounded = tensors.filter(isDecoded).map(({ dtype }) => dtype);
  return rounded.includes("BF16") ? 1e-2 : rounded.includes("F16") ? 1e-3 : 1e-5;
}
