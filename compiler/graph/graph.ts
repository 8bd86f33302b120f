/** A graph is its nodes in creation order: inputs come before their users, `id` is the index, nothing recurses. */

import type { DType } from "../plan/dtype.ts";
import type { Node } from "./ops.ts";

export interface Graph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly outputs: readonly Output[];
}

export interface Output {
  readonly name: string;
  readonly node: Node;
  /** The node's value is combined into what the slot holds instead of replacing it: one batch of an observation. */
  readonly accumulate?: "sum" | "max" | "min";
  /** The dtype in which it is stored, as a cast gives it. Default: the node's. */
  readonly store?: DType;
}
