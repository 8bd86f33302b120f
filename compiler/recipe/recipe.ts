/** Recipes: parameters, stages, expectations, reports and what is saved. */

import type * as Ast from "../../grammar/ast.ts";
import { textAt } from "../../grammar/source.ts";
import { coneOf } from "../graph/cone.ts";
import type { Node } from "../graph/ops.ts";
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
import { areKept, notePattern, refuseUnread, statesOf } from "./check-effects.ts";
import { comparisons } from "./check-saved.ts";
import { checkStage } from "./check-stage.ts";
import { begin, type Checking, givenOrMade, headerIn, type RecipeInputs } from "./checking.ts";
import { patternFunction, zerosFunction } from "./count-zeros.ts";
import { isInput, isReserved } from "./load-recipe.ts";
import { evaluationsOf } from "./measure.ts";
import type { Measure, TypedRecipe } from "./typed.ts";

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
      at.measures.push(...statement.values.map((value) => measured(at, "report", value)));
      break;
    case "expect":
      at.measures.push(expected(at, statement.condition));
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

function measured(at: Checking, kind: "report" | "expect", expression: Ast.Expression): Measure {
  const { context, scope } = at;
  const value = evaluate(context, scope, expression);
  const of = measureOf(at, expression, value);
  const base = { kind, text: textAt(expression.span), of, span: expression.span };
  if (value.kind === "number" && kind === "report") return { ...base, value: value.real };
  if (value.kind === "boolean" && kind === "expect")
    return { ...base, value: value.value === null ? null : Number(value.value) };
  const mostDims = kind === "report" ? 1 : 0;
  if (value.kind === "tensor" && value.dims.length <= mostDims && (value.dtype === "bool") === (kind === "expect")) {
    const node = context.maker.make("cast", [value.node], { dtype: "f32" }, expression.span);
    return { ...base, value: node };
  }
  if (value.kind !== "wrong")
    report(context, {
      kind: "wrong-type",
      span: expression.span,
      expected: kind === "expect" ? "a comparison of numbers" : "a number, or numbers along one dimension",
      found: showValue(value),
    });
  return { ...base, value: null };
}

/** What is expected of zeros that a stage makes, no stage behind it may lose. */
function expected(at: Checking, condition: Ast.Expression): Measure {
  const measure = measured(at, "expect", condition);
  const read = typeof measure.value === "object" && measure.value ? coneOf([measure.value]) : [];
  const counted = read.flatMap((node) => (node.op === "input" ? (at.counts.get(node.attrs.name) ?? []) : []));
  for (const each of counted) {
    const states = statesOf(at, each.model);
    if (areKept(at, states, condition.span, each)) notePattern(at.context, each, states, condition.span);
  }
  return measure;
}

/** `perplexity(small, text.test)` is the measure `perplexity` of `small`; `distance(model, small)` is that of neither. */
function measureOf({ context, scope }: Checking, expression: Ast.Expression, value: Value): Measure["of"] {
  if (expression.kind !== "call" || expression.callee.kind !== "name") return null;
  const [first] = expression.arguments;
  const model = first?.kind === "value" && first.value.kind === "name" ? evaluate(context, scope, first.value) : null;
  if (model?.kind !== "model") return null;
  const read = value.kind === "tensor" ? modelsRead(context, value.node) : [];
  return read.every((name) => name === model.name) ? { measure: expression.callee.text, model: model.name } : null;
}

/** The models whose evaluations a value is made of. */
const modelsRead = ({ trace }: Context, value: Node): readonly string[] => {
  const states = new Set(coneOf([value]).flatMap((node) => (node.op === "input" ? [node.attrs.name] : [])));
  return trace.observations.filter(({ slot }) => states.has(slot)).flatMap(({ models }) => models);
};
