/** Numbers of the layers of a stage that are collected of all of them, as steps: level by level, before any layer is changed. */
import { isOfLayers, slotNames } from "../graph/slots.ts";
import { report } from "../language/context.ts";
import type { Linear } from "../language/trace.ts";
import type { Ref } from "../plan/step.ts";
import { readBeside } from "./new-layers.ts";
import type { Changing, Collecting, NewLayer, PartWork } from "./part-work.ts";
import { addStep, type Emitting } from "./steps.ts";
import type { TypedStage } from "./typed.ts";

/** By the numbers of blocks; null outside of them. */
type Parts = ReadonlyMap<number | null, PartWork>;

/** How many blocks a stage works on, and on how many layers of the first; outside of them one on one. */
export function layersIn({ selected }: Pick<TypedStage, "selected">): readonly [blocks: number, linears: number] {
  const inBlocks = Map.groupBy(
    selected.filter(({ layer }) => layer !== null),
    ({ layer }) => layer,
  );
  const [first] = inBlocks.values();
  return [Math.max(1, inBlocks.size), first?.length ?? 1];
}

/** Where a method looks at all layers, says which of them are not in blocks, or in one with others than the first; then it is false. */
export function areAlike({ context }: Emitting, { span, selected }: TypedStage, parts: Parts): boolean {
  const works = [...parts.values()].flatMap(({ before }) => before.layers);
  if (!works.some((each) => each.collects.length > 0 || readsPlace(each))) return true;
  const named = [...Map.groupBy(selected, ({ layer }) => layer)].map(([layer, own]) => ({
    layer,
    names: own.map(({ linear }) => linear.name).join(", "),
  }));
  const other = named.find(({ layer, names }) => layer === null || names !== named[0]?.names);
  if (!other) return true;
  const what = "a method that looks at all layers, of which blocks have not the same,";
  const hint =
    other.layer === null
      ? `leave out what lies outside of the blocks with \`except ${other.names}\``
      : `in block ${other.layer} the stage works on ${other.names}, in block ${named[0]?.layer} on ${named[0]?.names}`;
  report(context, { kind: "not-supported", span, what, hint });
  return false;
}

type Work = Omit<Changing, "layer" | "collected"> & { readonly parts: Parts };

/** What a program of a block reads of all layers. */
type Seen = Changing["collected"];

/** Adds the steps; gives what they have collected, with the place of a block among those of the stage. */
export function emitCollections(work: Work, statistics: Seen): Seen {
  const layers = [...work.parts.values()].flatMap(({ before }) => before.layers);
  const place = layers.some(readsPlace) ? placesOf(work) : () => [];
  const collected = new Map<string, Ref>();
  const seen: Seen = (layer) => new Map([...collected, ...place(layer)]);
  const levels = Math.max(0, ...layers.map(({ collects }) => collects.length));
  for (let level = 0; level < levels; level++) {
    const made = [...work.parts].flatMap(([layer, { before }]) =>
      before.layers.flatMap(({ linear, collects }) => {
        const own = collects[level];
        return own ? emitNumbers(work, layer, linear, own, new Map([...statistics(layer), ...seen(layer)])) : [];
      }),
    );
    for (const [slot, own] of Map.groupBy(made, ([name]) => name))
      collected.set(slot, { stack: own.map(([, ref]) => ref) });
  }
  return seen;
}

/** The numbers of one layer, by their slots. */
function emitNumbers(
  work: Work,
  layer: number | null,
  linear: Linear,
  { graph, reads, checks }: Collecting,
  known: ReadonlyMap<string, Ref>,
): readonly (readonly [slot: string, Ref])[] {
  const { at, stage, number, source } = work;
  const others = new Map([...known, ...readBeside({ linear, reads }, { ...work, layer }, known)]);
  const part = { stage: number, of: stage.name, layer, what: `numbers of ${linear.name}` };
  const made = addStep(at, graph, { model: source, layer, others }, part, checks);
  return graph.outputs.flatMap(({ name }) => (isOfLayers(name) ? [[name, made(name)] as const] : []));
}

/** Whether programs of a layer read the place of its block. */
const readsPlace = ({ graph, collects }: NewLayer): boolean =>
  [graph, ...collects.map((each) => each.graph)].some(({ nodes }) =>
    nodes.some((node) => node.op === "input" && node.attrs.name === slotNames.place),
  );

/** 0, 1, 2 … of the blocks that the stage works on. */
function placesOf({ at, stage, number, parts }: Work): (layer: number | null) => readonly (readonly [string, Ref])[] {
  const blocks = [...parts.keys()];
  const node = at.maker.make("index", [], { dim: { name: "layer", size: blocks.length } }, stage.span);
  const graph = at.maker.graph("places", [{ name: slotNames.result, node }]);
  const part = { stage: number, of: stage.name, layer: null, what: "places of blocks" };
  const of = addStep(at, graph, { model: { at: new Map() }, layer: null }, part)(slotNames.result);
  return (layer) => [[slotNames.place, { element: blocks.indexOf(layer), of }]];
}
