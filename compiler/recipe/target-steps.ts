/** Coded weights as another program's files have them: a step for each, by a function of the target's module. */
import type { Span } from "../../grammar/source.ts";
import type { Graph } from "../graph/graph.ts";
import { slotNames } from "../graph/slots.ts";
import { invariant } from "../invariant.ts";
import type { Context } from "../language/context.ts";
import type { Modules } from "../language/declare.ts";
import { innerName, type StoredField } from "../language/fields.ts";
import { known } from "../language/size.ts";
import { volume } from "../language/tensor.ts";
import type { Linear, LinearInput } from "../language/trace.ts";
import { type Coded, type Scope, showFormat } from "../language/value.ts";
import { fieldsFor, wholeOf } from "../model/coded-type.ts";
import { pathOf, tensorName } from "../model/declared-tensor.ts";
import type { CodedFacts } from "../model/facts.ts";
import { matricesIn } from "../model/selector.ts";
import { layersOf, type Model, type ModelType, partsOf } from "../model/value.ts";
import type { Check, Ref, SavedTensor, SaveRecord } from "../plan/step.ts";
import { adapterConfig, adapterIn, adapterTensor, besideAdapter } from "../target/adapter.ts";
import { writeConfig } from "../target/config-template.ts";
import type { Json, JsonObject } from "../target/json.ts";
import { isRefusal, layoutsFor, type Refusal, type Source, type Written } from "../target/layouts.ts";
import { listOf } from "../target/left-out.ts";
import { plainForm, rowsForm } from "../target/stored-fields.ts";
import type { Said, Target } from "../target/table.ts";
import { readTogether } from "./calibration.ts";
import { codedChecks, fieldAlone, fieldOutputs, ofCodes } from "./coded-outputs.ts";
import { blockPass, codedAs, entryOf, startOf } from "./forward-graphs.ts";
import { addStep, type Emitting, modelNamed } from "./steps.ts";

/** What is saved of coded weights: the tensors of each, by its name, and what config.json says of all. */
export interface Laid {
  readonly weights: ReadonlyMap<string, readonly SavedTensor[]>;
  readonly quantization: string | null;
  readonly adapter?: NonNullable<SaveRecord["adapter"]>;
}

/** A linear layer whose weight is coded; beside an adapter, the format is that of what remains. */
interface Layer extends Source {
  /** The field that is stored in that format, where an adapter holds the others. */
  readonly beside: string | null;
  readonly linear: Linear;
  readonly layer: number | null;
  readonly coded: CodedFacts;
}

/** How a model is stored, whose weights may have yet to be made. */
export type Stored = Pick<Model, "type" | "origin">;

/** Why a target does not hold a model; null if it does. */
export function unheld(at: Emitting, model: Stored, target: Target, modules: Modules, span: Span): Refusal | null {
  const layers = layersIn(at, model, target, modules);
  const hint = `a stage whose method ends in codes makes them; "huggingface" holds numbers`;
  if (layers.size === 0) return { what: "a model without codes", hint };
  const found =
    tableRefused(target, layers) ??
    fusedApart(at, model.type, layers, target, span) ??
    layoutsFor(target, modules, layers);
  return isRefusal(found) ? found : null;
}

/** Adds a step for each weight of a model that the target holds. */
export function laidOut(at: Emitting, model: Model, target: Target, modules: Modules, span: Span): Laid {
  const layers = layersIn(at, model, target, modules);
  const found = layoutsFor(target, modules, layers);
  invariant(!isRefusal(found), `${target.name} does not hold ${model.name}`);
  const graphs = new Map<string, Converting>();
  const weights = new Map<string, readonly SavedTensor[]>();
  for (const [weight, written] of found) {
    const layer = layers.get(weight);
    const made = layer && converted(at, model, target, graphs, { weight, layer, written, span });
    if (made) weights.set(weight, made);
  }
  const quantization = JSON.stringify(configOf(model, target, found));
  const adapter = adapterOf(at, model, modules, layers, span);
  return { weights, quantization, ...(adapter && { adapter }) };
}

