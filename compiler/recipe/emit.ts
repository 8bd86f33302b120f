/** From a checked recipe to steps: its stages in order, evaluations, measures, and what is saved. */
import { showPlace } from "../../grammar/source.ts";
import { coneOf } from "../graph/cone.ts";
import type { Graph, Output } from "../graph/graph.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { renameInputs } from "../graph/replace.ts";
import { modelOf, slotNames } from "../graph/slots.ts";
import { isOpen } from "../graph/type.ts";
import { invariant } from "../invariant.ts";
import { type Context, report } from "../language/context.ts";
import type { Modules } from "../language/declare.ts";
import { noModel } from "../language/observe.ts";
import type { Windows } from "../language/tensor.ts";
import { givenModel, layersOf, type Model } from "../model/value.ts";
import { sourceOfWindows } from "../plan/plan.ts";
import type { Check, Ref, SavedCheck, SaveRecord, Step, ValueRecord } from "../plan/step.ts";
import { checkRecord } from "./check-saved.ts";
import type { Numbered } from "./choice/chain.ts";
import { emitChosen } from "./choice/chosen-steps.ts";
import { measuresOf } from "./choice/decide.ts";
import { emitTrial, type Question } from "./choice/trial-steps.ts";
import { compareOutputs } from "./comparison/outputs.ts";
import { comparingOn } from "./comparison/pair.ts";
import { comparePredictions } from "./comparison/predictions.ts";
import { emitCounts } from "./count-zeros.ts";
import { unsound } from "./finite.ts";
import { entryOf } from "./forward-graphs.ts";
import { checkGivenCodes } from "./given-codes.ts";
import { behindBlocks, type Passed, type Passing, passedKey } from "./passes.ts";
import { refusalOf, saveRecord } from "./saving.ts";
import { emitBlockStage } from "./stage-on-blocks.ts";
import { emitLinearStage } from "./stage-on-linears.ts";
import { addStep, type Emitting, modelNamed, windowsNumber } from "./steps.ts";
import type { Comparison, Evaluation, Measure, Saving, TypedRecipe, TypedStage } from "./typed.ts";

/** What a recipe has its models go through. */
export interface Emitted {
  readonly steps: readonly Step<Graph>[];
  /** What steps go over, by their numbers. */
  readonly windows: readonly Windows[];
  readonly values: readonly ValueRecord[];
  readonly saves: readonly SaveRecord[];
  /** What the values are to decide, where the recipe goes on with what was chosen; nothing comes behind it. */
  readonly question: Question | null;
}

/** The steps of a recipe that was checked with this context; problems that only sizes show are noted there. */
export function emit(context: Context, maker: Maker, recipe: TypedRecipe, modules: Modules): Emitted {
  const models = new Map(recipe.models.map(({ name, type }) => [name, givenModel(name, type)]));
  const at: Emitting = { context, maker, models, steps: [], groups: new Map(), windows: [], passes: new Map() };
  for (const model of models.values()) checkGivenCodes(at, model, { stage: null, of: model.name });
  const isAsking = recipe.stages.at(-1)?.candidates !== undefined;
  const comparing = isAsking ? null : comparingOn(at, recipe, modules);
  const compared: ValueRecord[] = [];
  const questions = inGroups(recipe.stages).map((stages) => {
    const question = emitStages(at, stages);
    if (comparing) for (const { stage } of stages) compared.push(...compareOutputs(comparing, stage));
    return question;
  });
  if (isAsking) return asking(at, recipe, questions.at(-1) ?? null, modules);
  const passed: Passed = new Map();
  const series = new Map(recipe.evaluations.flatMap((evaluation) => emitEvaluation(at, evaluation, passed)));
  const isWhole = recipe.evaluations.every(({ kept }) => kept.every((each) => series.has(each.series)));
  const counts = emitCounts(at, recipe.counts);
  const values =
    isWhole && areDecided(context, recipe) ? emitMeasures(at, recipe.measures, new Map([...series, ...counts])) : [];
  const results = new Set(recipe.saves.map(({ of }) => of));
  for (const of of results) if (comparing) compared.push(...comparePredictions(comparing, of, passed));
  const saves = recipe.saves.map((saving) => saveRecord(at, saving, modules));
  const checked = saves.map((save): SaveRecord => {
    const comparison = recipe.checks.get(save.of);
    const check = comparison && emitCheck(at, comparison, save, { passed, series });
    return { ...save, ...(check && { check }) };
  });
  const { steps, windows } = at;
  return { steps, windows, values: [...values, ...compared], saves: checked, question: null };
}

