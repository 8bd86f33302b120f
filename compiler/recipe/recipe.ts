/** Recipes: parameters, stages, expectations, reports and what is saved. */

import type * as Ast from "../../grammar/ast.ts";
import { textAt } from "../../grammar/source.ts";
import { type Context, report } from "../language/context.ts";
import { evaluate, operand } from "../language/evaluate.ts";
import { form, modelOperand } from "../language/kinds.ts";
import { number, unknownNumber } from "../language/number.ts";
import { bindValue, scopeIn } from "../language/scope.ts";
import { plainParameter } from "../language/signature.ts";
import { unknownOf } from "../language/types.ts";
import { type Callable, type Scope, showValue, type Value, wrongType } from "../language/value.ts";
import { bytesOf as storedBytes } from "../model/facts.ts";
import { bindModel } from "./bind.ts";
import { refuseUnread } from "./check-effects.ts";
import { comparisons } from "./check-saved.ts";
import { checkStage } from "./check-stage.ts";
import { begin, type Checking, givenOrMade, headerIn, type RecipeInputs } from "./checking.ts";
import { patternFunction, zerosFunction } from "./count-zeros.ts";
import { isInput, isReserved } from "./load-recipe.ts";
import { evaluationsOf } from "./measure.ts";
import { expected, reported } from "./reporting.ts";
import type { TypedRecipe } from "./typed.ts";

/** Checks a recipe; with models and a maker in the context, also builds the nodes that its steps need. */
export function checkRecipe(
  context: Context,
  recipe: Ast.Recipe,
  moduleScope: Scope,
  inputs: RecipeInputs,
): TypedRecipe {
  const functions = scopeIn(moduleScope);
  const at = begin(context, functions, inputs);
  for (const own of [bytesOf(at), zerosFunction(at), patternFunction(at)]) functions.values.set(own.name, own);
  const bound = recipe.parameters.map((parameter) => bindParameter(at, recipe, parameter));
  const parameters = bound.filter(({ type }) => !isInput(type));
  if (recipe.body.result)
    report(context, { kind: "not-supported", span: recipe.body.result.span, what: "a value at the end of a recipe" });
  for (const statement of recipe.body.statements) checkStatement(at, statement);
  refuseUnread(at);
  const { given, stages, measures, counts, saves } = at;
  const evaluations = evaluationsOf(at.passes, context.trace.observations);
  const typed = { recipe, parameters, models: [...given], stages, evaluations, measures, counts, saves };
  const open = stages.findIndex(({ candidates }) => candidates !== undefined);
  if (inputs.isBound && open >= 0) return asked(typed, open);
  return { ...typed, checks: comparisons(at, recipe, typed) };
}

/** A recipe as far as its first choice that is open: what is behind it hangs on that, but for the windows that it goes over, and how that is saved. */
const asked = (typed: Omit<TypedRecipe, "checks">, open: number): TypedRecipe => ({
  ...{ ...typed, stages: typed.stages.slice(0, open + 1) },
  ...{ measures: [], counts: new Map(), checks: new Map() },
  saves: typed.saves.filter(({ of }) => of === typed.stages[open]?.name),
});

/** `bytes(model)`: the size of the stored tensors; a stage that keeps shapes and types keeps it. */
const bytesOf = (at: Checking): Callable => ({
  kind: "callable",
  name: "bytes",
  form: () =>
    form({ model: modelOperand }, ({ model }) => {
      const facts = at.models.get(model.name)?.facts;
      return facts ? number(storedBytes(facts)) : unknownNumber;
    }),
});

function bindParameter(
  at: Checking,
  recipe: Ast.Recipe,
  parameter: Ast.Parameter,
): { readonly name: string; readonly type: string; readonly value: string } {
  const { context, scope, inputs } = at;
  const { name, type, value: fallback } = parameter;
  if (isReserved(name.text)) report(context, { kind: "reserved-name", span: name.span, name: name.text });
  const source = inputs.parameters.get(name.text) ?? fallback;
  const plain = type?.kind === "plain-type" ? type : null;
  const value = plain
    ? parameterValue(at, recipe, parameter, plain.name.text, source)
    : report(context, {
        kind: "not-supported",
        span: parameter.span,
        what: "a recipe's parameter without a plain type",
        hint: "as in `bits: Int = 4`",
      });
  bindValue(context, scope, name, value);
  const isComputed = source?.kind !== "number" && value.kind === "number" && value.real !== null;
  return {
    name: name.text,
    type: plain?.name.text ?? "",
    value: source && !isComputed ? textAt(source.span) : showValue(value),
  };
}

function parameterValue(
  at: Checking,
  recipe: Ast.Recipe,
  parameter: Ast.Parameter,
  type: string,
  source: Ast.Expression | undefined,
): Value {
  const { context, scope, inputs } = at;
  const { text: name } = parameter.name;
  if (type === "Model") return bindModel(at, recipe, parameter);
  if (type === "Corpus") return { kind: "corpus", name, split: null, first: null };
  const of = recipe.name.text;
  const missing = (): Value => report(context, { kind: "missing-parameter", span: parameter.span, of, name, type });
  if (type === "Task") {
    const facts = inputs.corpora.get(name)?.task ?? null;
    return inputs.isBound && !facts ? missing() : { kind: "task", name, facts, first: null };
  }
  if (source)
    return plainParameter(headerIn(context, scope, source.span), of, parameter, operand(context, scope, source));
  return inputs.isBound ? missing() : unknownOf(parameter);
}

function checkStatement(at: Checking, statement: Ast.Statement): void {
  const { context, scope } = at;
  switch (statement.kind) {
    case "let":
      bindValue(context, scope, statement.name, evaluate(context, scope, statement.value));
      break;
    case "stage":
      checkStage(at, statement);
      break;
    case "report":
      for (const value of statement.values) at.measures.push(...reported(at, value));
      break;
    case "expect":
      at.measures.push(...expected(at, statement.condition));
      break;
    case "save":
      checkSave(at, statement);
      break;
    default:
      report(context, { kind: "not-supported", span: statement.span, what: `\`${statement.kind}\` in a recipe` });
  }
}

function checkSave(at: Checking, { model, as, span }: Ast.Save): void {
  const { text: name } = model;
  const first = at.saves.find((each) => each.name.toLowerCase() === name.toLowerCase());
  if (first) report(at.context, { kind: "saved-twice", span, name, first: first.span });
  const found = givenOrMade(at, model);
  const format = savedFormat(at, as);
  if (found && format !== null && !first) at.saves.push({ name, of: found.name, format, span: as.span });
}

/** The format that an expression names; null, and a problem, where it names none that models are saved in, or while it is not known. */
function savedFormat({ context, scope, inputs }: Checking, as: Ast.Expression): string | null {
  const { value } = operand(context, scope, as);
  const formats = inputs.formats();
  const hint = `there are ${formats.map((name) => `"${name}"`).join(", ")}`;
  if (value.kind !== "string") {
    wrongType(context, { value, span: as.span }, "the name of a format in quotes");
    return null;
  }
  if (value.value === null || formats.includes(value.value)) return value.value;
  report(context, { kind: "not-supported", span: as.span, what: `the format "${value.value}"`, hint });
  return null;
}
