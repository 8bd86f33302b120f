/** What the compiler makes on its way, by the names that `--emit` has for it, and those who look on. */
import type * as Ast from "../grammar/ast.ts";
import type { Group } from "./fuse/group.ts";
import type { Graph } from "./graph/graph.ts";
import { verifyGraph } from "./graph/verify.ts";
import type { Context } from "./language/context.ts";
import type { Plan } from "./plan/plan.ts";
import type { Kernel, Program } from "./plan/program.ts";

/** In the order in which they are made. */
export interface Artifacts {
  /** Of each module. */
  readonly tree: Ast.Module;
  /** Of the names of all modules, as checked without a model. */
  readonly types: Context["types"];
  /** Each graph of a recipe as it was written, simplified, with its sums taken before products, and in steps and strips that fit. */
  readonly built: Graph;
  readonly graph: Graph;
  readonly summed: Graph;
  readonly divided: Graph;
  /** What of a divided graph each kernel computes. */
  readonly groups: { readonly graph: string; readonly groups: readonly Group[] };
  /** Each program and each kernel of the plan. */
  readonly kernels: Program;
  readonly wgsl: Kernel;
  readonly plan: Plan;
}

/** An artifact with its name. */
export type Made = {
  readonly [Name in keyof Artifacts]: [name: Name, artifact: Artifacts[Name]];
}[keyof Artifacts];

/** Sees every artifact as soon as it is made. */
export type Observe = (...made: Made) => void;

/** Demands the invariants of all graphs; what does not hold them is a bug of the pass that has made it. */
export function verify(...[name, artifact]: Made): void {
  switch (name) {
    case "built":
    case "graph":
    case "summed":
    case "divided":
      verifyGraph(artifact);
  }
}
