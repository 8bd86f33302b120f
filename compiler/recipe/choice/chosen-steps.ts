/**
 * The stages that make what was chosen, as steps. They go through the blocks together: each layer is calibrated on what all of them have
 * made of the blocks before.
 */
import { layersOf, type Model } from "../../model/value.ts";
import type { Ref } from "../../plan/step.ts";
import { embed, type Passing, passingOf, throughBlock } from "../passes.ts";
import { type Entering, isDense, resultOf, type StageWork } from "../stage-on-linears.ts";
import { type Emitting, modelNamed } from "../steps.ts";
import { type Chain, chainOf, emitChain, type Numbered } from "./chain.ts";

/** Adds the steps of stages that follow one another. */
export function emitChosen(at: Emitting, stages: readonly [Numbered, ...Numbered[]]): void {
  const [{ stage, number }] = stages;
  const given = modelNamed(at, stage.of);
  const passing = passingOf(at, given, stage, number);
  if (passing?.entry) inBlocks(at, chainOf(at, stages, given, passing), given, passing);
}

/** Goes through the blocks, as far as any layer is changed. */
function inBlocks(at: Emitting, chain: Chain, given: Model, passing: Passing): void {
  const layers = chain.flatMap(({ parts }) => [...parts.keys()].map((layer) => layer ?? 0));
  const sees = (from: "dense" | "compressed", layer: number): boolean =>
    chain.some((work) => isDense(work) === (from === "dense") && observesBehind(work, layer));
  let x: Ref | null = embed(at, given, passing);
  let dense = x;
  for (let layer = 0; layer <= Math.max(...layers) && layer < layersOf(given.type); layer++) {
    const entering = (work: StageWork): Entering | null => ({
      over: passing.over,
      x: isDense(work) ? dense : x,
      ...(isDense(work) && work.source.type === given.type && { model: given }),
    });
    emitChain(chain, layer, entering);
    const made = chain.at(-1);
    dense = dense && sees("dense", layer) ? throughBlock(at, given, layer, dense, passing) : null;
    x = x && made && sees("compressed", layer) ? throughBlock(at, resultOf(made), layer, x, passing) : null;
  }
}

/** Whether it observes anything behind a block. */
const observesBehind = ({ parts }: StageWork, layer: number): boolean =>
  [...parts].some(([at, { passes }]) => at !== null && at > layer && passes.length > 0);
