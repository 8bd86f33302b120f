/**
 * What fusion yields: groups of nodes, each of which becomes one kernel. A group computes its targets; every other node that it
 * needs is either read from memory (another group's target) or inlined.
 */
import type { Output } from "../graph/graph.ts";
import type { Node, NodeOf } from "../graph/ops.ts";
import type { Routine } from "../graph/routine.ts";
import type { Dim } from "../graph/type.ts";
import type { View } from "../graph/view.ts";
import type { StepGraph } from "./sweep-bodies.ts";

/** When it is computed: once per binding of the weights, or once per sample. */
export type When = "setup" | "main";

/** The rules that give memory to a value, in words for people. */
export const rules = {
  output: "an output shows it",
  sum: "it ends a contraction",
  routine: "a routine computes or rereads it",
  bindings: "its readers would bind too many buffers",
  depth: "its expression would be too deep",
  panels: "a contraction reads it in panels",
  reduction: "its reductions would be left to few invocations",
  setup: "it is computed once, before the samples",
  factor: "a contraction would reduce it again for each tile",
  cost: "computing it again costs more than reading it back",
} as const;
export type Rule = keyof typeof rules;

/** A value that gets memory. */
export interface Target {
  readonly node: Node;
  /** Why. */
  readonly rule: Rule;
  /** Views between the node and what memory holds: an output that is a view of its node. */
  readonly through: readonly View[];
  readonly output?: Output;
}

interface Common {
  readonly targets: readonly Target[];
  readonly when: When;
  /** The nodes of `targets` are read from where they are, and only stored anew. */
  readonly isCopy: boolean;
}

export interface MapGroup extends Common {
  readonly shape: "map";
}

/** Targets have the dimensions `outer`, and others along which one kernel reduces and maps. */
export interface RowGroup extends Common {
  readonly shape: "row";
  readonly outer: readonly Dim[];
}

/** Targets are functions, element by element, of the sums. */
export interface ContractionGroup extends Common {
  readonly shape: "contraction";
  readonly roles: Roles;
  readonly a: Node;
  readonly sums: readonly Sum[];
}

/** Its kernels work in the memory of its value, and may read it. A sweep has a target for each of its parts too. */
export interface RoutineGroup extends Common {
  readonly shape: "routine";
  readonly node: Routine;
  /** Of a sweep: what kernels of their own evaluate of its bodies. */
  readonly bodies: readonly BodyGroups[];
}

export interface SweepGroup extends RoutineGroup {
  readonly node: NodeOf<"feedback">;
}

export const isSweep = (group: Group): group is SweepGroup => group.shape === "routine" && group.node.op === "feedback";

/** The body of a level as groups, in the order in which they run. */
export interface BodyGroups extends StepGraph {
  readonly groups: readonly Group[];
}

export type Group = MapGroup | RowGroup | ContractionGroup | RoutineGroup;

/** What the group is called: `map`, `row`, `contraction`, or by its routine. */
export const nameOf = (group: Group): string => (group.shape === "routine" ? group.node.op : group.shape);

/** A reduction that a contraction group computes, and its second factor. */
export interface Sum {
  readonly node: Node;
  readonly b: Node;
  /** Memory of the second factor that only contractions read, if it has any. */
  readonly packed?: Target;
}

/** The dimensions of a contraction by what they do; `k` is the order of the sum. */
export interface Roles {
  readonly batch: readonly Dim[];
  readonly m: readonly Dim[];
  readonly n: readonly Dim[];
  readonly k: readonly Dim[];
}
