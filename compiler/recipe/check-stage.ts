/** Stages: a method with its arguments, the layers that it works on, and what it makes of the model. */
import type * as Ast from "../../grammar/ast.ts";
import { bindArguments } from "../language/bind.ts";
import { type Context, report } from "../language/context.ts";
import { operand } from "../language/evaluate.ts";
import { bindValue, declareValue, scopeIn } from "../language/scope.ts";
import { plainParameter } from "../language/signature.ts";
import { showSize } from "../language/size.ts";
import { volume } from "../language/tensor.ts";
import type { Linear } from "../language/trace.ts";
import {
  type Bound,
  type Format,
  type MethodValue,
  type ModelValue,
  showFormat,
  showValue,
  type Value,
  wrong,
} from "../language/value.ts";
import { areNumbers, codedType, decodedType } from "../model/coded-type.ts";
import { layerSizes, type Selected, select } from "../model/selector.ts";
import type { ModelType } from "../model/value.ts";
import { sizesIn } from "./bind.ts";
import { type Narrowing, narrowingOf } from "./check-narrowing.ts";
import { type Checking, givenOrMade, headerIn, wanted } from "./checking.ts";
import { addChosen, candidatesOf, suitsCandidates } from "./choice/check-choice.ts";
import { layersIn } from "./collections.ts";
import { type Applied, applyMethod } from "./method.ts";
import { checkMethod } from "./method-on-blocks.ts";
import { requireLayers } from "./other-models.ts";
import type { TypedStage } from "./typed.ts";

/** Checks a stage, of those of its layers that are taken, and adds it; from then on its name is its result. */
export function checkStage(at: Checking, stage: Ast.Stage, isTaken: (layer: Selected) => boolean = () => true): void {
  const { context } = at;
  const method = wanted(at, stage.method.callee, "method", "a method");
  const of = givenOrMade(at, stage.of);
  const windows = stage.over ? wanted(at, stage.over, "windows", "windows of text", sampled) : null;
  const type = of && at.models.get(of.name);
  const applied = method && appliedIn(at, stage, method);
  nameResult(at, stage, of, type ?? null);
  if (!applied || !of || !suitsCandidates(at, stage, applied.method)) return;
  const inside: Context = { ...context, stage: stage.span };
  const format = checkMethod(inside, applied);
  const typed = typedStage(at, stage, applied, of.name, windows, isTaken);
  if (stage.among) {
    checkChoice(at, stage, typed, of);
    return;
  }
  const isOnBlocks = applied.method.on.text === "block";
  const made = isOnBlocks
    ? ofBlocks(inside, stage, typed, type ?? null)
    : ofLinears(inside, stage, typed, type ?? null, format);
  if (isOnBlocks || format || made.type) nameResult(at, stage, of, made.type);
  at.stages.push({ ...typed, ...made });
}

/** A stage that chooses: those that make what was chosen, or, while that is open, all candidates. */
function checkChoice(at: Checking, stage: Ast.Stage, typed: TypedStage, of: ModelValue): void {
  const chosen = at.inputs.choices?.get(stage.name.text);
  if (chosen) {
    addChosen(at, stage, chosen, checkStage);
    return;
  }
  const candidates = candidatesOf(at, stage, checkStage);
  const [first] = candidates;
  nameResult(at, stage, of, at.models.get(first?.stages.at(-1)?.name ?? "") ?? null);
  at.stages.push({ ...typed, candidates });
}

/** What a method on blocks makes of a model. */
function ofBlocks(
  context: Context,
  stage: Ast.Stage,
  { applied, windows }: TypedStage,
  type: ModelType | null,
): Pick<TypedStage, "decoded" | "narrowing" | "type"> {
  refuseSelectors(context, stage);
  const numbers = type && decodedType(context, type, null);
  const of = (model: ModelType | null): Narrowing | null =>
    windows && model && narrowingOf(context, applied, model, windows, stage.span);
  const narrowing = of(numbers ?? type);
  if (!type || !numbers || !narrowing || stage.decode)
    return { decoded: stage.decode ? numbers : null, narrowing, type: narrowing?.type ?? null };
  const ofCodes = areWhole(context, stage, type, narrowing.type) ? of(type) : null;
  return { decoded: null, narrowing: ofCodes, type: ofCodes?.type ?? null };
}

/** Refuses to cut codes: runs of what is left would be others. */
function areWhole(context: Context, { of, span }: Ast.Stage, { facts }: ModelType, after: ModelType): boolean {
  const cut = [...(facts?.tensors ?? [])].find(([name, { coded, shape }]) => {
    const left = after.facts?.tensors.get(name)?.shape;
    return coded && left && left.join() !== shape.join();
  });
  const format = cut?.[1].coded?.format;
  const what = format && `cutting \`${cut[0]}\`, which is stored as ${showFormat(format)},`;
  const hint = `write \`of ${of.text} decode\` for codes to become numbers first`;
  if (what) report(context, { kind: "not-supported", span, what, hint });
  return what === undefined;
}

