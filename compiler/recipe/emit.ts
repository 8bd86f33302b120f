/** From a checked recipe to steps: its stages in order, evaluations, measures, and what is saved. */
import { showPlace } from "../../grammar/source.ts";
import type { Graph, Output } from "../graph/graph.ts";
import type { Maker } from "../graph/make.ts";
import { slotNames } from "../graph/slots.ts";
import { invariant } from "../invariant.ts";
import type { Context } from "../language/context.ts";
import type { Windows } from "../language/tensor.ts";
import { givenModel, layersOf } from "../model/value.ts";
import type { Check, Ref, SaveRecord, Step, ValueRecord } from "../plan/step.ts";
import { unordered } from "./finite.ts";
import { emitNarrowing } from "./narrow-stage.ts";
import { behindBlocks, entryOf } from "./passes.ts";
import { emitStage } from "./stage.ts";
import { addStep, type Emitting, modelNamed, windowsNumber } from "./steps.ts";
import type { Evaluation, Measure, Saving, TypedRecipe } from "./typed.ts";

/** What a recipe has its models go through. */
export interface Emitted {
  readonly steps: readonly Step<Graph>[];
  /** What steps go over, by their numbers. */
  readonly windows: readonly Windows[];
  readonly values: readonly ValueRecord[];
  readonly save: SaveRecord | null;
}

/** The steps of a recipe that was checked with this context; problems that only sizes show are noted there. */
export function emit(context: Context, maker: Maker, recipe: TypedRecipe): Emitted {
  const models = new Map(recipe.models.map(({ name, type }) => [name, givenModel(name, type)]));
  const at: Emitting = { context, maker, models, steps: [], windows: [], passes: new Map() };
  for (const [number, stage] of recipe.stages.entries())
    if (stage.narrowing) emitNarrowing(at, stage, stage.narrowing, number);
    else emitStage(at, stage, number);
  const series = new Map(recipe.evaluations.flatMap((evaluation) => emitEvaluation(at, evaluation)));
  const isWhole = recipe.evaluations.every(({ kept }) => kept.every((each) => series.has(each.series)));
  const values = isWhole ? emitMeasures(at, recipe.measures, series) : [];
  const { steps, windows } = at;
  return { steps, windows, values, save: recipe.save && saveRecord(at, recipe.save) };
}

/** A forward pass over all windows, whose head keeps numbers of each: where these series are, by their names; none if it is wrong. */
function emitEvaluation(at: Emitting, { of, windows, entry, kept }: Evaluation): readonly (readonly [string, Ref])[] {
  if (kept.length === 0) return [];
  const model = modelNamed(at, of);
  const over = windowsNumber(at, windows);
  const part = { stage: null, of };
  const x = behindBlocks(at, model, layersOf(model.type), { entry: entry && entryOf(entry), over, part });
  if (entry && !x) return [];
  const outputs = kept.map(({ node }, i) => ({ name: slotNames.series(i), node }));
  const checks = outputs.map(({ name }): Check => {
    const otherwise = `the evaluation on ${windows.corpus}.${windows.split} gives {n} in window {window}; the model's weights are too large or unsound`;
    return { output: name, must: "finite", otherwise };
  });
  const head = at.maker.graph("head", outputs);
  const made = addStep(at, head, { model, layer: null, over, x }, { ...part, layer: null, what: "head" }, { checks });
  return kept.map(({ series }, i) => [series, made(slotNames.series(i))]);
}

/** One step computes all values that are not known already. */
function emitMeasures(
  at: Emitting,
  measures: readonly Measure[],
  series: ReadonlyMap<string, Ref>,
): readonly ValueRecord[] {
  const outputs = measures.flatMap(({ value }, i): Output[] =>
    value === null || typeof value === "number" ? [] : [{ name: slotNames.value(i), node: value }],
  );
  const compared = unordered(at.maker, outputs, ["less", "lessEqual", "equal"]);
  const shown = measures.map(({ text }) => text).join(", ");
  const otherwise = `a measure compares what is no number, and nothing was saved: one of ${shown}; look at what it divides by`;
  const checks = compared.map(({ name }): Check => ({ output: name, must: "none", otherwise }));
  const graph = at.maker.graph("measure", [...outputs, ...compared]);
  const sources = { model: { at: new Map() }, layer: null, others: series };
  const made = outputs.length > 0 ? addStep(at, graph, sources, measuring, { checks }) : null;
  return measures.map(({ kind, text, of, value, span }, i) => {
    const computed = typeof value === "number" ? value : made?.(slotNames.value(i));
    invariant(computed !== undefined, `nothing computes ${text}`);
    return { kind, text, of, value: computed, place: showPlace(span) };
  });
}

const measuring = { stage: null, of: "", layer: null, what: "measure" };

/** Every tensor of the model under its name, in the order of the files of the one that it began as. */
function saveRecord(at: Emitting, { of, format }: Saving): SaveRecord {
  const { origin, type, at: places } = modelNamed(at, of);
  const tensors = [...places].flatMap(([name, from]) => {
    const stored = type.facts?.tensors.get(name);
    return stored ? [{ name, dtype: stored.dtype, shape: stored.shape, from }] : [];
  });
  const given = modelNamed(at, origin).type.facts?.config;
  const config = type.facts?.config;
  return { format, of, origin, config: config === given ? null : `${JSON.stringify(config, null, 2)}\n`, tensors };
}
