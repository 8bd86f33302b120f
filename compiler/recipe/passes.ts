/** The forward pass of a model as steps: tokens to the first block, block by block, and what comes after the last. */
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import type { Tensor } from "../language/tensor.ts";
import type { Model } from "../model/value.ts";
import type { Ref, StepPart } from "../plan/step.ts";
import { blockPass, entryOf, startOf } from "./forward-graphs.ts";
import { inRows } from "./rows.ts";
import { addStep, type Emitting, windowsNumber } from "./steps.ts";
import type { TypedStage } from "./typed.ts";

/** Windows on their way through a model. */
export interface Passing {
  /** What enters the first block, one window at a time; null if the forward pass goes through none. */
  readonly entry: Tensor | null;
  readonly over: number;
  readonly part: Omit<StepPart, "layer" | "what">;
}

/** The windows of a stage, by its number, on their way through a model; null if it has none. */
export function passingOf(
  at: Emitting,
  { type }: Model,
  { name, windows, span }: TypedStage,
  number: number,
): Passing | null {
  if (!windows) return null;
  const { entry } = startOf(at, type, windows.length, span);
  return { entry: entry && entryOf(entry), over: windowsNumber(at, windows), part: { stage: number, of: name } };
}

/** What is behind the last block of models, over windows; null where there is nothing, or what computes it is wrong. */
export type Passed = Map<string, Ref | null>;

/** By which name a model's is found, over windows of that number. */
export const passedKey = (over: number, model: string): string => `${over} ${model}`;

/** The activations behind so many blocks; null where there are none, or what computes them is wrong. */
export function behindBlocks(at: Emitting, model: Model, count: number, passing: Passing): Ref | null {
  let x = embed(at, model, passing);
  for (let layer = 0; layer < count && x; layer++) x = throughBlock(at, model, layer, x, passing);
  return x;
}

/** The activations in front of the first block. */
export function embed(at: Emitting, model: Model, { entry, over, part }: Passing): Ref | null {
  const node = entry && inRowsOf(at, over, entry.node);
  if (!node) return null;
  const graph = at.maker.graph("embed", [{ name: slotNames.activation, node, store: "f32" }]);
  const sources = { model, layer: null, over };
  return addStep(at, graph, sources, { ...part, layer: null, what: "embedding" })(slotNames.activation);
}

/** The activations behind a block, from those in front of it: of one window after the other, or of all at once. */
export function throughBlock(
  at: Emitting,
  model: Model,
  layer: number,
  x: Ref,
  { entry, over, part }: Pick<Passing, "entry" | "part"> & { readonly over: number | null },
): Ref | null {
  const pass = entry && blockPass(at, model.type, layer, entry);
  const node = pass?.result && inRowsOf(at, over, pass.result);
  if (!node) return null;
  const graph = at.maker.graph("block", [{ name: slotNames.activation, node }]);
  return addStep(at, graph, { model, layer, over, x }, { ...part, layer, what: "outputs" })(slotNames.activation);
}

function inRowsOf({ context, windows }: Emitting, over: number | null, node: Node): Node | null {
  const found = over === null ? undefined : windows[over];
  return found ? inRows(context, found, node) : node;
}