type Group = [Numbered, ...Numbered[]];

/** Stages in their order; those that carry out one choice are together. */
function inGroups(stages: readonly TypedStage[]): readonly Group[] {
  const groups: Group[] = [];
  for (const [number, stage] of stages.entries()) {
    const last = groups.at(-1);
    const isSame = stage.chosenBy !== undefined && stage.chosenBy === last?.[0].stage.chosenBy;
    if (isSame) last?.push({ stage, number });
    else groups.push([{ stage, number }]);
  }
  return groups;
}

/** Adds the steps of stages; gives what they ask, where it is open what the layers of one take. */
function emitStages(at: Emitting, stages: Group): Question | null {
  const [{ stage, number }] = stages;
  if (stage.candidates) return emitTrial(at, stage, number);
  if (stage.chosenBy !== undefined) emitChosen(at, stages);
  else if (stage.narrowing) emitBlockStage(at, stage, stage.narrowing, number);
  else emitLinearStage(at, stage, number);
  return null;
}

/**
 * A recipe as far as a choice. What lies behind reads its texts: one that is missing, or too short, is missed before anything is tried;
 * so is what cannot be saved.
 */
function asking(
  at: Emitting,
  { evaluations, saves }: TypedRecipe,
  question: Question | null,
  modules: Modules,
): Emitted {
  for (const { windows } of evaluations) windowsNumber(at, windows);
  if (question) for (const save of saves) requireHeld(at, question, save, modules);
  const { steps, windows } = at;
  return { steps, windows, values: question ? measuresOf(question) : [], saves: [], question };
}

/** Says where what is saved cannot hold a candidate, or one beside another. */
function requireHeld(at: Emitting, { stage, types, mixed }: Question, save: Saving, modules: Modules): void {
  const { origin } = modelNamed(at, stage.of);
  for (const [i, type] of [...types, mixed].entries()) {
    const refusal = refusalOf(at, { type, origin }, save, modules);
    if (!refusal) continue;
    const by = stage.candidates?.[i]?.text;
    const what = by === undefined ? refusal.what : `${refusal.what} by ${by}`;
    report(at.context, { kind: "target-refuses", span: save.span, target: save.format, what, hint: refusal.hint });
    return;
  }
}

/** The steps behind the saving, which read what was saved; of what the recipe measures, or a check before, they make nothing twice. */
function emitCheck(
  at: Emitting,
  comparison: Comparison,
  save: SaveRecord,
  { passed, series }: { readonly passed: Passed; readonly series: Map<string, Ref> },
): SavedCheck | null {
  const { saved, evaluations, values } = comparison;
  const from = at.steps.length;
  const model = givenModel(saved.name, saved.type);
  const part = { stage: null, of: save.of, purpose: "check" } as const;
  checkGivenCodes(at, model, part);
  at.models.set(saved.name, model);
  for (const evaluation of evaluations)
    for (const [name, ref] of emitEvaluation(at, evaluation, passed, part)) series.set(name, ref);
  const isWhole = evaluations.every((evaluation) => evaluation.kept.every((each) => series.has(each.series)));
  invariant(isWhole || at.context.found.length > 0, "nothing is found of what is saved, and no problem");
  if (!isWhole) return null;
  const outputs = Object.entries(values).map(([name, node]) => ({ name, node }));
  const sources = { model: { at: new Map() }, layer: null, others: series };
  const made = addStep(at, at.maker.graph("compare", outputs), sources, { ...part, layer: null, what: "measure" });
  const refs = { loss: made("loss"), saved_loss: made("saved_loss"), kl: made("kl") };
  return checkRecord(at, save, comparison, from, refs);
}

/**
 * All windows through each model once, then a head that keeps something of each: where it is, by its name; none if a pass is wrong,
 * or what is kept is open. People are told of the models, or of another part.
 */
