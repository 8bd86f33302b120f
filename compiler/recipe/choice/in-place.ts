/** A candidate in the place of some layers where all else is as given: windows that go through the model with it, and the harm of that. */
import type { Graph } from "../../graph/graph.ts";
import { slotNames } from "../../graph/slots.ts";
import { fixed } from "../../language/size.ts";
import { type Dimension, graphDims, type Tensor, volume, type Windows } from "../../language/tensor.ts";
import type { Linear } from "../../language/trace.ts";
import { modelType } from "../../model/arch.ts";
import { tensorName } from "../../model/declared-tensor.ts";
import type { TensorFacts } from "../../model/facts.ts";
import { layersOf, type Model, type ModelType, storedNames } from "../../model/value.ts";
import type { Check, Ref, StepPart } from "../../plan/step.ts";
import { type Passing, passingOf } from "../passes.ts";
import { addStep, type Emitting } from "../steps.ts";
import type { TypedStage } from "../typed.ts";
import { harmOf, type States } from "./harm.ts";

/** How many tokens go through the model with each candidate, in windows that are no longer. */
const triedTokens = 256;

/** All windows at once, as one value: what enters a block, f32[sample, token, …], and that of all candidates, which come first. */
export interface AtOnce {
  readonly passing: Passing;
  readonly one: Tensor;
  readonly all: Tensor;
}

/** Some windows of a sample, as they enter the blocks; null where there are no blocks. */
export function atOnce(
  at: Emitting,
  stage: TypedStage & { readonly windows: Windows },
  given: Model,
  number: number,
): AtOnce | null {
  const { windows } = stage;
  const { draw, first } = windows;
  const length = Math.min(windows.length, triedTokens);
  const enough = Math.ceil(triedTokens / length);
  const wanted: Windows = { ...windows, length, first: draw ? first : Math.min(first ?? enough, enough) };
  const few = draw ? { ...wanted, draw: { ...draw, count: Math.min(draw.count, enough) } } : wanted;
  const passing = passingOf(at, given, { ...stage, windows: few }, number);
  if (!passing?.entry) return null;
  const samples = few.draw?.count ?? at.context.countWindows(few) ?? enough;
  const one = stacked(at, passing.entry, "sample", samples, stage);
  return { passing, one, all: stacked(at, one, "candidate", stage.candidates?.length ?? 0, stage) };
}

/** So many of what enters a block, the new dimension first. */
function stacked({ maker }: Emitting, { dims }: Tensor, name: string, count: number, { span }: TypedStage): Tensor {
  const all: readonly Dimension[] = [
    { id: `each ${name}`, name, size: fixed(count), source: "the choice", isApart: true },
    ...dims,
  ];
  const attrs = { name: slotNames.activation, type: { dtype: "f32", dims: graphDims(all) }, role: "state" } as const;
  return { kind: "tensor", dtype: "f32", dims: all, node: maker.make("input", [], attrs, span) };
}

/** The given model with what a candidate makes of some layers of a block, in that block; `types` has those that are known. */
export function inPlace(
  at: Emitting,
  given: Model,
  made: Model,
  {
    linears,
    layer,
    types,
  }: {
    readonly linears: readonly Linear[];
    readonly layer: number;
    readonly types: Map<string, ModelType>;
  },
): Model {
  const names = tensorsOf(linears);
  const key = [made.name, ...names].join(" ");
  const type = types.get(key) ?? typeWith(at, given.type, made.type, names);
  types.set(key, type);
  const stored = names.flatMap((name) => storedNames(type, tensorName(name, layer)));
  const own = stored.flatMap((name) => {
    const ref = made.at.get(name);
    return ref ? [[name, ref] as const] : [];
  });
  return { ...given, type, at: new Map([...made.at, ...given.at, ...own]) };
}

/** The tensors of their weights, then those of their biases, by their names in a block. */
export const tensorsOf = (linears: readonly Linear[]): readonly string[] => [
  ...new Set([...linears.map(({ weight }) => weight), ...linears.map(({ at }) => `${at}.bias`)]),
];

/** A type of which tensors of those names are, in all blocks, as in another; so are those that the given one has not. */
function typeWith({ context }: Emitting, given: ModelType, made: ModelType, names: readonly string[]): ModelType {
  if (!made.facts) return made;
  const own = new Set(
    Array.from({ length: layersOf(given) }, (_, layer) => names.map((name) => tensorName(name, layer))).flat(),
  );
  const tensors = [...made.facts.tensors].map(([name, tensor]): [string, TensorFacts] => [
    name,
    own.has(name) ? tensor : (given.facts?.tensors.get(name) ?? tensor),
  ]);
  return modelType(context, made.arch, { ...made.facts, tensors: new Map(tensors) });
}

/** The program that says how far the last state is from what it was; null if it is wrong, which is said. */
export function harmIn(at: Emitting, stage: TypedStage, { one }: AtOnce): Graph | null {
  const state = (name: keyof States): Tensor => channels(at, one, name, stage);
  const states = { before: state("before"), after: state("after") };
  const node = harmOf({ ...at.context, stage: stage.span }, stage.applied, states);
  return node && at.maker.graph("harm", [{ name: slotNames.harm, node }]);
}

/** What a block hands on, f32[sample, token, channel]. */
function channels({ maker }: Emitting, { dims }: Tensor, name: string, { span }: TypedStage): Tensor {
  const attrs = { name, type: { dtype: "f32", dims: graphDims(dims) }, role: "state" } as const;
  const [sample, ...others] = dims;
  const [own, token] = [others.filter(({ id }) => id !== "token"), others.filter(({ id }) => id === "token")];
  const whole = maker.make("input", [], attrs, span);
  const node = maker.make("merge", [whole], { dims: own.map(({ id }) => id), into: "channel" }, span);
  const channel = { id: "channel", name: "channel", size: volume(own), source: "the model" };
  return { kind: "tensor", dtype: "f32", dims: [...(sample ? [sample] : []), ...token, channel], node };
}

const finiteHarm: Check = {
  ...{ output: slotNames.harm, must: "finite" },
  otherwise:
    "what the last hidden state feels of it is {n}, by which nothing can be chosen; look at the method, or at the model's weights",
};

/** Adds the step that measures what the last state feels of a candidate. */
export function harmTo(
  at: Emitting,
  harm: Graph,
  part: Omit<StepPart, "layer" | "what">,
  states: Record<keyof States, Ref>,
): Ref {
  const sources = { model: { at: new Map() }, layer: null, others: new Map(Object.entries(states)) };
  return addStep(at, harm, sources, { ...part, layer: null, what: "harm" }, [finiteHarm])(slotNames.harm);
}
