/** A stage with a method on linear layers, as steps: block by block its statistics, each target, then what the next block sees. */
import type { Graph } from "../graph/graph.ts";
import { fieldIn, slotNames } from "../graph/slots.ts";
import { invariant } from "../invariant.ts";
import { type Context, report } from "../language/context.ts";
import { known } from "../language/size.ts";
import { volume } from "../language/tensor.ts";
import type { Linear, LinearInput } from "../language/trace.ts";
import { tensorName } from "../model/declared-tensor.ts";
import type { Forwarded } from "../model/forward.ts";
import { blockOf, dtypeOf, layersOf, type Model } from "../model/value.ts";
import type { Check, Ref, StepPart } from "../plan/step.ts";
import { type Pass, passesOver, type Reading, readingsOf, type Statistic } from "./calibration.ts";
import { singular, unordered } from "./finite.ts";
import { blockPass, entryOf, partKey, startOf } from "./forward-graphs.ts";
import { applyMethod } from "./method.ts";
import { embed, type Passing, throughBlock } from "./passes.ts";
import { addStep, type Emitting, modelNamed, windowsNumber } from "./steps.ts";
import { type NewPiece, together } from "./together.ts";
import type { TypedStage } from "./typed.ts";

/** What a stage does to one linear layer. */
interface Target {
  readonly linear: Linear;
  readonly graph: Graph;
  readonly checks: readonly Check[];
  readonly reads: readonly Reading[];
}

/** What a stage does to a part of a model: passes over the samples, then targets. */
interface PartWork {
  readonly passes: readonly Pass[];
  readonly targets: readonly Target[];
}

interface StageWork {
  readonly at: Emitting;
  readonly stage: TypedStage;
  readonly number: number;
  readonly source: Model;
  /** By layer; null outside of the blocks. */
  readonly parts: ReadonlyMap<number | null, PartWork>;
  /** Where tensors are after what has been done so far. */
  readonly now: Map<string, Ref>;
}

/** Adds the steps of a stage, by its number, and its result to the models. */
export function emitLinearStage(at: Emitting, stage: TypedStage, number: number): void {
  const source = modelNamed(at, stage.of);
  const start = stage.windows ? startOf(at, source.type, stage.windows.length, stage.span) : null;
  const parts = partWorks(at, stage, source, start);
  const work: StageWork = { at, stage, number, source, parts, now: new Map(source.at) };
  const observes = [...parts.values()].some(({ passes }) => passes.length > 0);
  if (observes && stage.windows && start)
    emitInOrder(work, {
      entry: start.entry && entryOf(start.entry),
      over: windowsNumber(at, stage.windows),
      part: { stage: number, of: stage.name },
    });
  else for (const [layer, part] of parts) emitTargets(work, layer, part, new Map());
  at.models.set(stage.name, { ...source, type: stage.type ?? source.type, name: stage.name, at: work.now });
}

/** Blocks in order, as far as anything is observed; what lies behind the last block at the end. */
function emitInOrder(work: StageWork, passing: Passing): void {
  const { at, source, parts, now, stage } = work;
  const layers = layersOf(source.type);
  const isObserved = (layer: number | null): boolean => (parts.get(layer)?.passes.length ?? 0) > 0;
  const last = isObserved(null)
    ? layers
    : Math.max(...[...parts.keys()].map((layer) => (isObserved(layer) ? (layer ?? 0) : 0)));
  const changed = { ...source, type: stage.type ?? source.type, at: now };
  const seen = stage.applied.method.from?.text === "dense" ? source : changed;
  let x = embed(at, source, passing);
  for (let layer = 0; layer < layers && x; layer++) {
    emitPart(work, layer, passing.over, x);
    if (layer < last) x = throughBlock(at, seen, layer, x, passing);
  }
  if (x || !passing.entry) emitPart(work, null, passing.over, x);
}

function emitPart(work: StageWork, layer: number | null, over: number, x: Ref | null): void {
  const part = work.parts.get(layer);
  if (!part) return;
  const { at, source, stage, number } = work;
  const statistics = new Map<string, Ref>();
  for (const { graph, checks, names } of part.passes) {
    const place: StepPart = { stage: number, of: stage.name, layer, what: "statistics" };
    const made = addStep(at, graph, { model: source, layer, over, x, others: statistics }, place, checks);
    for (const name of names) statistics.set(name, made(name));
  }
  emitTargets(work, layer, part, statistics);
}

function emitTargets(
  { at, source, stage, number, now }: StageWork,
  layer: number | null,
  { targets }: PartWork,
  statistics: ReadonlyMap<string, Ref>,
): void {
  const pieces: NewPiece[] = [];
  for (const { linear, graph, checks, reads } of targets) {
    const tensor = tensorName(`${linear.at}.weight`, layer);
    const read = [
      [slotNames.weight, source.at.get(tensor)] as const,
      ...reads.map(({ slot, statistic }) => [slot, statistics.get(statistic)] as const),
    ];
    const others = new Map(read.flatMap(([slot, ref]) => (ref ? [[slot, ref] as const] : [])));
    const zeros = { output: slotNames.zeros, of: known(volume([...linear.to, ...linear.from])) ?? 0 };
    const outputs = graph.outputs.flatMap(({ name }) => (isWeight(name) ? [name] : []));
    const part: StepPart = {
      stage: number,
      of: stage.name,
      layer,
      what: linear.name,
      changes: { tensor, outputs, zeros },
    };
    const made = addStep(at, graph, { model: source, layer, others }, part, checks);
    if (linear.among) pieces.push({ linear, tensor, result: made(slotNames.result) });
    else place(now, tensor, outputs, made);
  }
  for (const [tensor, changed] of Map.groupBy(pieces, (piece) => piece.tensor)) {
    const { graph, others } = together(at, source, tensor, changed);
    const place: StepPart = { stage: number, of: stage.name, layer, what: "weights of one tensor" };
    const made = addStep(at, graph, { model: source, layer, others }, place);
    now.set(tensor, made(slotNames.result));
  }
}

