/** A stage with a method on blocks, as steps: what it observes of each, what it decides, and what is left of every tensor. */
import type { Graph } from "../graph/graph.ts";
import { slotNames } from "../graph/slots.ts";
import { invariant } from "../invariant.ts";
import { known } from "../language/size.ts";
import { graphDims, type Tensor } from "../language/tensor.ts";
import type { Observation } from "../language/trace.ts";
import { tensorName } from "../model/declared-tensor.ts";
import { orderNode } from "../model/linear.ts";
import { dtypeOf, layersOf, type Model, type Part, partsOf, storedNames } from "../model/value.ts";
import type { Ref, StepPart } from "../plan/step.ts";
import { contributionsOf, type Pass, passesOver } from "./calibration.ts";
import { fewTokens, type Narrowing } from "./check-narrowing.ts";
import { decodedModel } from "./decode-steps.ts";
import { unsound } from "./finite.ts";
import { entryOf, startOf } from "./forward-graphs.ts";
import { withGained } from "./gained-tensors.ts";
import { cut, type Kept, keptPlaces, keptSlot } from "./kept-places.ts";
import type { LeftBehind } from "./left-behind.ts";
import { leaveBehind, leftSlot, leftValue } from "./left-behind-steps.ts";
import type { Selection } from "./method-on-blocks.ts";
import { embed, passingOf, throughBlock } from "./passes.ts";
import { emitRotations } from "./rotate-steps.ts";
import { addStep, type Emitting, modelNamed, type Sources } from "./steps.ts";
import type { TypedStage } from "./typed.ts";

/** Where the places that are kept of a dimension are, in each block. */
type Decisions = ReadonlyMap<string, { readonly selection: Selection; readonly in: (layer: number | null) => Ref }>;

/** Adds the steps of a stage, by its number, and its result to the models. */
export function emitBlockStage(at: Emitting, stage: TypedStage, narrowing: Narrowing, number: number): void {
  const given = modelNamed(at, stage.of);
  const part = { stage: number, of: stage.name };
  const source = stage.reads ? decodedModel(at, given, stage.reads, part) : given;
  const states = observe(at, stage, narrowing, source, number);
  if (narrowing.rotated) {
    const { rotations, rotated } = narrowing;
    const places = emitRotations(at, stage, rotations, rotated, source, states, number);
    at.models.set(stage.name, {
      name: stage.name,
      origin: source.origin,
      type: narrowing.type,
      at: placed(narrowing, places),
    });
    return;
  }
  const biased = leaving(at, stage, narrowing, source, states, number);
  const smaller = narrowing.selections.filter(({ dim, count }) => count !== known(dim.size));
  const decisions: Decisions = new Map(
    smaller.map((selection) => [selection.dim.name, decide(at, selection, states, part)]),
  );
  const cuts = new Map<string, Ref>();
  for (const each of partsOf(biased.type))
    for (const [name, ref] of cutPart(at, biased, each, decisions, part)) cuts.set(name, ref);
  const layers = decisions.get("layer");
  const result: Model = {
    name: stage.name,
    origin: source.origin,
    type: narrowing.type,
    at: layers ? picked(biased, narrowing, cuts, layers.in(null)) : placed(narrowing, cuts),
  };
  at.models.set(stage.name, result);
}

/** The statistics of all blocks, of the model as it is: each as a stack, by its slot. */
function observe(
  at: Emitting,
  stage: TypedStage,
  { statistics }: Narrowing,
  source: Model,
  number: number,
): ReadonlyMap<string, Ref> {
  const isOfWeights = ({ by }: Observation): boolean => by === "once";
  const [ofWeights] = passesOver(at.maker, contributionsOf(statistics.filter(isOfWeights)), []);
  const [pass] = passesOver(at.maker, contributionsOf(statistics.filter((each) => !isOfWeights(each))), []);
  invariant(stage.windows !== null || !pass, `stage ${stage.name} goes over no windows`);
  const stacks = new Map<string, Ref[]>(statistics.map(({ slot }) => [slot, []]));
  const seen = (layer: number, { graph, names, checks }: Pass, sources: Partial<Sources> = {}): void => {
    const place = { stage: number, of: stage.name, layer, what: "statistics" };
    const made = addStep(at, graph, { model: source, layer, ...sources }, place, checks);
    for (const slot of names) stacks.get(slot)?.push(made(slot));
  };
  const layers = layersOf(source.type);
  const passing = pass ? passingOf(at, source, stage, number) : null;
  let x = passing && embed(at, source, passing);
  for (let layer = 0; layer < layers; layer++) {
    if (ofWeights) seen(layer, ofWeights);
    if (!pass || !passing || !x) continue;
    seen(layer, pass, { over: passing.over, x });
    if (layer < layers - 1) x = throughBlock(at, source, layer, x, passing);
  }
  return new Map([...stacks].map(([slot, stack]) => [slot, { stack }]));
}

/** What enters the first block, of one window. */
function entryIn(at: Emitting, { type }: Model, { windows, span }: TypedStage): Tensor {
  const { entry } = startOf(at, type, windows?.length ?? fewTokens, span);
  invariant(entry !== null, "a model without blocks is not narrowed");
  return entryOf(entry);
}

