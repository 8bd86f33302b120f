/** What predictions lose block by block: where the first blocks are the result's, and all that is behind them the model's before. */
import { renameInputs } from "../../graph/replace.ts";
import { slotNames } from "../../graph/slots.ts";
import { tokensInput } from "../../language/members.ts";
import { number } from "../../language/number.ts";
import { scopeIn } from "../../language/scope.ts";
import type { Tensor } from "../../language/tensor.ts";
import { layersOf } from "../../model/value.ts";
import type { LayerPlace, Ref, ValueRecord } from "../../plan/step.ts";
import { entryOf } from "../forward-graphs.ts";
import { embed, type Passed, passedKey, throughBlock } from "../passes.ts";
import { addStep } from "../steps.ts";
import { type Comparing, found, ofMade, type Pair, pairOf, valuesOf } from "./pair.ts";

/** At so many depths, at most. */
const mostDepths = 8;

/** So many blocks are the result's, with what lies before them; where what leaves the last block is then. */
interface Depth {
  readonly blocks: number;
  x: Ref | null;
}

/** Adds the steps, for a result by its name; what passes through both models whole need not do so again. */
export function comparePredictions(on: Comparing, name: string, passed: Passed): readonly ValueRecord[] {
  const pair = pairOf(on, name);
  if (!pair) return [];
  const depths = depthsOf(on, pair).flatMap(({ blocks, x }) => (x ? [{ blocks, x }] : []));
  const [first, last] = [depths[0], depths.at(-1)];
  if (first) passed.set(passedKey(pair.passing.over, pair.reference.name), first.x);
  if (last) passed.set(passedKey(pair.passing.over, pair.made.name), last.x);
  const heads = depths.flatMap((depth) => (first ? emitHead(on, pair, first.x, depth) : []));
  if (heads.length === 0) return [];
  const of = { loss: heads.map(({ loss }) => loss), kl: heads.map(({ kl }) => kl) };
  const values = { windows: number(on.count) };
  return valuesOf(on, pair, depths.map(placeOf), { by: "per_block", along: "block", of, values });
}

/** From none of the blocks to all of them. */
function depthsOf({ at }: Comparing, { reference, made, starts, passing }: Pair): readonly Depth[] {
  const layers = layersOf(reference.type);
  const stride = Math.ceil(layers / mostDepths);
  const depths: Depth[] = [{ blocks: 0, x: embed(at, reference, passing) }];
  const { entry } = starts[1];
  let x = embed(at, made, { ...passing, entry: entry && entryOf(entry) }); // its table may hold codes
  for (let layer = 0; layer < layers && x; layer++) {
    for (const depth of depths) depth.x &&= throughBlock(at, reference, layer, depth.x, passing);
    x = throughBlock(at, made, layer, x, passing);
    const blocks = layer + 1;
    if (blocks % stride === 0 || blocks === layers) depths.push({ blocks, x });
  }
  return depths;
}

/** Where the predictions of a depth are found: behind a block, or in front of all. */
const placeOf = ({ blocks }: Depth): LayerPlace => ({ layer: blocks === 0 ? null : blocks - 1, what: "" });

/**
 * The loss and the KL of all windows together, where `depth.x` leaves the blocks instead of `x`. Behind all blocks of the result comes
 * its head, behind others that of the model before.
 */
function emitHead(
  on: Comparing,
  { reference, starts, passing, both }: Pair,
  x: Ref,
  depth: Depth & { readonly x: Ref },
): readonly { readonly loss: Ref; readonly kl: Ref }[] {
  const { at, windows, span } = on;
  const [before, other] = starts.map(({ logits }) => logits);
  if (before?.kind !== "tensor" || other?.kind !== "tensor") return [];
  const renamed = (of: Tensor, isOfMade: (name: string) => boolean): Tensor => ({
    ...of,
    node: renameInputs(at.maker, of.node, (name) => (isOfMade(name) ? ofMade(name) : name)),
  });
  const after =
    depth.blocks === layersOf(reference.type)
      ? renamed(other, (name) => name !== slotNames.tokens)
      : renamed(before, (name) => name === slotNames.activation);
  const tokens = tokensInput(at.context, scopeIn(null), windows.length, span);
  const changes = found(on, "prediction_change", { before, after, tokens });
  const outputs = [...changes].map(([name, node]) => ({ name, node, accumulate: "sum" as const }));
  const others = new Map([[ofMade(slotNames.activation), depth.x]]);
  const sources = { model: both, layer: null, over: passing.over, x, others };
  const part = { ...passing.part, layer: null, what: "head" };
  const kept = addStep(at, at.maker.graph("head", outputs), sources, part);
  return [{ loss: kept("loss"), kl: kept("kl") }];
}