/** What a method on linear layers or readers makes of a model; its type is null where it stays. */
function ofLinears(
  context: Context,
  stage: Ast.Stage,
  typed: TypedStage,
  type: ModelType | null,
  format: Format | null,
): Pick<TypedStage, "decoded" | "type"> {
  const { selected } = typed;
  const decoded = type && stage.decode ? decodedType(context, type, selected) : null;
  const given = decoded ?? type;
  if (!given || !areNumbers(context, given, selected, stage)) return { decoded, type: null };
  if (!format) return { decoded, type: decoded };
  const inside: Context = { ...context, layerSizes: layerSizes(selected) };
  return { decoded, type: codedType(inside, given, selected, formatOf(typed), stage.span) };
}

/** The format of each layer: its sizes may decide that. */
function formatOf({ applied, windows, ...stage }: TypedStage): (context: Context, linear: Linear) => Format | null {
  const known = new Map<string, Format | null>();
  const layers = layersIn(stage);
  return (context, linear) => {
    const sizes = [linear.to, linear.from].map((dims) => showSize(volume(dims))).join(" x ");
    const found = known.get(sizes);
    if (found !== undefined) return found;
    const site = { linear, dtype: "f32", bias: "f32", others: new Map(), layers, input: null, windows } as const;
    const made = applyMethod(context, applied, site)?.format ?? null;
    known.set(sizes, made);
    return made;
  };
}

const sampled = "as in `text.train.sample(128, length: 2048, seed: 0)`";

/** From here on the stage's name is its result, as far as that is known. */
function nameResult(at: Checking, { name }: Ast.Stage, of: ModelValue | null, type: ModelType | null): void {
  const first = at.named.get(name.text);
  if (first && first !== name.span)
    report(at.context, { kind: "duplicate-name", span: name.span, name: name.text, first });
  at.named.set(name.text, name.span);
  bindValue(at.context, at.scope, name, of ? { ...of, name: name.text, ...(type && { sizes: sizesIn(type) }) } : wrong);
  if (type) at.models.set(name.text, type);
  else at.models.delete(name.text);
}

/** The method with its arguments; null if there was a problem. */
function appliedIn({ context, scope }: Checking, stage: Ast.Stage, value: MethodValue): Applied | null {
  const { method, scope: declaredIn } = value;
  const { span, arguments: written } = stage.method;
  const bound = bindArguments({ context, scope, span, of: method.name.text }, method.parameters, written, operand);
  if (!bound) return null;
  if (!stage.over && (method.on.text === "block" || method.sees.some(({ name }) => name.text === "x")))
    report(context, {
      kind: "missing-parameter",
      span: stage.span,
      of: method.name.text,
      name: "over …",
      type: "the samples that stream through the model",
    });
  const given = complete(context, value, bound.values);
  const areGood = [...given.values()].every(({ kind }) => kind !== "wrong");
  return areGood
    ? { method, scope: declaredIn, arguments: given, keepsZeros: keepsZeros(context, stage, method) }
    : null;
}

/** Whether weights that are 0 stay 0. */
function keepsZeros(context: Context, { keeping }: Ast.Stage, { on }: Ast.Method): boolean {
  const isMeant = keeping?.text === "zeros" && on.text === "linear";
  const what = `\`keeping ${keeping?.text}\` of a method on ${on.text}`;
  const hint = "`keeping zeros` of a method on linear leaves weights 0 that are 0";
  if (keeping && !isMeant) report(context, { kind: "not-supported", span: keeping.span, what, hint });
  return isMeant;
}

function refuseSelectors(context: Context, { selectors, except }: Ast.Stage): void {
  const [first] = [...selectors, ...except];
  const what = "`for` with a method on blocks";
  if (first) report(context, { kind: "not-supported", span: first.span, what, hint: "it sees all of them" });
}

/** The arguments of a method in the order of its parameters; a default may read earlier ones. */
function complete(context: Context, { method, scope }: MethodValue, given: Bound["values"]): Map<string, Value> {
  const inside = scopeIn(scope);
  const all = new Map<string, Value>();
  for (const parameter of method.parameters) {
    const { name, value: fallback } = parameter;
    const argument = given.get(name.text) ?? (fallback ? operand(context, inside, fallback) : undefined);
    if (!argument) continue;
    const value = plainParameter(headerIn(context, inside, argument.span), method.name.text, parameter, argument);
    declareValue(inside, name, value);
    all.set(name.text, value);
  }
  return all;
}

function typedStage(
  at: Checking,
  stage: Ast.Stage,
  applied: Applied,
  of: string,
  windows: TypedStage["windows"],
  isTaken: (layer: Selected) => boolean,
): TypedStage {
  const type = applied.method.on.text !== "block" ? at.models.get(of) : undefined;
  const { selected: all, tied } = type ? select(at.context, at.scope, type, stage) : { selected: [], tied: [] };
  const selected = all.filter(isTaken);
  if (type) requireLayers(at.context, at.models, stage, applied.arguments, type, selected);
  const action = actionOf(applied);
  const { name, span } = stage;
  const unchanged = { narrowing: null, decoded: null, type: null };
  return { name: name.text, action, of, windows, applied, selected, tied, ...unchanged, span };
}

/** `prune(sparsity: 50%)`: the method with its arguments as resolved. */
function actionOf({ method, arguments: given, keepsZeros }: Applied): string {
  const shown = method.parameters.flatMap(({ name: { text: name } }) => {
    const value = given.get(name);
    return value ? [`${name}: ${value.kind === "model" ? value.name : showValue(value)}`] : [];
  });
  return `${method.name.text}(${shown.join(", ")})${keepsZeros ? " keeping zeros" : ""}`;
}
