/** What the targets of a block observe: each statistic once, in as few passes over the samples as their reading each other allows. */

import type { Graph, Output } from "../graph/graph.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { replaceNodes } from "../graph/replace.ts";
import { slotNames } from "../graph/slots.ts";
import { invariant } from "../invariant.ts";
import { ids } from "../language/tensor.ts";
import type { LinearInput, Observation } from "../language/trace.ts";
import type { Check } from "../plan/step.ts";
import { type Counted, notFinite } from "./finite.ts";
import { type Compression, tokensReaching } from "./method-result.ts";

/** A statistic of a block: one sample's contribution, and in which pass over the samples it is collected, from 0. */
export interface Statistic {
  readonly contribution: Output;
  readonly pass: number;
  /** The observation, and the layers whose methods read it. */
  readonly name: string;
  readonly readers: string[];
}

/** Which statistic goes into which state slot of a target's graph. */
export interface Reading {
  readonly slot: string;
  readonly statistic: Statistic;
}

/** A pass over the samples: the statistics that it collects, and what must hold of what it collects. */
export interface Pass {
  readonly graph: Graph;
  readonly names: readonly string[];
  readonly checks: readonly Check[];
}

/**
 * Adds the statistics that a target's graph needs to those of its block; which of them goes into which of its state slots. In the
 * block a matrix that the target reads is `matrix` of its slot.
 */
export function readingsOf(
  maker: Maker,
  statistics: Statistic[],
  made: Compression,
  graph: Graph,
  { reader, matrix }: { readonly reader: string; readonly matrix: (slot: string) => Node | null },
): readonly Reading[] {
  const bySlot = new Map<string, Statistic>();
  const inSlot = (slot: string): Statistic => {
    const found = bySlot.get(slot);
    invariant(found !== undefined, `${slot} is read and no statistic`);
    return found;
  };
  const needed = neededSlots(maker, made, graph);
  for (const { node, by, slot, name: observation } of made.statistics) {
    if (!needed.has(slot)) continue;
    const earlier = statesOf(cone(maker, node)).map(inSlot);
    const own = replaceNodes(maker, node, (each) => {
      const shown = made.matrices.get(each);
      if (shown !== undefined) return matrix(shown);
      if (each.op !== "input" || each.attrs.role !== "state") return null;
      const attrs = { ...each.attrs, name: inSlot(each.attrs.name).contribution.name };
      return maker.make("input", [], attrs, node.origin);
    });
    const contribution = contributionOf(unused(observation, statistics), own, by);
    const old = statistics.find(
      ({ contribution: { node, accumulate } }) => node === own && accumulate === contribution.accumulate,
    );
    const pass = 1 + Math.max(-1, ...earlier.map((each) => each.pass));
    const statistic = old ?? { contribution, pass, name: observation, readers: [] };
    if (!old) statistics.push(statistic);
    bySlot.set(slot, statistic);
    for (const each of earlier) noteReader(each, reader);
  }
  const read = new Set(statesOf(graph));
  return made.statistics.flatMap(({ slot }) => {
    if (!read.has(slot)) return [];
    const statistic = inSlot(slot);
    noteReader(statistic, reader);
    return [{ slot, statistic }];
  });
}

function noteReader({ readers }: Statistic, reader: string): void {
  if (!readers.includes(reader)) readers.push(reader);
}

/** What is combined with those of other samples, or kept by itself: the value of a window, or of weights. */
const contributionOf = (name: string, node: Node, by: Observation["by"]): Output =>
  by === "each" || by === "once" ? { name, node } : { name, node, accumulate: by };

/** The observation's name, and a number where another statistic of the block has it. */
function unused(observation: string, statistics: readonly Statistic[]): string {
  const names = new Set(statistics.map(({ contribution }) => contribution.name));
  let name = observation;
  for (let i = 2; names.has(name); i++) name = `${observation} ${i}`;
  return name;
}

/** What a method on blocks observes of each: all of it in one pass, under the names of its slots. */
export const contributionsOf = (observations: Compression["statistics"]): readonly Statistic[] =>
  observations.map(({ node, by, slot, name }) => ({
    contribution: contributionOf(slot, node, by),
    ...{ pass: 0, name, readers: [] },
  }));

