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
import { decoder } from "./decode-steps.ts";
import { blockPass, entryOf, partKey, startOf } from "./forward-graphs.ts";
import { newLayersWork } from "./new-layers.ts";
import { type Others, otherSlots, othersOf } from "./other-models.ts";
import type { Changing, PartWork, StageOnPart } from "./part-work.ts";
import { embed, type Passing, throughBlock } from "./passes.ts";
import { readersWork } from "./readers.ts";
import { addStep, type Emitting, modelNamed, windowsNumber } from "./steps.ts";
import type { TypedStage } from "./typed.ts";

interface StageWork extends Omit<Changing, "layer"> {
  /** By layer; null outside of the blocks. */
  readonly parts: ReadonlyMap<number | null, PartWork>;
  /** Makes numbers of the codes of a part that the stage works on. */
  readonly decode: (layer: number | null) => void;
}

/** Adds the steps of a stage, by its number, and its result to the models. */
export function emitLinearStage(at: Emitting, stage: TypedStage, number: number): void {
  const given = modelNamed(at, stage.of);
  const source = { ...given, type: stage.decoded ?? given.type, at: new Map(given.at) };
  const start = startFor(at, stage, source);
  const context = { ...at.context, layerSizes: layerSizes(stage.selected) };
  const others = othersOf(at, stage, number);
  const parts = partWorks({ ...at, context }, stage, source, others, start);
  const now = new Map(source.at);
  const decode = stage.decoded ? decodingInto([source.at, now], at, given, stage, number) : () => undefined;
  const work: StageWork = { at, stage, number, source, parts, now, others, decode };
  const observes = [...parts.values()].some(({ passes }) => passes.length > 0);
  if (observes && stage.windows && start)
    emitInOrder(work, {
      entry: start.entry && entryOf(start.entry),
      over: windowsNumber(at, stage.windows),
      part: { stage: number, of: stage.name },
    });
  else for (const layer of parts.keys()) emitPart(work, layer, null, null);
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
    const own = selected.filter((each) => each.layer === layer).map(({ linear }) => `${linear.at}.weight`);
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

function emitPart(work: StageWork, layer: number | null, over: number | null, x: Ref | null): void {
  const part = work.parts.get(layer);
  if (!part) return;
  const { at, source, stage, number, others } = work;
  work.decode(layer);
  const linears = stage.selected.flatMap((each) => (each.layer === layer ? [each.linear] : []));
  const seen = linears.flatMap((linear) => otherSlots(others.weights(linear, layer), `${linear.at}.weight`));
  const statistics = new Map<string, Ref>();
  for (const { graph, checks, names } of part.passes) {
    const place: StepPart = { stage: number, of: stage.name, layer, what: "statistics" };
    const sources = { model: source, layer, over, x, others: new Map([...statistics, ...seen]) };
    const made = addStep(at, graph, sources, place, checks);
    for (const name of names) statistics.set(name, made(name));
  }
  part.change({ ...work, layer }, statistics);
}

/** The work on each part that has selected layers, in the order of the model; equal parts of which equal layers are selected share their graphs. */
function partWorks(
  at: Emitting,
  stage: TypedStage,
  { type }: Model,
  others: Others,
  start: Forwarded | null,
): StageWork["parts"] {
  const done = new Map<string, PartWork>();
  const parts = new Map<number | null, PartWork>();
  for (const [layer, selected] of Map.groupBy(stage.selected, (each) => each.layer)) {
    const part = layer === null ? type.outside : blockOf(type, layer);
    const linears = selected.map(({ linear }) => linear);
    const own = linears.flatMap((linear) => [linear.name, ...others.types(linear, layer).values()]);
    const key = [layer === null, part && partKey(type, part), ...own].join(" ");
    const on = { at, stage, type, others, layer };
    const made = done.get(key) ?? partWork(on, linears, start);
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

function partWork(
  of: Omit<StageOnPart, "results" | "inputs">,
  linears: readonly Linear[],
  start: Forwarded | null,
): PartWork {
  const met = passage(of.at, of.type, of.layer, start);
  if (!met) return { passes: [], change: () => undefined };
  const on = { ...of, ...met };
  return of.stage.applied.method.on.text === "readers" ? readersWork(on, linears) : newLayersWork(on, linears);
}

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
