/** A stage with a method on linear layers or on readers, as steps: block by block its statistics, its changes, then what the next block sees. */
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import type { StoredField } from "../language/fields.ts";
import type { Linear, LinearInput } from "../language/trace.ts";
import { tensorName } from "../model/declared-tensor.ts";
import type { Forwarded } from "../model/forward.ts";
import { layerSizes } from "../model/selector.ts";
import { blockOf, layersOf, type Model } from "../model/value.ts";
import type { Ref, StepPart } from "../plan/step.ts";
import type { Pass } from "./calibration.ts";
import { areAlike, emitCollections, layersIn } from "./collections.ts";
import { decoder } from "./decode-steps.ts";
import { blockPass, entryOf, partKey, startOf } from "./forward-graphs.ts";
import { withGained } from "./gained-tensors.ts";
import { newLayersWork } from "./new-layers.ts";
import { otherSlots, othersOf } from "./other-models.ts";
import { type Changing, type NewLayer, noWork, type PartWork, type StageOnPart } from "./part-work.ts";
import { embed, type Passing, passingOf, throughBlock } from "./passes.ts";
import { readersWork } from "./readers.ts";
import { addStep, type Emitting, modelNamed } from "./steps.ts";
import type { TypedStage } from "./typed.ts";

/** A stage and the model that it works on. */
export interface StageWork extends Omit<Changing, "layer"> {
  /** By layer; null outside of the blocks. */
  readonly parts: ReadonlyMap<number | null, PartWork>;
  /** Makes numbers of the codes of a part that the stage works on. */
  readonly decode: (layer: number | null) => void;
}

/** Adds the steps of a stage, by its number, and its result to the models. */
export function emitLinearStage(at: Emitting, stage: TypedStage, number: number): void {
  const given = modelNamed(at, stage.of);
  const begun = workOf(at, stage, number, { ...given, at: new Map(given.at) });
  const { source, parts } = begun;
  const changed = resultOf(begun);
  at.models.set(stage.name, changed);
  if (!areAlike(at, stage, parts)) return;
  const observes = [...parts.values()].some(({ passes, before }) => passes.length + before.passes.length > 0);
  const passing = observes ? passingOf(at, source, stage, number) : null;
  const work: StageWork = { ...begun, collected: collect(begun, passing) };
  const seen = isDense(work) ? source : changed;
  inOrder(
    work,
    passing,
    ({ passes }) => passes,
    seen,
    (layer, part, statistics) => part.change({ ...work, layer }, statistics),
  );
}

/** Whether layers are observed behind blocks that are as they were. */
export const isDense = ({ stage }: BegunWork): boolean => stage.applied.method.from?.text === "dense";

/** A model that a stage works on, whose codes become numbers where they are. */
interface Worked extends Model {
  readonly at: Map<string, Ref>;
}

/** A stage before anything is collected for it. */
export type BegunWork = Omit<StageWork, "collected">;

/** What a stage makes of a model, where that is by the steps that were added. */
export const resultOf = ({ stage, source, now }: BegunWork): Worked => ({
  ...source,
  ...{ type: stage.type ?? source.type, name: stage.name, at: now },
});

/** The work of a stage, by its number, on a model. */
export function workOf(at: Emitting, stage: TypedStage, number: number, given: Worked): BegunWork {
  const others = othersOf(at, stage, number);
  const source = withGained(at, given, stage.reads ?? given.type, { stage: number, of: stage.name });
  const context = { ...at.context, layerSizes: layerSizes(stage.selected) };
  const parts = partWorks({ at: { ...at, context }, stage, others }, source, startFor(at, stage, source));
  const now = new Map(source.at);
  const decode = stage.reads ? decodingInto([source.at, now], at, given, stage, number) : () => undefined;
  return { at, stage, number, source, parts, now, others, decode };
}

/** Whether a method collects numbers of all layers. */
export const isCollecting = ({ collects }: NewLayer): boolean => collects.length > 0;

/** What is collected of all layers, of the model as the stage reads it. */
export function collect(work: BegunWork, passing: Passing | null): StageWork["collected"] {
  const known = new Map<number | null, ReadonlyMap<string, Ref>>();
  const isCollected = [...work.parts.values()].some(({ before }) => before.layers.some(isCollecting));
  if (isCollected)
    inOrder(
      work,
      passing,
      ({ before }) => before.passes,
      work.source,
      (layer, _, made) => known.set(layer, made),
    );
  return emitCollections(work, (layer) => known.get(layer) ?? new Map());
}

/**
 * Visits the parts of a stage with what is observed of each: blocks in order, as far as anything is, then what lies behind the last.
 * Windows go on through the weights of `seen` as they are by then.
 */
function inOrder(
  work: BegunWork,
  passing: Passing | null,
  passesOf: (part: PartWork) => readonly Pass[],
  seen: Model,
  visit: (layer: number | null, part: PartWork, statistics: ReadonlyMap<string, Ref>) => void,
): void {
  const { at, source, parts } = work;
  const observed = (layer: number | null, x: Ref | null): void => {
    const part = parts.get(layer);
    if (part) visit(layer, part, observe(work, layer, passesOf(part), passing && { over: passing.over, x }));
  };
  const isObserved = (layer: number | null): boolean => {
    const part = parts.get(layer);
    return part !== undefined && passesOf(part).length > 0;
  };
  if (!passing || ![...parts.keys()].some(isObserved)) {
    for (const layer of parts.keys()) observed(layer, null);
    return;
  }
  const layers = layersOf(source.type);
  const last = isObserved(null)
    ? layers
    : Math.max(...[...parts.keys()].map((layer) => (isObserved(layer) ? (layer ?? 0) : 0)));
  let x = embed(at, source, passing);
  for (let layer = 0; layer < layers && x; layer++) {
    observed(layer, x);
    if (layer < last) x = throughBlock(at, seen, layer, x, passing);
  }
  if (x || !passing.entry) observed(null, x);
}

