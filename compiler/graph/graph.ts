/** A graph is its nodes in creation order: inputs come before their users, `id` is the index, nothing recurses. */
import type { Node } from "./ops.ts";
import type { Float } from "./type.ts";

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
  /** The dtype in which it is stored (f16 and bf16 are packed two to a word, rounded half to even). Default: the node's. */
  readonly store?: Float;
}
