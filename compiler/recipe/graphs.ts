/** The graphs of a checked recipe, and the steps that run them. */

import type { Graph } from "../graph/graph.ts";
import type { Windows } from "../language/value.ts";
import type { Selected } from "../model/selector.ts";
import type { Saving } from "./typed.ts";

/** A forward pass for windows of one length: one graph for what comes before the blocks, one per block. */
export interface ForwardGraphs {
  readonly embed: Graph;
  /** In order of blocks; blocks of equal shape and stored types share one graph. */
  readonly blocks: readonly Graph[];
}

export interface TargetGraph {
  readonly selected: Selected;
  /** The stored tensor, the layer's number filled in. */
  readonly tensor: string;
  readonly graph: Graph;
  /** Which of the block's statistics goes into which state slot of the graph. */
  readonly statistics: readonly { readonly slot: string; readonly statistic: string }[];
}

export interface BlockTargets {
  readonly layer: number | null;
  /** What collects the statistics, one graph per pass over the samples; none when no target needs any. */
  readonly calibrate: readonly Graph[];
  readonly targets: readonly TargetGraph[];
}

export type GraphStep = CompressGraphs | EvaluateGraphs | MeasureGraph | Saving;

export interface CompressGraphs {
  readonly kind: "compress";
  readonly stage: string;
  readonly action: string;
  readonly of: string;
  readonly windows: Windows | null;
  readonly propagate: "compressed" | "dense";
  readonly forward: ForwardGraphs | null;
  readonly blocks: readonly BlockTargets[];
}

export interface EvaluateGraphs {
  readonly kind: "evaluate";
  readonly of: string;
  readonly windows: Windows;
  readonly forward: ForwardGraphs;
  readonly head: Graph;
  readonly series: readonly string[];
}

export interface MeasureGraph {
  readonly kind: "measure";
  readonly graph: Graph;
  /** The series that the graph reads, in the order of its state slots. */
  readonly inputs: readonly string[];
  readonly values: readonly {
    readonly kind: "report" | "expect";
    readonly text: string;
    readonly of: { readonly measure: string; readonly model: string } | null;
    readonly value: number | null;
    readonly place: string;
  }[];
}
