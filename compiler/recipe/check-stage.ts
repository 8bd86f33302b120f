/** Stages: a method with its arguments, the layers that it works on, and what it makes of the model. */
import type * as Ast from "../../grammar/ast.ts";
import { bindArguments } from "../language/bind.ts";
import { type Context, report } from "../language/context.ts";
import { operand } from "../language/evaluate.ts";
import { bindValue, declareValue, scopeIn } from "../language/scope.ts";
import { plainParameter } from "../language/signature.ts";
import type { Linear } from "../language/trace.ts";
import { namesIn } from "../language/types.ts";
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
import { codedType, decodedType } from "../model/coded-type.ts";
import { withBiases } from "../model/gained-biases.ts";
import { layerSizes, type Selected, select } from "../model/selector.ts";
import type { ModelType } from "../model/value.ts";
import { sizesIn } from "./bind.ts";
import {
  areKept,
  areNumbers,
  type Coding,
  changesIn,
  changesOf,
  noteFewRows,
  noteOrder,
  noteRotated,
  noteUnseen,
  selectedText,
  statesOf,
} from "./check-effects.ts";
import { type Narrowing, narrowingOf } from "./check-narrowing.ts";
import { tensorsIn } from "./check-rotation.ts";
import { type Checking, givenOrMade, headerIn, wanted } from "./checking.ts";
import { addChosen, candidatesOf, refuseCodes, suitsCandidates } from "./choice/check-choice.ts";
import {
  changed,
  decodedStates,
  keyOf,
  narrowedStates,
  rotatedStates,
  type States,
  showState,
  whichever,
} from "./effects.ts";
import type { Applied } from "./method.ts";
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
    ? ofBlocks(at, inside, stage, typed, type ?? null)
    : ofLinears(at, inside, stage, { ...typed, format }, type ?? null);
  if (isOnBlocks || format || made.type) nameResult(at, stage, of, made.type);
  nameEffects(at, stage.name, made.effects);
  at.stages.push({ ...typed, ...made });
}

/** A stage that chooses: those that make what was chosen, or, while that is open, all candidates. */
function checkChoice(at: Checking, stage: Ast.Stage, typed: TypedStage, of: ModelValue): void {
  const chosen = at.inputs.choices?.get(stage.name.text);
  if (chosen) {
    addChosen(at, stage, chosen, checkStage);
    return;
  }
  const before = statesOf(at, of.name);
  const layers = typed.selected.length > 0 ? typed.selected.map(keyOf) : [selectedText(stage)];
  if (layers.some((layer) => before.get(layer)?.codes)) {
    refuseCodes(at.context, stage.span);
    return;
  }
  const candidates = candidatesOf(at, stage, checkStage);
  const [first] = candidates;
  nameResult(at, stage, of, at.models.get(first?.stages.at(-1)?.name ?? "") ?? null);
  const made = candidates.map(({ stages }) => stages.at(-1)?.effects ?? new Map());
  const own = new Set(candidates.flatMap(({ stages }) => stages.map(({ name }) => name)));
  const effects = whichever(made, own, { name: stage.name.text, span: stage.span, isChoice: true });
  nameEffects(at, stage.name, effects);
  at.stages.push({ ...typed, candidates, effects });
}

/** The stage's name has what is known of weights in its type. */
function nameEffects({ context, scope, effects: known }: Checking, name: Ast.Name, effects: States): void {
  known.set(name.text, effects);
  const value = scope.values.get(name.text) ?? wrong;
  const states = [...new Set([...effects.values()].map(showState))].filter((text) => text.length > 0);
  bindValue(context, scope, name, value.kind === "model" ? { ...value, effects: states } : value);
}

/** What a method on blocks makes of a model. */
function ofBlocks(
  at: Checking,
  context: Context,
  stage: Ast.Stage,
  { applied, windows, of: source }: TypedStage,
  type: ModelType | null,
): Pick<TypedStage, "reads" | "narrowing" | "type" | "effects"> {
  refuseSelectors(context, stage);
  const numbers = type && decodedType(context, type, null);
  const of = (model: ModelType | null): Narrowing | null =>
    model && (windows || !readsSamples(applied.method))
      ? narrowingOf(context, applied, model, windows, stage.span)
      : null;
  const before = statesOf(at, source);
  const by = { name: stage.name.text, span: stage.span };
  const effects = (made: Narrowing | null): States => {
    if (!type || !made) return new Map();
    const states = narrowedStates(before, by, type, made.type);
    return made.rotated ? rotatedStates(states, by, made.type, tensorsIn(made.rotated, "turned")) : states;
  };
  const narrowing = of(numbers ?? type);
  if (!type || !numbers || !narrowing || stage.decode) {
    const made = { reads: stage.decode ? numbers : null, narrowing, type: narrowing?.type ?? null };
    return { ...made, effects: stage.decode ? decodedStates(effects(narrowing)) : effects(narrowing) };
  }
  const ofCodes = areWhole(context, stage, type, narrowing) ? of(type) : null;
  return { reads: null, narrowing: ofCodes, type: ofCodes?.type ?? null, effects: effects(ofCodes) };
}

/** Refuses to cut or turn codes: runs of what is left would be others. */
function areWhole(context: Context, { of, span }: Ast.Stage, { facts }: ModelType, after: Narrowing): boolean {
  const turned = after.rotated ? tensorsIn(after.rotated, "changed") : new Set();
  const cut = [...(facts?.tensors ?? [])].find(([name, { coded, shape }]) => {
    const left = after.type.facts?.tensors.get(name)?.shape;
    return coded && left && (turned.has(name) || left.join() !== shape.join());
  });
  const format = cut?.[1].coded?.format;
  const verb = after.rotated ? "rotating" : "cutting";
  const what = format && `${verb} \`${cut[0]}\`, which is stored as ${showFormat(format)},`;
  const hint = `write \`of ${of.text} decode\` for codes to become numbers first`;
  if (what) report(context, { kind: "not-supported", span, what, hint });
  return what === undefined;
}