/**
 * A graph per pass; a statistic comes after those that it reads, and so do the passes. Each counts what is not finite of the
 * inputs that it reads and beneath its roots, but for what a pass before it has counted.
 */
export function passesOver(
  maker: Maker,
  statistics: readonly Statistic[],
  inputs: readonly LinearInput[],
): readonly Pass[] {
  const counted = new Set<Node>();
  return [...Map.groupBy(statistics, ({ pass }) => pass).values()].map((each) => {
    const contributions = each.map(({ contribution }) => contribution);
    const counts = notFinite(maker, contributions, inputs).filter(({ node }) => !counted.has(node));
    for (const { node } of counts) counted.add(node);
    const besides = counts.map(({ node }, i) => ({ name: slotNames.notFinite(i), node, accumulate: "sum" as const }));
    return {
      graph: maker.graph("calibrate", [...contributions, ...besides]),
      names: contributions.map(({ name }) => name),
      checks: checksOf(each, counts),
    };
  });
}

/** What the pass has collected is finite, and so is what it read, which a statistic may not show. */
function checksOf(statistics: readonly Statistic[], counts: readonly Counted[]): readonly Check[] {
  const all = statistics.map(showStatistic).join("; ");
  const real = statistics.filter(({ contribution }) => contribution.node.type.dtype === "f32");
  return [
    ...counts.map(({ of }, i) => ({
      output: slotNames.notFinite(i),
      must: "none" as const,
      otherwise: `statistics (${all}) that mean nothing: {n} of ${of} are NaN or infinite; ${tooLarge}`,
    })),
    ...statistics.filter(({ name }) => name === tokensReaching).map(reachesSome),
    ...real.map((statistic) => ({
      output: statistic.contribution.name,
      must: "finite" as const,
      otherwise: `the statistic ${showStatistic(statistic)} became NaN or infinite: the observation divides by 0, or ${tooLarge}`,
    })),
  ];
}

/** A layer that no token reaches is observed as if all did, which is said. */
const reachesSome = ({ contribution, readers }: Statistic): Check => ({
  output: contribution.name,
  must: "some",
  otherwise: `no token of these windows reaches ${readers.join(", ")}; what is observed for them is of all tokens, as if each had been sent there. More text may reach them, and \`except\` leaves them as they are`,
});

/** `power of q, k, v` */
export const showStatistic = ({ name, readers }: Statistic): string =>
  readers.length === 0 ? name : `${name} of ${readers.join(", ")}`;

const tooLarge =
  "the activations are too large for f32, as they are behind weights that are: look at those of this layer and the ones before it, or use a sound copy of the model and config.json";

/** The slots that a graph reads, directly or through a contribution, which reads only those before its own. */
function neededSlots(maker: Maker, { statistics }: Compression, graph: Graph): ReadonlySet<string> {
  const needed = new Set(statesOf(graph));
  for (const { node, slot } of statistics.toReversed())
    if (needed.has(slot)) for (const read of statesOf(cone(maker, node))) needed.add(read);
  return needed;
}

/** What a node is computed from, and it, last. */
const cone = (maker: Maker, node: Node): Graph => maker.graph("contribution", [{ name: "contribution", node }]);

const statesOf = ({ nodes }: Graph): string[] =>
  nodes.flatMap((node) => (node.op === "input" && node.attrs.role === "state" ? [node.attrs.name] : []));

/** Equal for layers that the same tokens reach with one activation. */
export const readTogether = ({ input, reached }: LinearInput): string => `${input.node.id} ${reached?.id ?? ""}`;

/** The layer's weight as its block reads it, f32[out, in]. */
export function matrixOf({ make }: Pick<Maker, "make">, { linear, weight }: LinearInput): Node {
  const rows = make("merge", [weight.node], { dims: ids(linear.to), into: "out" }, linear.span);
  return make("merge", [rows], { dims: ids(linear.from), into: "in" }, linear.span);
}
