/** The linear layers of a part that a method works on one by one, as steps: each gets new weights, or codes of them. */
import { coneOf } from "../graph/cone.ts";
import type { Node } from "../graph/ops.ts";
import { fieldIn, slotNames } from "../graph/slots.ts";
import { invariant } from "../invariant.ts";
import { type Context, report } from "../language/context.ts";
import { known } from "../language/size.ts";
import { graphDims, volume } from "../language/tensor.ts";
import type { Linear, LinearInput } from "../language/trace.ts";
import { type DeclaredTensor, tensorName } from "../model/declared-tensor.ts";
import type { Edit } from "../model/fold.ts";
import { readOf } from "../model/pieces.ts";
import { blockOf, dtypeOf } from "../model/value.ts";
import type { Float } from "../plan/dtype.ts";
import type { Check, Ref, StepPart } from "../plan/step.ts";
import { matrixOf, passesOver, readingsOf, type Statistic, showStatistic } from "./calibration.ts";
import { changeEdited, type Edited, editedBy } from "./edited.ts";
import { type Ordering, unsound } from "./finite.ts";
import { entryOf } from "./forward-graphs.ts";
import { divided } from "./hoisted.ts";
import { applyMethod } from "./method.ts";
import type { Compression } from "./method-result.ts";
import { otherMatrix, otherSlots } from "./other-models.ts";
import type { Changing, Collecting, NewLayer, PartWork, StageOnPart } from "./part-work.ts";
import { addStep } from "./steps.ts";
import { fieldsTogether, type NewPiece, together } from "./together.ts";
import type { TypedStage } from "./typed.ts";

/** The work on linear layers of a part, each by itself. */
export function newLayersWork(on: StageOnPart, linears: readonly Linear[]): PartWork {
  const { at, stage, type, layer, inputs } = on;
  const statistics: Statistic[] = [];
  const before: Statistic[] = [];
  const layers = linears.flatMap((linear): readonly NewLayer[] => {
    const met = inputs.find((input) => input.linear.name === linear.name) ?? null;
    if (observes(stage) && stage.windows && !isReached(at.context, stage, linear, inputs)) return [];
    const tensor = tensorName(linear.weight, layer);
    const matrix = met && matrixOf(at.maker, met);
    const offset = biasOf(on, linear);
    const bias = offset ? dtypeOf(type, tensorName(offset.name, layer)) : null;
    const of = { linear, tensor, dtype: dtypeOf(type, tensor), bias, met, matrix };
    const made = newLayerOf(on, of, statistics, before);
    return made ? [made] : [];
  });
  const biases = editedBiases(on, layers);
  return {
    passes: passesOver(at.maker, statistics, inputs),
    before: { passes: passesOver(at.maker, before, inputs), layers },
    change: (changing, made) => changeEdited(changing, biases, changeLayers(changing, layers, made), tooLarge),
  };
}

const tooLarge = "the new bias is more than its type holds; look at the method, and at its statistics";

/** The stored tensor in which the bias of a layer lies. */
const biasOf = ({ type, layer }: StageOnPart, { at }: Linear): DeclaredTensor | undefined =>
  (layer === null ? type.outside : blockOf(type, layer))?.weights.find(({ name }) => name === `${at}.bias`);

/** The stored biases of which methods give new ones. */
function editedBiases(on: StageOnPart, layers: readonly NewLayer[]): readonly Edited[] {
  const { maker } = on.at;
  const given = layers.flatMap(({ linear, graph }) => {
    const [tensor, node] = [biasOf(on, linear), graph.outputs.find(({ name }) => name === slotNames.newBias)?.node];
    return tensor && node ? [{ linear, tensor, type: node.type }] : [];
  });
  const edits = given.map(({ linear, tensor, type }): Edit => {
    const attrs = { name: newBiasOf(linear), type, role: "state" } as const;
    const made = maker.make("input", [], attrs, linear.span);
    const change = (): Node => maker.make("split", [made], { dim: "out", into: graphDims(linear.to) }, linear.span);
    return { weight: readOf(on.at.maker, on.type, on.layer, tensor)[linear.among?.place ?? 0] as Node, change };
  });
  return [...new Set(given.map(({ tensor }) => tensor))].flatMap((tensor) => editedBy(on, tensor, edits) ?? []);
}