/** What the weights are that a stage reads; without a model, others may have selected by other words what it decodes. */
function statesBefore(at: Checking, { of }: TypedStage, { decode }: Ast.Stage, type: ModelType | null): States {
  const known = statesOf(at, of);
  return decode && !type ? decodedStates(known) : known;
}

/** What a method on linear layers or readers makes of a model; its type is null where it stays. */
function ofLinears(
  at: Checking,
  context: Context,
  stage: Ast.Stage,
  typed: Coding,
  type: ModelType | null,
): Pick<TypedStage, "reads" | "type" | "effects"> {
  const { selected } = typed;
  const decoded = type && stage.decode ? decodedType(context, type, selected) : null;
  const numbers = decoded ?? type;
  const inside: Context = { ...context, layerSizes: layerSizes(selected) };
  const changeFor = changesOf(typed);
  const before = statesBefore(at, typed, stage, type);
  const changes = changesIn(inside, stage, typed, numbers, changeFor);
  const areGood = stage.decode || areNumbers(at, stage, before, changes);
  const biased = selected.filter((each) => changes.get(keyOf(each))?.givesBias);
  const given = numbers && withBiases(context, numbers, biased, stage.span);
  const reads = given === type ? null : given;
  if (given && areGood) for (const say of [noteOrder, noteRotated, noteUnseen]) say(context, typed, before, changes);
  if (given) noteFewRows(context, typed, changes);
  if (stage.keeping) areKept(at, before, stage.keeping.span, { keys: changes.keys() });
  const effects = changed(before, { name: stage.name.text, span: stage.span }, changes);
  const isCoding = [...changes.values()].some(({ format }) => format);
  if (!given || !areGood || !isCoding) return { reads, type: reads, effects };
  const formatFor = (of: Context, linear: Linear): Format | null => changeFor(of, linear).format;
  return { reads, type: codedType(inside, given, selected, formatFor, stage.span), effects };
}

const sampled = "as in `text.train.sample(128, length: 2048, seed: 0)`";

/** From here on the stage's name is its result, as far as that is known. */
function nameResult(at: Checking, { name }: Ast.Stage, of: ModelValue | null, type: ModelType | null): void {
  const first = at.named.get(name.text);
  if (first && first !== name.span)
    report(at.context, { kind: "duplicate-name", span: name.span, name: name.text, first });
  at.named.set(name.text, name.span);
  const value: Value = of ? { ...of, name: name.text, ...(type && { sizes: () => sizesIn(type).entries() }) } : wrong;
  declareValue(at.scope, name, value);
  if (type) at.models.set(name.text, type);
  else at.models.delete(name.text);
}

/** The method with its arguments; null if there was a problem. */
function appliedIn({ context, scope }: Checking, stage: Ast.Stage, value: MethodValue): Applied | null {
  const { method, scope: declaredIn } = value;
  const { span, arguments: written } = stage.method;
  const bound = bindArguments({ context, scope, span, of: method.name.text }, method.parameters, written, operand);
  if (!bound) return null;
  if (!stage.over && readsSamples(method))
    report(context, {
      kind: "missing-parameter",
      span: stage.span,
      of: method.name.text,
      name: "over …",
      type: "the samples that stream through the model",
    });
  const given = complete(context, value, bound.values);
  const areGood = [...given.values()].every(({ kind }) => kind !== "wrong");
  const shown = new Set(bound.values.keys());
  return areGood
    ? { method, scope: declaredIn, arguments: given, written: shown, keepsZeros: keepsZeros(context, stage, method) }
    : null;
}

/** Whether a method observes samples on their way through the model. */
const readsSamples = ({ on, sees, body }: Ast.Method): boolean =>
  sees.some(({ type }) => type?.kind === "tensor-type" && namesIn(type).some(({ text }) => text === "sample")) &&
  (on.text !== "block" || body.statements.some(({ kind }) => kind === "observe"));

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
  requireInputs(at.context, stage, applied.method, selected);
  requireLayers(at, stage, applied.arguments, type, selected);
  const action = actionOf(applied, () => true);
  const called = actionOf(applied, (parameter) => applied.written?.has(parameter) ?? false);
  const { name, span } = stage;
  const unchanged = { narrowing: null, reads: null, type: null, effects: statesOf(at, of) };
  return { name: name.text, action, called, of, windows, applied, selected, tied, ...unchanged, span };
}

/** Says where a method observes what goes into a layer, and is to work on a table. */
function requireInputs(
  context: Context,
  { span: stage }: Ast.Stage,
  method: Ast.Method,
  selected: readonly Selected[],
): void {
  const isObserving = method.on.text !== "linear" || method.sees.some(({ name }) => name.text === "x");
  const table = selected.find(({ linear }) => isObserving && linear.isTable)?.linear;
  if (table)
    report(context, { kind: "table-input", span: table.span, name: table.name, method: method.name.text, stage });
}

/** `prune(sparsity: 50%)`: the method with its arguments as resolved, or some of them. */
function actionOf({ method, arguments: given, keepsZeros }: Applied, isShown: (parameter: string) => boolean): string {
  const shown = method.parameters.flatMap(({ name: { text: name } }) => {
    const value = given.get(name);
    return value && isShown(name) ? [`${name}: ${value.kind === "model" ? value.name : showValue(value)}`] : [];
  });
  return `${method.name.text}(${shown.join(", ")})${keepsZeros ? " keeping zeros" : ""}`;
}