/** The model whose biases have what goes, before anything goes. */
function leaving(
  at: Emitting,
  stage: TypedStage,
  { biased, left }: Narrowing,
  source: Model,
  states: ReadonlyMap<string, Ref>,
  number: number,
): Model {
  if (left.length === 0) return source;
  const part = { stage: number, of: stage.name };
  const filled = withGained(at, { ...source, at: new Map(source.at) }, biased, part);
  const outputs = left.map((each) => ({ name: leftSlot(each.name), node: leftValue(at.maker, each) }));
  const graph = at.maker.graph("leave", outputs);
  const sources = { model: { at: new Map() }, layer: null, others: states };
  const made = addStep(at, graph, sources, { ...part, layer: null, what: "what stays of what goes" });
  const now = new Map(filled.at);
  const entry = entryIn(at, filled, stage);
  for (let layer = 0; layer < layersOf(biased); layer++) {
    const valueIn = ({ name }: LeftBehind): Ref => ({ element: layer, of: made(leftSlot(name)) });
    leaveBehind({ at, stage, number, source: filled, now, layer }, entry, left, valueIn);
  }
  return { ...filled, at: now };
}

/** One step chooses; where each block has scores of its own, it chooses for all of them. */
function decide(
  at: Emitting,
  selection: Selection,
  states: ReadonlyMap<string, Ref>,
  part: Pick<StepPart, "stage" | "of">,
) {
  const { dim, count, scores, statement } = selection;
  const places = keptPlaces(at.maker, scores.node, dim.id, count, statement.span);
  const [layered] = scores.dims.filter(({ id }) => id !== dim.id);
  const node = layered ? orderNode(at.maker, places, [layered.id, dim.id], places.origin) : places;
  const outputs = [{ name: slotNames.result, node }];
  const ordering = { by: ["best", "order", "argmax"], otherwise: unrankable(dim.name) } as const;
  const { counts, checks } = unsound(at.maker, outputs, ordering);
  const graph = at.maker.graph("decide", [...outputs, ...counts]);
  const sources = { model: { at: new Map() }, layer: null, others: states };
  const made = addStep(at, graph, sources, { ...part, layer: null, what: `choice of ${dim.name}` }, checks);
  const whole = made(slotNames.result);
  return {
    selection,
    in: (layer: number | null): Ref => (layered && layer !== null ? { element: layer, of: whole } : whole),
  };
}

const unrankable = (dim: string): string =>
  `{n} scores of \`${dim}\` are NaN, which cannot be ranked; look at the method: it divides 0 by 0, or takes the root of a negative number`;

/** What is left of the tensors of a part, by their names; a tensor without any of the dimensions stays where it is. */
function* cutPart(
  at: Emitting,
  source: Model,
  { layer, weights }: Part,
  decisions: Decisions,
  part: Pick<StepPart, "stage" | "of">,
): Iterable<readonly [string, Ref]> {
  for (const { name, dims: groups, pieces, span } of weights) {
    const tensor = tensorName(name, layer);
    const dims = groups.flat();
    const inside = new Map([...dims, ...(pieces?.of ?? []).flat()].map((dim) => [dim.id, dim]));
    const kept = [...inside.values()].flatMap(({ id, name: of }): readonly (Kept & { readonly at: Ref })[] => {
      const decision = decisions.get(of);
      return decision ? [{ id, name: of, size: decision.selection.count, at: decision.in(layer) }] : [];
    });
    const stored = storedNames(source.type, tensor).flatMap((each) => {
      const ref = source.at.get(each);
      return ref ? [[each, ref] as const] : [];
    });
    if (kept.length === 0) yield* stored;
    const [[, weight] = []] = stored;
    if (kept.length === 0 || weight === undefined) continue;
    const dtype = dtypeOf(source.type, tensor);
    const node = cut(at.maker, { dims: graphDims(dims), dtype }, kept, pieces, span);
    const graph: Graph = at.maker.graph("cut", [{ name: slotNames.result, node, store: dtype }]);
    const others = new Map([
      [slotNames.weight, weight],
      ...kept.map((each) => [keptSlot(each.name), each.at] as const),
    ]);
    const place = { ...part, layer, what: "cut", changes: { tensor, outputs: [slotNames.result] } };
    const made = addStep(at, graph, { model: source, layer, others }, place);
    yield [tensor, made(slotNames.result)];
  }
}

/** The model's tensors in the order of its files. */
const placed = ({ type }: Narrowing, refs: ReadonlyMap<string, Ref>): Model["at"] =>
  new Map(
    [...(type.facts?.tensors.keys() ?? [])]
      .flatMap((tensor) => storedNames(type, tensor))
      .flatMap((name) => {
        const ref = refs.get(name);
        return ref ? [[name, ref] as const] : [];
      }),
  );

/** Each block is the one that the decision says; what lies outside of them is where it was. */
function picked(source: Model, narrowing: Narrowing, refs: ReadonlyMap<string, Ref>, by: Ref): Model["at"] {
  const all = new Map(refs);
  const count = layersOf(source.type);
  const choices = new Map<string, readonly Ref[]>();
  for (const { layer, weights } of partsOf(narrowing.type)) {
    if (layer === null) continue;
    for (const { name } of weights)
      for (const [i, stored] of storedNames(narrowing.type, tensorName(name, layer)).entries()) {
        const inBlock = (from: number): string => storedNames(source.type, tensorName(name, from))[i] ?? "";
        const pick =
          choices.get(inBlock(0)) ?? Array.from({ length: count }, (_, from) => refs.get(inBlock(from)) as Ref);
        choices.set(inBlock(0), pick);
        all.set(stored, { pick, by, at: layer });
      }
  }
  return placed(narrowing, all);
}