/** Whether an output is the new weight, or a field of it. */
const isWeight = (output: string): boolean => output === slotNames.result || fieldIn(output) !== null;

/** The new weight, whole or field by field, in the place of the one before. */
function place(now: Map<string, Ref>, tensor: string, outputs: readonly string[], made: (output: string) => Ref): void {
  if (!outputs.includes(slotNames.result)) now.delete(tensor);
  for (const output of outputs) {
    const field = fieldIn(output);
    now.set(field === null ? tensor : slotNames.field(tensor, field), made(output));
  }
}

/** A mask of scores that are NaN would keep what happens to stand last. */
const unrankable =
  "{n} scores are NaN, which cannot be ranked; look at the method: it divides 0 by 0, takes the root of a negative number, or subtracts what is infinite";
const notFiniteResult = "the new weight has a NaN or an infinity; look at the method, and at its statistics";

/** The work on each part that has targets, in the order of the model; equal parts with equal targets share their graphs. */
function partWorks(at: Emitting, stage: TypedStage, { type }: Model, start: Forwarded | null): StageWork["parts"] {
  const done = new Map<string, PartWork>();
  const parts = new Map<number | null, PartWork>();
  for (const [layer, selected] of Map.groupBy(stage.selected, (each) => each.layer)) {
    const part = layer === null ? type.outside : blockOf(type, layer);
    const linears = selected.map(({ linear }) => linear);
    const key = [layer === null, part && partKey(type, part), ...linears.map(({ name }) => name)].join(" ");
    const made = done.get(key) ?? partWork(at, stage, type, layer, linears, start);
    done.set(key, made);
    parts.set(layer, made);
  }
  return parts;
}

function partWork(
  at: Emitting,
  stage: TypedStage,
  type: Model["type"],
  layer: number | null,
  linears: readonly Linear[],
  start: Forwarded | null,
): PartWork {
  const inputs = activationsOf(at, type, layer, start);
  if (!inputs) return { passes: [], targets: [] };
  const statistics: Statistic[] = [];
  const targets = linears.flatMap((linear): readonly Target[] => {
    if (start && observes(stage) && !isReached(at.context, stage, linear, inputs)) return [];
    const target = targetOf(at, stage, type, layer, linear, { inputs, statistics });
    return target ? [target] : [];
  });
  return { passes: passesOver(at.maker, statistics, inputs), targets };
}

/** What the method makes of a linear layer; the statistics that it reads join those of the part. */
function targetOf(
  { context, maker }: Emitting,
  { applied, span, windows }: TypedStage,
  type: Model["type"],
  layer: number | null,
  linear: Linear,
  { inputs, statistics }: { readonly inputs: readonly LinearInput[]; readonly statistics: Statistic[] },
): Target | null {
  const tensor = tensorName(`${linear.at}.weight`, layer);
  const met = inputs.find((input) => input.linear.span === linear.span) ?? null;
  const made = applyMethod({ ...context, where: ` in ${tensor}`, stage: span }, applied, {
    linear,
    dtype: dtypeOf(type, tensor),
    input: met && entryOf(met.input),
    windows,
  });
  invariant(made !== null || context.found.length > 0, `${applied.method.name.text} gives nothing, and no problem`);
  if (!made) return null;
  const counted = [unordered(maker, made.outputs, ["best"], unrankable), singular(maker, made.outputs)];
  const graph = maker.graph("compress", [...made.outputs, ...counted.flatMap(({ counts }) => counts)]);
  const reads = readingsOf(maker, statistics, made, graph, { reader: linear.name, met });
  const finite: Check = { output: slotNames.result, must: "finite", otherwise: notFiniteResult };
  const checks = [...counted.flatMap((each) => each.checks), ...made.checks];
  return { linear, graph, checks: made.format ? checks : [...checks, finite], reads };
}

const observes = ({ applied: { method } }: TypedStage): boolean => method.sees.some(({ name }) => name.text === "x");

/** What goes into a layer is observed where the forward pass meets it, which must be at one place; nothing is if it is wrong. */
function isReached(
  context: Context,
  { span: stage }: TypedStage,
  { name, span }: Linear,
  inputs: readonly LinearInput[],
): boolean {
  const met = inputs.filter(({ linear }) => linear.span === span).length;
  if (met === 0) report(context, { kind: "unreached-layer", span, name, stage });
  if (met > 1)
    report(context, {
      kind: "not-supported",
      span,
      what: `observing \`${name}\`, which the forward pass meets ${met} times,`,
      hint: `leave it out of the stage with \`except ${name}\``,
    });
  return met === 1;
}

/** What goes into the linear layers of a part; null if its forward pass is wrong. */
function activationsOf(
  at: Emitting,
  type: Model["type"],
  layer: number | null,
  start: Forwarded | null,
): readonly LinearInput[] | null {
  if (start?.logits.kind === "wrong") return null;
  if (layer === null || !start?.entry) return layer === null ? (start?.inputs ?? []) : [];
  const { graph, inputs } = blockPass(at, type, layer, entryOf(start.entry));
  return graph ? inputs : null;
}
