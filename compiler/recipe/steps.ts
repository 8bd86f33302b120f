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
  /** Which of them are not made twice. */
  readonly groups: Map<string, Group>;
  /** What steps go over, by their numbers. */
  readonly windows: Windows[];
}

/** The places of steps, by their programs, and by what they read. */
type Group = Map<Graph, Map<string, number>>;

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

/** Adds a step, unless its group has the same already; gives where each of its outputs is from then on. */
export function addStep(
  at: Emitting,
  graph: Graph,
  sources: Sources,
  part: StepPart,
  checks: readonly Check[] = [],
): (output: string) => Ref {
  const { over = null } = sources;
  const reads = readsOf(at, graph, sources);
  const same = sameIn(at, graph, part);
  const key = JSON.stringify([over, reads]);
  const step =
    same.get(key) ?? at.steps.push({ program: graph, reads, over, checks, durable: [], places: {}, part }) - 1;
  same.set(key, step);
  return (output) => ({ step, output });
}

/**
 * The steps of a group with a program, by what they read. A group is what follows one another of one part; what compares goes over few
 * tokens, and is a group wherever it is.
 */
function sameIn({ steps, groups }: Emitting, graph: Graph, part: StepPart): Map<string, number> {
  const own = groupOf(part);
  const last = steps.at(-1);
  const isGoingOn = own === comparing || (last && groupOf(last.part) === own);
  const group: Group = (isGoingOn && groups.get(own)) || new Map();
  groups.set(own, group);
  const same = group.get(graph) ?? new Map<string, number>();
  group.set(graph, same);
  return same;
}

const comparing = "compare";

const groupOf = ({ purpose, stage, layer }: StepPart): string =>
  purpose === comparing ? comparing : `${stage} ${layer}`;

/** What else a task has of each item, beside the tokens of windows of that number. */
function taskWindows({ windows }: Emitting, over: number, split: TaskPart): Windows {
  const tokens = windows[over];
  invariant(tokens?.task !== undefined, `there are no windows ${over} of a task`);
  const { length, task } = tokens;
  const isOfTokens = split === "tokens" || split === "position" || split === "branch";
  return { ...tokens, split, length: isOfTokens ? length : task.choices * (split === "next" ? length : 1) };
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
