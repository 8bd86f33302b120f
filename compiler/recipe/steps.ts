/** The steps of a recipe while they are made, in order: each is a graph on one part of a model. */
import type { Graph } from "../graph/graph.ts";
import { slotNames, taskPartIn } from "../graph/slots.ts";
import { invariant } from "../invariant.ts";
import type { Windows } from "../language/tensor.ts";
import { tensorName } from "../model/declared-tensor.ts";
import type { Model } from "../model/value.ts";
import type { TaskPart } from "../plan/plan.ts";
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

/** Adds a step, unless its part has the same already; gives where each of its outputs is from then on. */
export function addStep(
  at: Emitting,
  graph: Graph,
  sources: Sources,
  part: StepPart,
  checks: readonly Check[] = [],
): (output: string) => Ref {
  const { over = null } = sources;
  const reads = readsOf(at, graph, sources);
  const made = { program: graph, reads, over, checks, durable: [], places: {}, part };
  const old = sameIn(at.steps, made);
  const step = old < 0 ? at.steps.push(made) - 1 : old;
  return (output) => ({ step, output });
}

/**
 * The place of the step that makes the same; -1 if there is none. It is of the same part, as far as that goes without another between;
 * what compares goes over few tokens, and shares what it has in common wherever that is.
 */
function sameIn(steps: readonly Step<Graph>[], { program, over, reads, part }: Step<Graph>): number {
  const isShared = part.purpose === "compare";
  const text = JSON.stringify(reads);
  for (let at = steps.length - 1; at >= 0; at--) {
    const each = steps[at] as Step<Graph>;
    const isNear = each.part.stage === part.stage && each.part.layer === part.layer;
    if (!isShared && !isNear) return -1;
    const isToShare = !isShared || each.part.purpose === part.purpose;
    if (isToShare && each.program === program && each.over === over && JSON.stringify(each.reads) === text) return at;
  }
  return -1;
}

/** What else a task has of each choice, beside the tokens of windows of that number. */
function taskWindows({ windows }: Emitting, over: number, split: TaskPart): Windows {
  const tokens = windows[over];
  invariant(tokens !== undefined, `there are no windows ${over}`);
  return { ...tokens, split, length: split === "next" ? tokens.length : 1 };
}

function readsOf(at: Emitting, graph: Graph, { model, layer, over, x, others }: Sources): Step["reads"] {
  const refOf = (name: string): Ref | null | undefined => {
    if (others?.has(name)) return others.get(name);
    if (name === slotNames.tokens) return over == null ? null : { windows: over };
    const part = taskPartIn(name);
    if (part) return over == null ? null : { windows: windowsNumber(at, taskWindows(at, over, part)) };
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
