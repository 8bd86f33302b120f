/** The forward pass of a model as steps: tokens to the first block, block by block, and what comes after the last. */
import type { Span } from "../../grammar/source.ts";
import type { Graph } from "../graph/graph.ts";
import { slotNames } from "../graph/slots.ts";
import { scopeIn } from "../language/scope.ts";
import { known } from "../language/size.ts";
import type { Tensor } from "../language/tensor.ts";
import type { LinearInput } from "../language/trace.ts";
import { type Forwarded, forward, forwardBlock, tokensInput } from "../model/forward.ts";
import { tensorName } from "../model/stored.ts";
import { blockOf, type Model, type ModelType, type Part } from "../model/value.ts";
import type { Ref, StepPart } from "../plan/step.ts";
import { addStep, type Emitting, type Passes } from "./steps.ts";

/** A forward pass from the tokens on that a stage observes. */
export type Start = Forwarded;

/** A block on what enters it; no graph if its forward pass is wrong. */
export interface BlockPass {
  readonly graph: Graph | null;
  readonly inputs: readonly LinearInput[];
}

/** Windows on their way through a model. */
export interface Passing {
  /** What enters the first block, one window at a time; null if the forward pass goes through none. */
  readonly entry: Tensor | null;
  readonly over: number;
  readonly part: Omit<StepPart, "layer" | "what">;
}

function passesOf({ passes }: Emitting, type: ModelType): Passes {
  const made = passes.get(type) ?? { starts: new Map(), blocks: new Map() };
  passes.set(type, made);
  return made;
}

/** Tokens of windows of that length to the first block. */
export function startOf(at: Emitting, type: ModelType, length: number, span: Span): Start {
  const { starts } = passesOf(at, type);
  const old = starts.get(length);
  if (old) return old;
  const scope = scopeIn(null);
  const start = forward(at.context, type, scope, tokensInput(at.context, scope, length, span), span);
  starts.set(length, start);
  return start;
}

/** What enters a block, without the dimension that streams. */
export const entryOf = (entry: Tensor): Tensor => ({ ...entry, dims: entry.dims.filter(({ streamed }) => !streamed) });

/** Parts with the same sizes whose tensors are stored in the same types share their graphs. */
export const partKey = ({ facts }: ModelType, { layer, readsNumber, scope, weights, forward }: Part): string =>
  [
    forward?.span.start,
    readsNumber ? layer : "",
    ...[...scope.dims.values()].flat().map(({ size }) => known(size)),
    ...weights.map(({ name }) => facts?.tensors.get(tensorName(name, layer))?.dtype),
  ].join(" ");

export function blockPass(at: Emitting, type: ModelType, layer: number, entry: Tensor): BlockPass {
  const { context, maker } = at;
  const part = blockOf(type, layer);
  if (!part) return { graph: null, inputs: [] };
  const { blocks } = passesOf(at, type);
  const dims = entry.dims.map(({ id, size }) => `${id} ${known(size)}`);
  const key = [entry.node?.id, ...dims, partKey(type, part)].join(" ");
  const old = blocks.get(key);
  if (old) return old;
  const { result, inputs } = forwardBlock(context, part, entry, type.arch.span);
  const graph = result && maker.graph("block", [{ name: slotNames.activation, node: result }]);
  blocks.set(key, { graph, inputs });
  return { graph, inputs };
}

/** The activations behind so many blocks; null where there are none, or what computes them is wrong. */
export function behindBlocks(at: Emitting, model: Model, count: number, passing: Passing): Ref | null {
  let x = embed(at, model, passing);
  for (let layer = 0; layer < count && x; layer++) x = throughBlock(at, model, layer, x, passing);
  return x;
}

/** The activations in front of the first block. */
export function embed(at: Emitting, model: Model, { entry, over, part }: Passing): Ref | null {
  if (!entry) return null;
  const graph = at.maker.graph("embed", [{ name: slotNames.activation, node: entry.node, store: "f32" }]);
  const sources = { model, layer: null, over };
  return addStep(at, graph, sources, { ...part, layer: null, what: "embedding" })(slotNames.activation);
}

/** The activations behind a block, from those in front of it. */
export function throughBlock(
  at: Emitting,
  model: Model,
  layer: number,
  x: Ref,
  { entry, over, part }: Passing,
): Ref | null {
  const graph = entry && blockPass(at, model.type, layer, entry).graph;
  if (!graph) return null;
  return addStep(at, graph, { model, layer, over, x }, { ...part, layer, what: "outputs" })(slotNames.activation);
}
