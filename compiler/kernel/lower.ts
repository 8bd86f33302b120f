/** From a group to a kernel: what every shape needs, and the choice of the shape. */

import type { Group, Target } from "../fuse/group.ts";
import type { Node } from "../graph/ops.ts";
import { invariant } from "../invariant.ts";
import type { DeviceFacts } from "../plan/device-facts.ts";
import type { Kernel } from "../plan/program.ts";
import type { Schedules } from "../schedule/schedules.ts";
import { elementAddress, type Storage } from "../schedule/storage.ts";
import { type Evaluate, evaluator, type Stored, valueType } from "./evaluate.ts";
import type { Binding } from "./header.ts";
import { type Scalar, type Scalars, scalars } from "./scalar.ts";
import { expressionsOf } from "./uses.ts";

export interface Lowering {
  readonly facts: DeviceFacts;
  readonly family: "software" | "gpu";
  readonly schedules: Schedules;
  /** By id. */
  readonly storages: readonly Storage[];
  /** Where a node's value can be read. */
  readonly find: (node: Node) => Storage | undefined;
  readonly storageOf: (target: Target) => Storage;
}

export interface Lowered {
  readonly wgsl: string;
  readonly bindings: readonly Binding[];
  readonly workgroups: readonly [x: number, y: number, z: number];
  readonly features: Kernel["features"];
  /** Arithmetic operations, each product and sum one. */
  readonly operations: number;
}

/** Expressions of a group's nodes: those that are not its own to compute are loads. */
export function expressions(
  group: Group,
  { find }: Lowering,
  named: Stored = () => undefined,
): { readonly make: Scalars; readonly evaluate: Evaluate } {
  const make = scalars();
  const own = new Set(group.isCopy ? [] : group.targets.map(({ node }) => node).filter(({ op }) => op !== "input"));
  const evaluate = evaluator(make, (node, at) => {
    const value = named(node, at);
    if (value !== undefined || own.has(node)) return value;
    const storage = find(node);
    return storage === undefined ? undefined : make.load(storage.id, elementAddress(storage, at), valueType(node));
  });
  return { make, evaluate };
}

/** Operations of all evaluations, where each expression is evaluated once for each value of its variables. */
export function operationsOf(roots: readonly Scalar[]): number {
  const times = (x: Scalar): number => [...x.free].reduce((product, key) => product * sizeOfVariable(key), 1);
  let total = 0;
  for (const x of expressionsOf(roots)) {
    if (x.kind === "apply" || x.kind === "cast") total += times(x);
    if (x.kind === "reduce") total += times(x) * x.over.size;
  }
  return total;
}

/** From a variable's key, `name.size.turn`. */
const sizeOfVariable = (key: string): number => Number(key.split(".").at(-2));

/** The first target, whose memory gives the order in which a kernel walks. */
export function firstTarget({ targets }: Group): Target {
  const [first] = targets;
  invariant(first !== undefined, "a group without a target");
  return first;
}