/** What the steps that change biases call the new one of a layer. */
const newBiasOf = ({ name }: Linear): string => `${slotNames.newBias} of ${name}`;

/** A linear layer, or several side by side, as a method sees it. */
interface Seen {
  readonly linear: Linear;
  /** What messages call its weights. */
  readonly tensor: string;
  readonly dtype: Float;
  /** The type of its bias; null if it has none. */
  readonly bias: Float | null;
  /** Where the forward pass meets it, or the first of them; null if it was not gone through. */
  readonly met: LinearInput | null;
  /** Its weights there, f32[out, in]. */
  readonly matrix: Node | null;
}

/**
 * What the method makes of it; the statistics that it reads join those of the part, and those that it reads of the model before any
 * layer is changed the ones `before`. Null if there was a problem.
 */
export function newLayerOf(
  { at: { context, maker }, stage: { applied, span, windows }, others, layers, layer }: StageOnPart,
  { linear, tensor, dtype, bias, met, matrix }: Seen,
  statistics: Statistic[],
  before: Statistic[],
): NewLayer | null {
  const input = met && entryOf(met.input);
  const inside = { ...context, where: ` in ${tensor}`, stage: span };
  const types = others.types(linear, layer);
  const reached = met?.reached ?? null;
  const made = applyMethod(inside, applied, { linear, dtype, bias, others: types, layers, input, reached, windows });
  invariant(made !== null || context.found.length > 0, `${applied.method.name.text} gives nothing, and no problem`);
  if (!made) return null;
  const sound = unsound(maker, made.outputs, ranks);
  const whole = maker.graph("compress", [...made.outputs, ...sound.counts]);
  const matrixIn = (slot: string): Node | null =>
    slot === slotNames.weight ? matrix : matrix && otherMatrix(maker, matrix, slot, types);
  const reader = { reader: linear.name, matrix: matrixIn };
  const reads = readingsOf(maker, statistics, made, whole, reader);
  const slots = new Set(reads.map(({ slot }) => slot));
  const { checks, ...parts } = divided(maker, whole.name, made.outputs, sound, slots);
  const collects = levelsOf(made.collections).map((level): Collecting => {
    const outputs = level.map(({ slot: name, node }) => ({ name, node }));
    const sound = unsound(maker, outputs, ranks);
    const collecting = maker.graph("collect", [...outputs, ...sound.counts]);
    const finite = level.map(({ slot }): Check => ({ output: slot, must: "finite", otherwise: uncollectable }));
    return {
      graph: collecting,
      checks: [...sound.checks, ...finite],
      reads: readingsOf(maker, before, made, collecting, reader),
    };
  });
  return { linear, ...parts, checks: [...checks, ...made.checks], reads, collects };
}

const uncollectable =
  "a number that `collect` is to have of each layer is NaN or infinite; look at the method, and at its statistics";

/** Collections that read one another come later. */
function levelsOf(collections: Compression["collections"]): readonly Compression["collections"][] {
  const levels = new Map<string, number>();
  for (const { node, slot } of collections) {
    const read = coneOf([node]).flatMap((each) => (each.op === "input" ? (levels.get(each.attrs.name) ?? []) : []));
    levels.set(slot, 1 + Math.max(-1, ...read));
  }
  return [...Map.groupBy(collections, ({ slot }) => levels.get(slot)).values()];
}

/** A mask of scores that are NaN would keep what happens to stand last. */
const ranks: Ordering = {
  by: ["best", "order"],
  otherwise:
    "{n} scores are NaN, which cannot be ranked; look at the method: it divides 0 by 0, takes the root of a negative number, or subtracts what is infinite",
};

/** What it reads beside its weights. */
export const statisticsOf = (
  { reads }: Pick<NewLayer, "reads">,
  statistics: ReadonlyMap<string, Ref>,
): readonly (readonly [string, Ref])[] =>
  reads.flatMap(({ slot, statistic }) => {
    const ref = statistics.get(statistic.contribution.name);
    return ref ? [[slot, ref] as const] : [];
  });