/** Puts numbers in the place of the codes of a part that the stage works on. */
function decodingInto(
  places: readonly Map<string, Ref>[],
  at: Emitting,
  given: Model,
  { name, selected }: TypedStage,
  number: number,
): StageWork["decode"] {
  const decode = decoder(at, given, { stage: number, of: name });
  return (layer) => {
    const part = layer === null ? given.type.outside : blockOf(given.type, layer);
    const own = selected.filter((each) => each.layer === layer).map(({ linear }) => linear.weight);
    for (const weight of part?.weights.filter((each) => own.includes(each.name)) ?? []) {
      const tensor = tensorName(weight.name, layer);
      const fields = given.type.facts?.tensors.get(tensor)?.coded?.fields ?? [];
      const made = decode(weight, layer);
      if (made) for (const place of places) putNumbers(place, tensor, fields, made);
    }
  };
}

function putNumbers(place: Map<string, Ref>, tensor: string, fields: readonly StoredField[], made: Ref): void {
  for (const { name } of fields) place.delete(slotNames.field(tensor, name));
  place.set(tensor, made);
}

/** What enters a part. */
export interface Entering {
  readonly over: number;
  readonly x: Ref | null;
  /** The model that is observed, where that is another than the stage works on. */
  readonly model?: Model;
}

/** Adds the passes over windows in which a part is observed; gives the statistics. */
export function observe(
  { at, source, stage, number, others, decode }: BegunWork,
  layer: number | null,
  passes: readonly Pass[],
  entering: Entering | null,
): ReadonlyMap<string, Ref> {
  decode(layer);
  const linears = stage.selected.flatMap((each) => (each.layer === layer ? [each.linear] : []));
  const seen = linears.flatMap((linear) => otherSlots(others.weights(linear, layer), linear.weight));
  const statistics = new Map<string, Ref>();
  const { over = null, x = null, model = source } = entering ?? {};
  for (const { graph, checks, names } of passes) {
    const place: StepPart = { stage: number, of: stage.name, layer, what: "statistics" };
    const sources = { model, layer, over, x, others: new Map([...statistics, ...seen]) };
    const made = addStep(at, graph, sources, place, checks);
    for (const name of names) statistics.set(name, made(name));
  }
  return statistics;
}

/** The work on each part that has selected layers, in the order of the model; equal parts of which equal layers are selected share their graphs. */
function partWorks(
  on: Pick<StageOnPart, "at" | "stage" | "others">,
  { type }: Model,
  start: Forwarded | null,
): StageWork["parts"] {
  const done = new Map<string, PartWork>();
  const parts = new Map<number | null, PartWork>();
  for (const [layer, selected] of Map.groupBy(on.stage.selected, (each) => each.layer)) {
    const part = layer === null ? type.outside : blockOf(type, layer);
    const linears = selected.map(({ linear }) => linear);
    const own = linears.flatMap((linear) => [linear.name, ...on.others.types(linear, layer).values()]);
    const key = [layer === null, part && partKey(type, part), ...own].join(" ");
    const met = done.has(key) ? null : passage(on.at, type, layer, start);
    const stage = { ...on, type, layers: layersIn(on.stage), layer };
    const made = done.get(key) ?? (met ? partWork({ ...stage, ...met }, linears) : noWork);
    done.set(key, made);
    parts.set(layer, made);
  }
  return parts;
}

/** The forward pass from tokens on, where the stage needs it: readers are found in it, for windows of any length. */
function startFor(at: Emitting, { windows, applied, span }: TypedStage, { type }: Model): Forwarded | null {
  const length = windows?.length ?? (applied.method.on.text === "readers" ? 2 : null);
  return length === null ? null : startOf(at, type, length, span);
}

/** What a stage does to the layers of a part. */
const partWork = (on: StageOnPart, linears: readonly Linear[]): PartWork =>
  (on.stage.applied.method.on.text === "readers" ? readersWork : newLayersWork)(on, linears);

/** What the forward pass of a part hands on, and what goes into its linear layers; null if it is wrong. */
function passage(
  at: Emitting,
  type: Model["type"],
  layer: number | null,
  start: Forwarded | null,
): { readonly results: readonly Node[]; readonly inputs: readonly LinearInput[] } | null {
  if (start === null) return { results: [], inputs: [] };
  const { entry, logits, inputs } = start;
  if (logits.kind !== "tensor") return logits.kind === "wrong" ? null : { results: [], inputs };
  if (layer === null) return { results: [...(entry ? [entry.node] : []), logits.node], inputs };
  const block = entry && blockPass(at, type, layer, entryOf(entry));
  if (!block) return { results: [], inputs: [] };
  return block.result && { results: [block.result], inputs: block.inputs };
}
