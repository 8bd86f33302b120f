/** From a checked recipe to graphs: every piece of every forward pass, statistics, compressions and measures. */
import { type Span, showPlace } from "../../grammar/source.ts";
import type { Graph, Output } from "../graph/graph.ts";
import type { Maker } from "../graph/make.ts";
import type { Linear } from "../language/context.ts";
import { type Context, report, scopeIn } from "../language/context.ts";
import { known } from "../language/size.ts";
import type { Tensor } from "../language/value.ts";
import { tensorName } from "../model/checkpoint.ts";
import { forward, forwardBlock, type LinearInput, tokensInput } from "../model/forward.ts";
import { slotNames, storedTypes } from "../plan/program.ts";
import { observed, passesOver, type Statistic } from "./calibration.ts";
import { unordered } from "./finite.ts";
import type { BlockTargets, ForwardGraphs, GraphStep, TargetGraph } from "./graphs.ts";
import { applyMethod } from "./method.ts";
import {
  type Evaluation,
  layersOf,
  type Measure,
  type TypedModel,
  type TypedRecipe,
  type TypedStage,
} from "./typed.ts";

interface Building {
  readonly context: Context;
  readonly maker: Maker;
  readonly models: ReadonlyMap<string, TypedModel>;
  /** Forward passes by model and length of window. */
  readonly forwards: Map<string, ForwardGraphs>;
  /** What comes before the blocks, by model and length of window. */
  readonly starts: Map<string, Start>;
  /** Blocks by what enters them, the model, and how its tensors are stored. */
  readonly blocks: Map<string, ReturnType<typeof forwardBlock>>;
}

/** A forward pass from the tokens on that a stage observes. */
type Start = ReturnType<typeof forward>;

/** The graphs and steps of a recipe that was checked with this context; problems that only sizes show are noted there. */
export function build(context: Context, maker: Maker, { models, steps }: TypedRecipe): GraphStep[] {
  const building: Building = {
    context,
    maker,
    models: new Map(models.map((model) => [model.name, model])),
    forwards: new Map(),
    starts: new Map(),
    blocks: new Map(),
  };
  return steps.flatMap((step) => buildStep(building, step));
}

function buildStep(building: Building, step: TypedRecipe["steps"][number]): GraphStep[] {
  switch (step.kind) {
    case "stage":
      return compressStep(building, step);
    case "evaluation":
      return evaluateStep(building, step);
    case "measure":
      return [measureStep(building, step)];
    case "save":
      return [step];
  }
}

/** Blocks whose tensors are stored in the same types share a graph. */
function signature({ facts, instance }: TypedModel, layer: number): string {
  return instance.tensors
    .filter(({ inBlock }) => inBlock)
    .map(({ name }) => facts.tensors.get(tensorName(name, layer))?.dtype)
    .join(" ");
}

/** The block at hand, without the dimension that streams. */
const entryOf = (entry: Tensor): Tensor => ({ ...entry, dims: entry.dims.filter(({ streamed }) => !streamed) });

const entryKey = ({ name }: TypedModel, { node, dims }: Tensor): string =>
  `${name} ${node?.id} ${dims.map(({ id, size }) => `${id} ${known(size)}`).join(" ")}`;

/** A block on what enters it. */
function blockPass({ context, blocks }: Building, model: TypedModel, layer: number, entry: Tensor) {
  const key = `${entryKey(model, entry)} ${signature(model, layer)}`;
  const pass = blocks.get(key) ?? forwardBlock(context, model.instanceOf(layer), entry, model.instance.arch.span);
  blocks.set(key, pass);
  return pass;
}

function forwardGraphs(building: Building, model: TypedModel, entry: Tensor): ForwardGraphs | null {
  const { maker, forwards } = building;
  const x = entryOf(entry);
  const key = entryKey(model, x);
  const old = forwards.get(key);
  if (old) return old;
  const blocks: Graph[] = [];
  for (let layer = 0; layer < layersOf(model); layer++) {
    const { result } = blockPass(building, model, layer, x);
    if (!result) return null;
    blocks.push(maker.graph("block", [{ name: slotNames.activation, node: result }]));
  }
  if (!x.node) return null;
  const made = { embed: maker.graph("embed", [{ name: slotNames.activation, node: x.node, store: "f32" }]), blocks };
  forwards.set(key, made);
  return made;
}

function evaluateStep(building: Building, { of, base, windows, entry, kept }: Evaluation): GraphStep[] {
  const model = building.models.get(base);
  const passes = model && kept.length > 0 ? forwardGraphs(building, model, entry) : null;
  if (!passes) return [];
  const head = building.maker.graph(
    "head",
    kept.map(({ node }, i) => ({ name: slotNames.series(i), node })),
  );
  return [{ kind: "evaluate", of, windows, forward: passes, head, series: kept.map(({ series }) => series) }];
}