function emitEvaluation(
  at: Emitting,
  { of, windows, kept }: Evaluation,
  passed: Passed,
  told?: Passing["part"],
): readonly (readonly [string, Ref])[] {
  const over = windowsNumber(at, windows);
  const names = of.map(({ model }) => model);
  /** What the head calls what it reads of a model: of several, each has its place among them in front. */
  const own = (model: string, name: string): string =>
    names.length > 1 ? slotNames.ofModel(names.indexOf(model) + 1, name) : name;
  const places = new Map<string, Ref>();
  for (const { model: name, entry } of of) {
    const model = modelNamed(at, name);
    const part = told ?? { stage: null, of: name };
    const x = passThrough(at, model, { entry: entry && entryOf(entry), over, part }, passed);
    if (entry && !x) return [];
    for (const [tensor, ref] of model.at) places.set(own(name, tensor), ref);
    if (x) places.set(own(name, slotNames.activation), x);
  }
  const named = (slot: string): string => {
    const read = modelOf(slot);
    return read ? own(read.model, read.name) : slot;
  };
  const outputs = kept.map(({ node }, i) => ({ name: slotNames.series(i), node: renameInputs(at.maker, node, named) }));
  if (!outputs.every(({ node }) => isDecided(node))) return [];
  const real = outputs.filter(({ node }) => node.type.dtype === "f32");
  const checks = real.map(({ name }): Check => {
    const otherwise = `the evaluation on ${sourceOfWindows(windows)} gives {n} in window {window}; the model's weights are too large or unsound`;
    return { output: name, must: "finite", otherwise };
  });
  const head = at.maker.graph("head", outputs);
  const sources = { model: { at: places }, layer: null, over, x: places.get(slotNames.activation) ?? null };
  const part = { ...(told ?? { stage: null, of: names.join(", ") }), layer: null, what: "head" };
  const made = addStep(at, head, sources, part, checks);
  return kept.map(({ series }, i) => [series, made(slotNames.series(i))]);
}

/** Evaluations share the passes that they have in common. */
function passThrough(at: Emitting, model: Model, passing: Passing, passed: Passed): Ref | null {
  const key = passedKey(passing.over, model.name);
  const old = passed.get(key);
  if (old !== undefined) return old;
  const x = behindBlocks(at, model, layersOf(model.type), passing);
  passed.set(key, x);
  return x;
}

/** What goes over all windows of a text is of no size until they are counted: no step is made of it. */
const isDecided = (value: Node): boolean => !coneOf([value]).some(({ type }) => isOpen(type));

/** Whether all that is measured is; what no reading of texts would decide is refused. */
function areDecided(context: Context, { evaluations, measures }: TypedRecipe): boolean {
  if (!evaluations.every(({ windows }) => context.countWindows(windows) !== null)) return false;
  const unknown = measures.filter(({ value }) => value === null || (typeof value !== "number" && !isNumber(value)));
  for (const { span } of unknown) report(context, { kind: "not-supported", span, ...noModel("a measure") });
  return unknown.length === 0;
}

/** Whether all that a value is made of is known, which the number of windows of a text is once it has been read. */
const isNumber = (value: Node): boolean =>
  isDecided(value) && !coneOf([value]).some((node) => node.op === "constant" && Number.isNaN(node.attrs.value));

/** One step computes all values that are not known already. */
function emitMeasures(
  at: Emitting,
  measures: readonly Measure[],
  series: ReadonlyMap<string, Ref>,
): readonly ValueRecord[] {
  const outputs = measures.flatMap(({ value }, i): Output[] =>
    value === null || typeof value === "number" ? [] : [{ name: slotNames.value(i), node: value }],
  );
  const shown = measures.map(({ text }) => text).join(", ");
  const otherwise = `a measure compares what is no number, and nothing was saved: one of ${shown}; look at what it divides by`;
  const { counts, checks } = unsound(at.maker, outputs, { by: ["less", "lessEqual", "equal"], otherwise });
  const graph = at.maker.graph("measure", [...outputs, ...counts]);
  const sources = { model: { at: new Map() }, layer: null, others: series };
  const made = outputs.length > 0 ? addStep(at, graph, sources, measuring, checks) : null;
  return measures.map(({ kind, text, of, value, span }, i) => {
    const computed = typeof value === "number" ? value : made?.(slotNames.value(i));
    invariant(computed !== undefined, `nothing computes ${text}`);
    return { kind, text, of, value: computed, place: showPlace(span) };
  });
}

const measuring = { stage: null, of: "", layer: null, what: "measure" };