/** What an adapter holds of those layers that the folder holds in part; none where it holds them all. */
function adapterOf(
  at: Emitting,
  model: Model,
  modules: Modules,
  layers: ReadonlyMap<string, Layer>,
  span: Span,
): Laid["adapter"] | null {
  const adapter = adapterIn(modules);
  const { by } = adapter.table.held;
  const graphs = new Map<string, Converting>();
  const ranks = new Map<string, number>();
  const tensors = [...layers].flatMap(([weight, { linear, layer, coded, beside }]): readonly SavedTensor[] => {
    if (beside === null) return [];
    const key = [codedAs(coded), ...coded.fields.flatMap(({ dims }) => dims.map(({ size }) => known(size)))].join(" ");
    const step = { weight, linear, layer, made: { coded, of: null, by }, key, span };
    return (stepFor(at, model, adapter.scope, graphs, step) ?? []).map(([field, from]) => {
      const form = plainForm(field);
      if (field.name === adapter.table.rank) ranks.set(pathOf(weight), form.shape[0] ?? 0);
      return { name: adapterTensor(adapter, weight, field.name), ...form, from };
    });
  });
  return tensors.length > 0 ? { config: adapterConfig(adapter, ranks), tensors } : null;
}

/** How people are told of a step that makes what is saved of a layer. */
const placeOf = ({ name: of }: Model, { name: what }: Linear, layer: number | null) =>
  ({ stage: null, of, purpose: "save", layer, what }) as const;

/** Where a step finds the fields of a weight. */
function fieldsOfWeight(model: Model, weight: string, { fields }: CodedFacts, layer: number | null) {
  const others = new Map(
    fields.flatMap(({ name }): [string, Ref][] => {
      const ref = model.at.get(slotNames.field(weight, name));
      return ref ? [[slotNames.field(slotNames.weight, name), ref]] : [];
    }),
  );
  return { model, layer, others };
}

/** Those of linear layers, and of tables that stages have coded; a table that was given as codes is written as numbers. */
function layersIn(
  at: Emitting,
  { type, origin }: Stored,
  target: Target,
  modules: Modules,
): ReadonlyMap<string, Layer> {
  const adapter = adapterIn(modules);
  const given = modelNamed(at, origin).type.facts?.tensors;
  return new Map(
    matricesIn(type).flatMap(({ linear: own, layer }): [string, Layer][] => {
      const linear = wholeOf(own);
      const name = tensorName(linear.weight, layer);
      const coded = type.facts?.tensors.get(name)?.coded;
      if (isOfTable(linear) && coded === given?.get(name)?.coded) return [];
      const [input, out] = [linear.from, linear.to].map((dims) => known(volume(dims)) ?? 0);
      const sizes = { in: input ?? 0, out: out ?? 0 };
      if (!coded) return [];
      const inner = target.table.is_adapted === true ? besideAdapter(modules, adapter, coded.format) : null;
      const beside = inner && adapter.table.held.inner;
      const { isInFirst } = linear;
      return [[name, { linear, layer, coded, format: inner ?? coded.format, beside, sizes, isInFirst }]];
    }),
  );
}

const isOfTable = ({ isTable, tied }: Linear): boolean => isTable || tied !== null;

function tableRefused({ name }: Target, layers: ReadonlyMap<string, Layer>): Refusal | null {
  const [table] = [...layers].filter(([, { linear }]) => isOfTable(linear));
  if (!table) return null;
  const [weight, { linear, format }] = table;
  return {
    what: `${showFormat(format)} (${weight}), which is a table's: its loaders look for codes of linear layers alone`,
    hint: `leave it out of the stage with \`except ${linear.name}\`, or save as another than "${name}": "gguf" and "lcomp" hold tables`,
  };
}

/** Layers that the same tokens reach with one activation and are not coded alike, which loaders that make one of them refuse, or read as garbage. */
function fusedApart(
  at: Emitting,
  type: ModelType,
  layers: ReadonlyMap<string, Layer>,
  { table }: Target,
  span: Span,
): Refusal | null {
  const { entry } = startOf(at, type, 16, span);
  if (!table.is_fused || !entry) return null;
  for (let layer = 0; layer < layersOf(type); layer++) {
    const { inputs } = blockPass(at, type, layer, entryOf(entry));
    for (const together of Map.groupBy(inputs, readTogether).values()) {
      const kinds = Map.groupBy(together, (each) => shownFormat(layers, each, layer));
      const [one, other] = [...kinds].map(([kind, [first]]) => `${first?.linear.name} (${kind})`);
      if (other === undefined) continue;
      const names = together.map(({ linear }) => linear.name).join(", ");
      return {
        what: `${one} beside ${other} in block ${layer}`,
        hint: `its loaders make one layer of ${names}, which read the same activation: give all of them one format, or none`,
      };
    }
  }
  return null;
}

function shownFormat(layers: ReadonlyMap<string, Layer>, { linear }: LinearInput, layer: number): string {
  const found = layers.get(tensorName(linear.weight, layer));
  return found ? showFormat(found.format) : "numbers";
}

interface Converting {
  readonly graph: Graph;
  readonly checks: readonly Check[];
  readonly fields: readonly StoredField[];
}

interface Conversion {
  readonly weight: string;
  readonly layer: Layer;
  readonly written: Written;
  readonly span: Span;
}

