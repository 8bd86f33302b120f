/** From a group to a kernel: what every shape needs. */
import type { Group, Target } from "../fuse/group.ts";
import type { Index, Variable } from "../index/affine.ts";
import { invariant } from "../invariant.ts";
import type { Storages } from "../memory/assign-storages.ts";
import { elementAddress, type Storage } from "../memory/storage.ts";
import type { DeviceFacts } from "../plan/device-facts.ts";
import type { Dispatch, Kernel } from "../plan/program.ts";
import type { Family } from "../schedule/family.ts";
import type { Schedules } from "../schedule/schedules.ts";
import type { Body } from "./body.ts";
import { type Evaluate, evaluator, type Stored, valueType } from "./evaluate.ts";
import type { Binding, Header } from "./header.ts";
import { untight } from "./parentheses.ts";
import { writeSequentially } from "./reduce.ts";
import { type Scalar, type Scalars, scalars } from "./scalar.ts";
import { expressionsOf } from "./uses.ts";
import { type Environment, writer } from "./writer.ts";

export interface Lowering extends Storages {
  readonly facts: DeviceFacts;
  readonly family: Family;
  readonly schedules: Schedules;
}

export interface Lowered {
  readonly wgsl: string;
  readonly bindings: readonly Binding[];
  readonly workgroups: Dispatch["workgroups"];
  readonly features: Kernel["features"];
  /** Arithmetic operations, each product and sum one. */
  readonly operations: number;
  /** Bytes that it must at least move; left out, all that it binds. */
  readonly bytesMoved?: number;
  /** What it is called, if not as its group is: of the body of a sweep. */
  readonly shape?: string;
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

/** Operations of all evaluations, where each expression is evaluated once for each value of its variables, but for those with these keys. */
export function operationsOf(roots: readonly Scalar[], without: ReadonlySet<string> = new Set()): number {
  const times = (x: Scalar): number =>
    [...x.free].reduce((product, key) => product * (without.has(key) ? 1 : sizeOfVariable(key)), 1);
  let total = 0;
  for (const x of expressionsOf(roots)) {
    if (x.kind === "apply" || x.kind === "cast") total += times(x);
    if (x.kind === "reduce") total += times(x) * x.over.size;
  }
  return total;
}

/** From a variable's key, `name.size.turn`. */
const sizeOfVariable = (key: string): number => Number(key.split(".").at(-2));

/** `fn name(parameters) -> f32`: the value at the parameters, which are variables. */
export function loadFunction(
  name: string,
  parameters: readonly Variable[],
  value: Scalar,
  around: Environment,
): string {
  const bound = new Map(parameters.map((variable) => [variable, variable.name]));
  const out = writer([value], bound, { around, writeReduces: writeSequentially });
  const text = out.value(value);
  out.line(`return ${untight(text)};`);
  const declared = parameters.map((variable) => `${variable.name}: u32`);
  return `fn ${name}(${declared.join(", ")}) -> f32 {\n${out.text()}\n}`;
}

/** `fn name(parameters, value: f32)`: stores the value at an address, of parameters, which are variables. */
export function storeFunction(
  name: string,
  parameters: readonly Variable[],
  { storage, address }: { readonly storage: Storage; readonly address: Index },
  around: Header,
): string {
  const bound = new Map(parameters.map((variable) => [variable, variable.name]));
  const out = writer([], bound, { around, writeReduces: writeSequentially });
  out.line(around.write(storage, out.index(address), ["value"], 1));
  const declared = parameters.map((variable) => `${variable.name}: u32`);
  return `fn ${name}(${declared.join(", ")}, value: f32) {\n${out.text()}\n}`;
}

/** A kernel whose body is written by hand and calls these functions. */
export function withBody(body: Body, functions: readonly string[], around: Header, operations: number): Lowered {
  const { workgroups, features } = body;
  const wgsl = `${around.print(features)}\n\n${functions.join("\n\n")}\n\n${body.wgsl}`;
  return { wgsl, bindings: around.bindings(), workgroups, features, operations };
}

/** The first target, whose memory gives the order in which a kernel walks. */
export function firstTarget({ targets }: Group): Target {
  const [first] = targets;
  invariant(first !== undefined, "a group without a target");
  return first;
}
