/**
 * What the report says of results layer by layer, beside what the recipe measures: each is compared with the model in which layers were
 * changed, on a few windows of a text. The equations are those of `std/layers`.
 */
import type { Span } from "../../../grammar/source.ts";
import type { Node } from "../../graph/ops.ts";
import { slotNames } from "../../graph/slots.ts";
import type { Modules } from "../../language/declare.ts";
import { fixed } from "../../language/size.ts";
import { type Dimension, graphDims, type Tensor, type Windows } from "../../language/tensor.ts";
import type { Value } from "../../language/value.ts";
import type { Forwarded } from "../../model/forward.ts";
import type { Model } from "../../model/value.ts";
import type { LayerPlace, Ref, ValueRecord } from "../../plan/step.ts";
import { textWindows } from "../check-saved.ts";
import { entryOf, startOf } from "../forward-graphs.ts";
import { fieldsOf } from "../library-function.ts";
import type { Passing } from "../passes.ts";
import { addStep, type Emitting, modelNamed, windowsNumber } from "../steps.ts";
import type { TypedRecipe, TypedStage } from "../typed.ts";

/** The module whose functions say what is compared. */
export const layersLibrary = "std/layers";

/** So many tokens suffice, in windows that are as long as the recipe's, or no longer than that. */
const enoughTokens = 512;

/** On what the results of a recipe are compared with what they were made from. */
export interface Comparing {
  readonly at: Emitting;
  readonly recipe: TypedRecipe;
  readonly modules: Modules;
  readonly windows: Windows;
  /** How many. */
  readonly count: number;
  readonly span: Span;
}

/** Null for a recipe that saves nothing, or reads no text. */
export function comparingOn(at: Emitting, recipe: TypedRecipe, modules: Modules): Comparing | null {
  const text = textWindows(recipe);
  if (!modules.scopes.has(layersLibrary) || text === null || recipe.saves.length === 0) return null;
  const all: Windows = { ...text, length: Math.min(text.length, enoughTokens), first: null, draw: null };
  const enough = Math.ceil(enoughTokens / all.length);
  const count = Math.min(enough, at.context.countWindows(all) ?? enough);
  return { at, recipe, modules, windows: { ...all, first: count }, count, span: recipe.recipe.name.span };
}

const stageNamed = ({ stages }: TypedRecipe, name: string): TypedStage | undefined =>
  stages.find((each) => each.name === name);

/** Whether a stage is on the way to a model. */
export function isOnWay(recipe: TypedRecipe, stage: TypedStage, name: string): boolean {
  const last = stageNamed(recipe, name);
  return last !== undefined && (last === stage || isOnWay(recipe, stage, last.of));
}

/** The model behind which stages have changed matrices of layers and nothing else: what enters and leaves layers means the same in both. */
function referenceOf(recipe: TypedRecipe, name: string): string {
  const stage = stageNamed(recipe, name);
  return stage?.applied.method.on.text === "linear" ? referenceOf(recipe, stage.of) : name;
}

/** A result, and the model that it is compared with. */
export interface Pair {
  readonly reference: Model;
  readonly made: Model;
  readonly passing: Passing & { readonly entry: Tensor };
  /** From tokens on. */
  readonly starts: readonly [reference: Forwarded, made: Forwarded];
  /** Where the tensors of both are, those of the result by the names of `ofMade`. */
  readonly both: Pick<Model, "at">;
}

/** What a program that reads both models calls what is the result's. */
export const ofMade = (name: string): string => slotNames.ofModel(slotNames.made, name);

/** Null if the last stage has changed more than matrices, or a forward pass goes through no blocks. */
export function pairOf({ at, recipe, windows, span }: Comparing, name: string): Pair | null {
  const [reference, made] = [modelNamed(at, referenceOf(recipe, name)), modelNamed(at, name)];
  const [own, other] = [reference, made].map(({ type }) => startOf(at, type, windows.length, span));
  if (reference === made || !own?.entry || !other) return null;
  const tensors = [...made.at].map(([tensor, ref]) => [ofMade(tensor), ref] as const);
  const part = { stage: null, of: name, purpose: "compare" } as const;
  return {
    ...{ reference, made, starts: [own, other] },
    passing: { entry: entryOf(own.entry), over: windowsNumber(at, windows), part },
    both: { at: new Map([...reference.at, ...tensors]) },
  };
}

/** The tensors that a function of the module gives, by the names of its fields. */
export const found = (
  { at: { context }, modules, span }: Comparing,
  name: string,
  values: Readonly<Record<string, Value>>,
): ReadonlyMap<string, Node> => fieldsOf({ context, scope: null, span }, modules, [layersLibrary, name], values);

/** What was found at each of some places, as values: a last step puts it together by a function of the module, whose fields they are. */
export function valuesOf(
  on: Comparing,
  { reference, made, passing }: Pair,
  places: readonly LayerPlace[],
  { by, along, of, values = {} }: Gathering,
): readonly ValueRecord[] {
  const { at, span } = on;
  const dim: Dimension = { id: along, name: along, size: fixed(places.length), source: "the layers" };
  const inputs = Object.keys(of).map((name): [string, Tensor] => {
    const attrs = { name, type: { dtype: "f32", dims: graphDims([dim]) }, role: "state" } as const;
    const node = at.maker.make("input", [], attrs, span);
    return [name, { kind: "tensor", dtype: "f32", dims: [dim], node }];
  });
  const outputs = [...found(on, by, { ...Object.fromEntries(inputs), ...values })].map(([name, node]) => ({
    name,
    node,
  }));
  const others = new Map(Object.entries(of).map(([name, refs]): [string, Ref] => [name, { stack: refs }]));
  const part = { ...passing.part, layer: null, what: "measure" };
  const kept = addStep(at, at.maker.graph("measure", outputs), { model: { at: new Map() }, layer: null, others }, part);
  return outputs.map(({ name }) => ({
    kind: "compare",
    text: `${name}(${reference.name}, ${made.name})`,
    of: { measure: name, model: made.name },
    ...{ value: kept(name), place: "" },
    compared: { with: reference.name, over: passing.over, at: places },
  }));
}

/** How numbers become values: the function, what it calls them and the dimension that they are along, and its other arguments. */
interface Gathering {
  readonly by: string;
  readonly along: string;
  readonly of: Readonly<Record<string, readonly Ref[]>>;
  readonly values?: Readonly<Record<string, Value>>;
}
