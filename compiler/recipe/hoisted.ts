/**
 * What a method computes of statistics alone, and with much work, such as the factor of a second moment: a step of its own makes it,
 * and the layers that read the same statistics have it in common, whatever their weights and their methods are.
 */
import { coneOf } from "../graph/cone.ts";
import type { Graph, Output } from "../graph/graph.ts";
import type { Maker } from "../graph/make.ts";
import type { Node, NodeOf } from "../graph/ops.ts";
import { replacer } from "../graph/replace.ts";
import { isRoutine } from "../graph/routine.ts";
import { slotNames } from "../graph/slots.ts";
import { count } from "../graph/type.ts";
import { isView } from "../graph/view.ts";
import type { Check } from "../plan/step.ts";
import type { Counting } from "./finite.ts";

/** A program, and what must hold of its outputs. */
export interface Checked {
  readonly graph: Graph;
  readonly checks: readonly Check[];
}

/** A method's program, and the one before it whose values it reads as states; null if there is none. */
export interface Divided extends Checked {
  readonly hoisted: Checked | null;
}

/** Divides the program with these outputs, by the slots of statistics. What is counted of statistics alone is counted where the work is. */
export function divided(
  maker: Maker,
  name: string,
  outputs: readonly Output[],
  { counts, checks }: Counting,
  statistics: ReadonlySet<string>,
): Divided {
  const hard = hardNodes([...outputs, ...counts], statistics);
  const early = counts.filter(({ node }) => hard.has(node));
  const late = [...outputs, ...counts.filter((each) => !early.includes(each))];
  const states = statesFor(maker, late, hard);
  const values = [...states.keys()].map((node, i) => ({ name: slotNames.hoisted(i), node }));
  const checksOf = (some: readonly Output[]): readonly Check[] =>
    checks.filter(({ output }) => some.some((each) => each.name === output));
  const given = replacer(maker, (node) => states.get(node) ?? null);
  const rest = late.map((output) => ({ ...output, node: given(output.node) }));
  const before = [...values, ...early];
  return {
    graph: maker.graph(name, rest),
    checks: checksOf(late),
    hoisted: before.length === 0 ? null : { graph: maker.graph("hoisted", before), checks: checksOf(early) },
  };
}

/** The nodes that are computed of statistics alone, and with much work. */
function hardNodes(outputs: readonly Output[], statistics: ReadonlySet<string>): ReadonlySet<Node> {
  /** 0: of nothing that is read, 1: of statistics, 2: of statistics with much work, NaN: of what else is read. */
  const levels = new Map<Node, number>();
  for (const node of coneOf(outputs.map((output) => output.node))) {
    const own = node.op === "input" ? (statistics.has(node.attrs.name) ? 1 : Number.NaN) : 0;
    const level = Math.max(own, ...node.inputs.map((input) => levels.get(input) ?? Number.NaN));
    levels.set(node, level === 1 && isMuch(node) ? 2 : level);
  }
  return new Set([...levels].flatMap(([node, level]) => (level === 2 ? [node] : [])));
}

/** Whether a primitive is more work than to read what it makes: a routine, or the sum of a product that is larger than its factors. */
function isMuch(node: Node): boolean {
  if (isRoutine(node)) return true;
  const x = node.op === "reduce" ? node.inputs[0] : null;
  return x?.op === "mul" && x.inputs.every(({ type }) => count(type) < count(x.type));
}

/**
 * By the hard values that others read, the states that stand for them: as few as leave no work behind. Integers are computed again, since
 * it is known of them where they are made between which bounds they lie.
 */
function statesFor(maker: Maker, outputs: readonly Output[], hard: ReadonlySet<Node>): ReadonlyMap<Node, Node> {
  const others = coneOf(outputs.map(({ node }) => node)).filter((node) => !hard.has(node));
  const read = new Set(others.flatMap(({ inputs }) => inputs.filter((input) => hard.has(input)).map(beneathNames)));
  const states = new Map<Node, Node>();
  for (const node of [...read].sort((a, b) => a.id - b.id)) {
    if (node.type.dtype !== "f32" || !isMuchBehind(node, states)) continue;
    const attrs = { name: slotNames.hoisted(states.size), type: node.type, role: "state" } as const;
    states.set(node, maker.make("input", [], attrs, node.origin));
  }
  return states;
}

/** Whether much work is left for a value, where others are given. */
function isMuchBehind(node: Node, given: ReadonlyMap<Node, Node>): boolean {
  const left = coneOf([node], given).filter((each) => !given.has(each));
  return left.some((each) => isMuch(each) && !(each.op === "reduce" && given.has(each.inputs[0])));
}

/** What lies beneath views, and gathers of all elements at places that are known: whoever reads it sees it so for nothing. */
function beneathNames(node: Node): Node {
  let base = node;
  while (isView(base) || (base.op === "gather" && isAnew(base))) base = base.inputs[0];
  return base;
}

const isAnew = ({ inputs: [x, at], type }: NodeOf<"gather">): boolean =>
  count(x.type) <= count(type) && !coneOf([at]).some(({ op }) => op === "input");