/** The tensors of one weight, which a step makes. */
function converted(
  at: Emitting,
  model: Model,
  target: Target,
  graphs: Map<string, Converting>,
  { weight, layer: { linear, layer, coded, beside, sizes }, written, span }: Conversion,
): readonly SavedTensor[] | null {
  const laid = (field: StoredField, from: Ref): SavedTensor => {
    const [name, dtype, ...rows] = written.layout.tensors[field.name] ?? ["", "U8"];
    const form = rowsForm(field, dtype, rows);
    invariant(form !== null, `${name} of ${weight} does not fill words of ${dtype}`);
    return { name: `${pathOf(weight)}.${name}`, ...form, from };
  };
  const { by } = written.made;
  if (by === undefined)
    return (beside === null ? coded : fieldAlone(coded, beside)).fields.flatMap((field) => {
      const stored = beside === null ? field.name : innerName(beside, field.name);
      const from = model.at.get(slotNames.field(weight, stored));
      return from ? [laid(field, from)] : [];
    });
  const key = [codedAs(coded), sizes.in, sizes.out, written.layout.format].join(" ");
  const step = { weight, linear, layer, made: { coded, of: beside, by }, key, span };
  return stepFor(at, model, target.scope, graphs, step)?.map(([field, from]) => laid(field, from)) ?? null;
}

interface LayoutStep {
  readonly weight: string;
  readonly linear: Linear;
  readonly layer: number | null;
  readonly made: Made;
  /** Weights with the same share a graph. */
  readonly key: string;
  readonly span: Span;
}

/** Adds the step that makes fields of a weight's codes, by a function of a target's module; and where it leaves each. Null if there was a problem. */
function stepFor(
  at: Emitting,
  model: Model,
  scope: Scope,
  graphs: Map<string, Converting>,
  { weight, linear, layer, made, key, span }: LayoutStep,
): readonly (readonly [StoredField, Ref])[] | null {
  const graph = graphs.get(key) ?? graphFor(at, scope, linear, made, span);
  if (!graph) return null;
  graphs.set(key, graph);
  const inputs = fieldsOfWeight(model, weight, made.coded, layer);
  const output = addStep(at, graph.graph, inputs, placeOf(model, linear, layer), graph.checks);
  return graph.fields.map((field) => [field, output(slotNames.field(slotNames.result, field.name))]);
}

/** What a function makes of codes, or of a field in a format. */
interface Made {
  readonly coded: CodedFacts;
  readonly of: string | null;
  readonly by: string;
}

function graphFor(
  { context, maker }: Emitting,
  scope: Scope,
  linear: Linear,
  made: Made,
  span: Span,
): Converting | null {
  const codes = applied(context, scope, made, span);
  const fields = codes && fieldsFor(context, linear, codes.format, span);
  if (!codes || !fields) return null;
  const { counts, checks } = codedChecks(maker, codes);
  return { graph: maker.graph("lay out", [...fieldOutputs(maker, codes), ...counts]), checks, fields };
}

/** What a function of a target's module makes of the fields and the parameters of codes. */
function applied(context: Context, scope: Scope, { coded, of, by }: Made, span: Span): Coded | null {
  const declared = scope.values.get(by);
  const value = declared?.kind === "callable" ? ofCodes(context, declared, coded, span, of) : null;
  return value?.kind === "coded" ? value : null;
}

/** `quantization_config`: what each kind of layers is, and which are none. */
function configOf({ type }: Model, { table }: Target, found: ReadonlyMap<string, Written>): JsonObject {
  const { left_out: left, outside } = table;
  const all = new Map(
    partsOf(type).flatMap(({ layer, linears }) => linears.map(({ at }) => [tensorName(at, layer), layer === null])),
  );
  const isOf = (path: string): boolean => found.has(`${path}.weight`);
  const others = [...all].flatMap(([path, isOutside]) =>
    !isOf(path) && (outside === true || !isOutside) ? [path] : [],
  );
  const isOutsideToo = [...all].some(([path, isOutside]) => isOutside && isOf(path));
  const kinds = [...Map.groupBy(found, ([, { said }]) => JSON.stringify([...said])).values()];
  const groups = kinds.map((some): Said => {
    const targets = kinds.length > 1 ? some.map(([weight]) => pathOf(weight)) : [left.class ?? ""];
    const said = new Map<string, Json>([...(some[0]?.[1].said ?? []), ["outside", isOutsideToo]]);
    if (left.targets !== undefined) said.set(left.targets, targets);
    if (others.length > 0) said.set(left.variable, listOf(table, others));
    return said;
  });
  return writeConfig(table, groups);
}