/** What programs of a layer read: its matrix and its bias, those of other models, and statistics. */
export function readBeside(
  { linear, reads }: Pick<NewLayer, "linear" | "reads">,
  { source, others, layer }: Pick<Changing, "source" | "others" | "layer">,
  statistics: ReadonlyMap<string, Ref>,
): readonly (readonly [slot: string, Ref])[] {
  const stored = [
    [slotNames.weight, source.at.get(tensorName(linear.weight, layer))] as const,
    [slotNames.bias, source.at.get(tensorName(`${linear.at}.bias`, layer))] as const,
  ];
  return [
    ...stored.flatMap(([slot, ref]) => (ref ? [[slot, ref] as const] : [])),
    ...otherSlots(others.weights(linear, layer)),
    ...statisticsOf({ reads }, statistics),
  ];
}

/** Adds the step of a layer, and before it the one that makes what it reads of statistics alone; gives where its outputs are. */
export function addLayer(
  { at, source, layer }: Pick<Changing, "at" | "source" | "layer">,
  { graph, hoisted, reads, checks }: Omit<NewLayer, "linear" | "collects">,
  others: ReadonlyMap<string, Ref>,
  part: StepPart,
): (output: string) => Ref {
  const known = new Map(others);
  if (hoisted) {
    const { changes: _, ...place } = part;
    const from = reads.filter(({ slot }) =>
      hoisted.graph.nodes.some((node) => node.op === "input" && node.attrs.name === slot),
    );
    const what = `from ${from.map(({ statistic }) => showStatistic(statistic)).join("; ")}`;
    const found = hoisted.checks.map((check) => ({ ...check, otherwise: `${what}: ${check.otherwise}` }));
    const made = addStep(at, hoisted.graph, { model: source, layer, others }, { ...place, what }, found);
    for (const { name } of hoisted.graph.outputs) known.set(name, made(name));
  }
  return addStep(at, graph, { model: source, layer, others: known }, part, checks);
}

/** Adds the steps that make the new weights; gives where the new biases are. */
function changeLayers(
  { at, source, stage, number, now, others: models, collected, layer }: Changing,
  layers: readonly NewLayer[],
  statistics: ReadonlyMap<string, Ref>,
): ReadonlyMap<string, Ref> {
  const pieces: NewPiece[] = [];
  const biases = new Map<string, Ref>();
  for (const newLayer of layers) {
    const { linear, graph } = newLayer;
    const tensor = tensorName(linear.weight, layer);
    const others = new Map([
      ...readBeside(newLayer, { source, others: models, layer }, statistics),
      ...collected(layer),
    ]);
    const of = known(volume([...linear.to, ...linear.from])) ?? 0;
    const zeros = graph.outputs.find(({ name }) => name === slotNames.zeros)?.name;
    const weights = graph.outputs.filter(({ name }) => isWeight(name));
    const outputs = weights.map(({ name }) => name);
    const part: StepPart = {
      stage: number,
      of: stage.name,
      layer,
      what: linear.name,
      changes: { tensor, of, outputs, ...(zeros && { zeros }) },
    };
    const made = addLayer({ at, source, layer }, newLayer, others, part);
    if (graph.outputs.some(({ name }) => name === slotNames.newBias))
      biases.set(newBiasOf(linear), made(slotNames.newBias));
    if (linear.among) pieces.push({ linear, tensor, outputs: weights, made });
    else place(now, tensor, outputs, made);
  }
  for (const [tensor, changed] of Map.groupBy(pieces, (piece) => piece.tensor)) {
    const isDense = changed.some(({ outputs }) => outputs.some(({ name }) => name === slotNames.result));
    const { graph, others } = isDense ? together(at, source, tensor, changed) : fieldsTogether(at, changed);
    const part: StepPart = { stage: number, of: stage.name, layer, what: "weights of one tensor" };
    const made = addStep(at, graph, { model: source, layer, others }, part);
    const outputs = graph.outputs.map(({ name }) => name);
    place(now, tensor, outputs, made);
  }
  return biases;
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

const observes = ({ applied: { method } }: TypedStage): boolean => method.sees.some(({ name }) => name.text === "x");

/** What goes into a layer is observed where the forward pass meets it, which must be at one place; nothing is if it is wrong. */
export function isReached(
  context: Context,
  { span: stage }: TypedStage,
  { name, span }: Linear,
  inputs: readonly LinearInput[],
): boolean {
  const met = inputs.filter(({ linear }) => linear.name === name).length;
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
