/** The steps of a recipe while they are made, in order: each is a graph on one part of a model. */
import type { Graph } from "../graph/graph.ts";
import { slotNames } from "../graph/slots.ts";
import { invariant } from "../invariant.ts";
import type { Windows } from "../language/tensor.ts";
import { tensorName } from "../model/declared-tensor.ts";
import type { Model } from "../model/value.ts";
import type { Check, Ref, Step, StepPart } from "../plan/step.ts";
import type { Forwarding } from "./forward-graphs.ts";

export interface Emitting extends Forwarding {
  /** Given models, and those that stages have made so far. */
  readonly models: Map<string, Model>;
  readonly steps: Step<Graph>[];
  /** What steps go over, by their numbers. */
  readonly windows: Windows[];
}

export const modelNamed = ({ models }: Emitting, name: string): Model => {
  const found = models.get(name);
  invariant(found !== undefined, `no model ${name}`);
  return found;
};

/** The number of windows: equal ones share it. */
export function windowsNumber({ windows }: Emitting, wanted: Windows): number {
  const key = JSON.stringify(wanted);
  const old = windows.findIndex((each) => JSON.stringify(each) === key);
  return old >= 0 ? old : windows.push(wanted) - 1;
}

/** What a graph's inputs are taken from. */
export interface Sources {
  /** Weights, by the names that the part's block gives its tensors. */
  readonly model: Pick<Model, "at">;
  readonly layer: number | null;
  readonly over?: number | null;
  /** The activations in front of the part. */
  readonly x?: Ref | null;
  /** All others by their names. */
  readonly others?: ReadonlyMap<string, Ref>;
}

/** Adds a step; gives where each of its outputs is from then on. */
export function addStep(
  { steps }: Emitting,
  graph: Graph,
  sources: Sources,
  part: StepPart,
  checks: readonly Check[] = [],
): (output: string) => Ref {
  const { over = null } = sources;
  const reads = readsOf(graph, sources);
  const step = steps.push({ program: graph, reads, over, checks, durable: [], places: {}, part }) - 1;
  return (output) => ({ step, output });
}

function readsOf(graph: Graph, { model, layer, over, x, others }: Sources): Step["reads"] {
  const refOf = (name: string): Ref | null | undefined => {
    if (others?.has(name)) return others.get(name);
    if (name === slotNames.tokens) return over == null ? null : { windows: over };
    return name === slotNames.activation ? x : model.at.get(tensorName(name, layer));
  };
  const reads: Record<string, Ref> = {};
  for (const node of graph.nodes) {
    if (node.op !== "input") continue;
    const ref = refOf(node.attrs.name);
    invariant(ref != null, `nothing gives ${node.attrs.name} of ${graph.name}`);
    reads[node.attrs.name] = ref;
  }
  return reads;
}