function measureStep({ maker }: Building, { values }: Measure): GraphStep {
  const outputs = values.flatMap(({ value }, i): Output[] =>
    value === null || typeof value === "number" ? [] : [{ name: slotNames.value(i), node: value }],
  );
  const compared = unordered(maker, outputs, ["less", "lessEqual", "equal"]);
  const graph = maker.graph("measure", [...outputs, ...compared]);
  const inputs = graph.nodes.flatMap((node) => (node.op === "input" ? [node.attrs.name] : []));
  const records = values.map(({ kind, text, of, value, span }) => ({
    kind,
    text,
    of,
    value: typeof value === "number" ? value : null,
    place: showPlace(span),
  }));
  return { kind: "measure", graph, inputs, values: records };
}

/** Tokens of a stage's windows to the first block. */
function startOf({ context, starts }: Building, model: TypedModel, length: number, span: Span): Start {
  const key = `${model.name} ${length}`;
  const old = starts.get(key);
  if (old) return old;
  const scope = scopeIn(null);
  const start = forward(context, model.instance, scope, tokensInput(context, scope, length, span), span);
  starts.set(key, start);
  return start;
}

function compressStep(building: Building, stage: TypedStage): GraphStep[] {
  const model = building.models.get(stage.base);
  if (!model) return [];
  const start = stage.windows ? startOf(building, model, stage.windows.length, stage.span) : null;
  const passes = start?.entry ? forwardGraphs(building, model, start.entry) : null;
  const groups = new Map<number | null, TypedStage["selected"][number][]>();
  for (const each of stage.selected) groups.set(each.layer, [...(groups.get(each.layer) ?? []), each]);
  const done = new Map<string, BlockTargets>();
  const blocks = [...groups].map(([layer, selected]) => {
    const key = `${layer === null ? "head" : signature(model, layer)} ${selected.map(({ linear }) => linear.name).join(" ")}`;
    const made = done.get(key) ?? blockTargets(building, stage, model, layer, selected, start);
    done.set(key, made);
    return inLayer(made, layer);
  });
  const { from } = stage.applied.method;
  const propagate = from?.text === "dense" ? "dense" : "compressed";
  return [
    {
      kind: "compress",
      stage: stage.name,
      action: stage.action,
      of: stage.of,
      windows: stage.windows,
      propagate,
      forward: passes,
      blocks,
    },
  ];
}

const inLayer = ({ calibrate, targets }: BlockTargets, layer: number | null): BlockTargets => ({
  layer,
  calibrate,
  targets: targets.map((target) => ({
    ...target,
    selected: { ...target.selected, layer },
    tensor: tensorName(`${target.selected.linear.at}.weight`, layer ?? 0),
  })),
});

function blockTargets(
  building: Building,
  stage: TypedStage,
  model: TypedModel,
  layer: number | null,
  selected: TypedStage["selected"],
  start: Start | null,
): BlockTargets {
  const { context, maker } = building;
  const inputs = activationsOf(building, model, layer, start);
  if (!inputs) return { layer, calibrate: [], targets: [] };
  const statistics: Statistic[] = [];
  const targets: TargetGraph[] = [];
  for (const each of selected) {
    const tensor = tensorName(`${each.linear.at}.weight`, layer ?? 0);
    const met = inputs.find(({ linear }) => linear.at === each.linear.at);
    if (start?.entry && observes(stage)) checkReached(context, stage, each.linear, inputs);
    const stream = stage.windows ? { model: null, windows: stage.windows } : null;
    const inside: Context = { ...context, where: ` in ${tensor}`, stage: stage.span };
    const made = applyMethod(inside, stage.applied, {
      linear: each.linear,
      dtype: storedTypes.get(model.facts.tensors.get(tensor)?.dtype ?? "") ?? "f32",
      input: met ? entryOf(met.input) : null,
      stream,
    });
    if (!made) continue;
    const graph = maker.graph("compress", [...made.outputs, ...unordered(maker, made.outputs, ["best"])]);
    targets.push({ selected: each, tensor, graph, statistics: observed(maker, statistics, made, graph, met ?? null) });
  }
  return { layer, calibrate: passesOver(maker, statistics, inputs), targets };
}

const observes = ({ applied: { method } }: TypedStage): boolean => method.sees.some(({ name }) => name.text === "x");

/** What goes into a layer is observed where the forward pass meets it, which must be at one place. */
function checkReached(
  context: Context,
  { span: stage }: TypedStage,
  { name, at, span }: Linear,
  inputs: readonly LinearInput[],
): void {
  const met = inputs.filter(({ linear }) => linear.at === at).length;
  if (met === 0) report(context, { kind: "unreached-layer", span, name, stage });
  if (met > 1)
    report(context, {
      kind: "not-supported",
      span,
      what: `observing \`${name}\`, which the forward pass meets ${met} times,`,
      hint: `leave it out of the stage with \`except ${name}\``,
    });
}

/** What goes into the linear layers of a block, or of what lies outside of the blocks; null if its forward pass is wrong. */
function activationsOf(
  building: Building,
  model: TypedModel,
  layer: number | null,
  start: Start | null,
): readonly LinearInput[] | null {
  if (!start?.entry) return [];
  if (layer === null) return start.inputs;
  const { result, inputs } = blockPass(building, model, layer, entryOf(start.entry));
  return result ? inputs : null;
}
