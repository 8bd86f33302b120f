/** A recipe that has saved a model, with the check of what was saved in the place of its measures. */
import type * as Ast from "../../grammar/ast.ts";
import { invariant } from "../invariant.ts";
import { given } from "../language/bind.ts";
import { number } from "../language/number.ts";
import { bindValue, scopeIn } from "../language/scope.ts";
import type { Windows } from "../language/tensor.ts";
import type { Operand, Value } from "../language/value.ts";
import { bindModel } from "./bind.ts";
import type { Checking } from "./checking.ts";
import { evaluationsOf } from "./measure.ts";
import type { TypedRecipe } from "./typed.ts";

/** The module and the function that say what is compared. */
export const savedCheck = "std/check";
const checkFunction = "check_saved";

/** What the check reports, in this order. */
const checked = ["made", "saved", "kl"] as const;

/** The windows whose text and length the check takes, of which it takes the first eight: those of an evaluation, or of a stage. */
export function checkWindows({ evaluations, stages }: TypedRecipe): Windows | null {
  return evaluations.at(-1)?.windows ?? stages.findLast(({ windows }) => windows !== null)?.windows ?? null;
}

/** The recipe as it was checked, comparing the model called `saved` with that which it was saved from. */
export function comparing(at: Checking, recipe: Ast.Recipe, typed: TypedRecipe, saved: string): TypedRecipe {
  const { context, scope, inputs } = at;
  const [windows, made] = [checkWindows(typed), typed.save?.of];
  const declared = inputs.modules.scopes.get(savedCheck)?.values.get(checkFunction);
  invariant(windows !== null && made !== undefined && declared?.kind === "callable", "there is nothing to check with");
  const { span } = recipe.name;
  bindValue(context, scope, { text: saved, span }, bindModel(at, recipe, { name: { text: saved, span }, span }));
  const before = context.trace.observations.length;
  const { corpus: name, split, length } = windows;
  const first = Math.min(8, context.countWindows({ ...windows, first: null, draw: null }) ?? 8);
  const values: Readonly<Record<string, Value | undefined>> = {
    given: scope.values.get(originOf(typed, made)),
    made: scope.values.get(made),
    saved: scope.values.get(saved),
    text: { kind: "corpus", name, split, first },
    length: number(length),
  };
  const operands = Object.entries(values).flatMap(([key, value]): [string, Operand][] =>
    value ? [[key, { value, span }]] : [],
  );
  const call = { context, scope: scopeIn(scope), span };
  const found = declared.form([]).apply(call, given(call.scope, new Map(operands)));
  const measures = checked.flatMap((text) => {
    const value = found.kind === "record" ? found.fields.get(text) : undefined;
    return value?.kind === "tensor" ? [{ kind: "report", text, of: null, value: value.node, span } as const] : [];
  });
  const evaluations = evaluationsOf(at.passes, context.trace.observations.slice(before));
  return { ...typed, models: at.given, measures, evaluations, save: null };
}

/** The given model that a stage began with. */
function originOf(typed: Pick<TypedRecipe, "stages">, name: string): string {
  const stage = typed.stages.find((each) => each.name === name);
  return stage ? originOf(typed, stage.of) : name;
}
