/**
 * Block by block: statistics with the block as it was, each target compressed, then the inputs of the next block. Only one block's
 * weights are on the GPU at a time, and no pass is made that nothing needs.
 */
import type { CompressStep, TargetRecord } from "../../compiler/plan/plan.ts";
import { slotNames } from "../../compiler/plan/program.ts";
import type { Windows } from "../io/corpus.ts";
import type { TensorDeclaration } from "../io/safetensors.ts";
import { UserError } from "../user-error.ts";
import type { Activations } from "./activations.ts";
import { embed, runBlock } from "./forward.ts";
import { fileDtype } from "./programs.ts";
import type { Session } from "./session.ts";
import { collectStatistics, type Statistics } from "./statistics.ts";
import { runTarget, type TargetResult } from "./target.ts";
import { type HeldWeights, holdWeights, type Model, type StageFile } from "./weights.ts";

/** What one stage did. */
export interface StageResult {
  readonly stage: string;
  readonly action: string;
  readonly targets: readonly TargetResult[];
}

const noWindows: Windows = { length: 0, at: () => new Int32Array(0) };

interface Work {
  readonly session: Session;
  readonly step: CompressStep;
  readonly source: Model;
  readonly file: StageFile;
  readonly windows: Windows;
  readonly layers: number;
  readonly results: TargetResult[];
}

/** Runs a stage; its result is known under its name afterwards. */
export async function compress(session: Session, step: CompressStep): Promise<StageResult> {
  const source = session.models.of(step.of);
  const file = await session.models.stage(step.stage, source, declarations(session, step, source));
  const calibrates = [...step.blocks, step.head].some((part) => (part?.calibrate.length ?? 0) > 0);
  const windows = calibrates && step.windows !== null ? session.windows(step.windows) : noWindows;
  const layers = step.forward?.blocks.length ?? step.blocks.length;
  const work = { session, step, source, file, windows, layers, results: [] };
  try {
    if (calibrates) await compressInOrder(work);
    else await compressAlone(work);
    await file.finish();
  } catch (error) {
    await file.abandon();
    throw error;
  }
  return { stage: step.stage, action: step.action, targets: work.results };
}

/** What a stage changes. */
export const targetsOf = ({ blocks, head }: CompressStep): readonly TargetRecord[] => [
  ...blocks.flatMap(({ targets }) => targets),
  ...(head?.targets ?? []),
];

/** Every target, and the type in which its program leaves it. */
function declarations({ plan }: Session, step: CompressStep, { tensors }: Model): readonly TensorDeclaration[] {
  const dtypes = new Map<string, TensorDeclaration["dtype"]>();
  for (const { name, buffers } of plan.programs) {
    const result = buffers.find(({ slot }) => slot?.role === "output" && slot.name === slotNames.result)?.slot;
    if (result !== undefined) dtypes.set(name, fileDtype(result));
  }
  return targetsOf(step).map(({ tensor, program }) => {
    const stored = tensors.get(tensor);
    const dtype = dtypes.get(program);
    if (stored === undefined) throw new UserError(`the plan was made for another model: this one has no ${tensor}`);
    if (dtype === undefined) throw new Error(`the plan has no program ${program} with a result`);
    return { name: tensor, dtype, shape: stored.shape };
  });
}

/** Nothing needs statistics: the targets are compressed one after the other. */
async function compressAlone(work: Work): Promise<void> {
  const { session, source, step } = work;
  const parts = [...step.blocks, ...(step.head === null ? [] : [{ ...step.head, layer: null }])];
  for (const { layer, targets } of parts) {
    const weights = holdWeights(session.pool, source);
    try {
      await compressTargets(work, weights, layer, targets, new Map());
    } finally {
      weights.release();
    }
  }
}

async function compressInOrder(work: Work): Promise<void> {
  const { session, step, source, windows } = work;
  if (step.forward === null) throw new Error(`stage ${step.stage} has statistics and no forward pass`);
  const lastLayer = step.head?.calibrate.length
    ? work.layers
    : (step.blocks.findLast(({ calibrate }) => calibrate.length > 0)?.layer ?? 0);
  session.progress({ ...moment(work, null, "embedding"), done: 0 });
  const between = await embed(session, step.forward, source, windows);
  try {
    for (const [layer, block] of step.forward.blocks.entries()) {
      const weights = holdWeights(session.pool, source);
      try {
        await compressBlock(work, weights, layer, between);
        if (layer < lastLayer) await passOn(work, block, weights, layer, between);
      } finally {
        weights.release();
      }
    }
    await compressHead(work, between);
  } finally {
    between.release();
  }
}

async function compressBlock(work: Work, weights: HeldWeights, layer: number, between: Activations): Promise<void> {
  const entry = work.step.blocks.find((block) => block.layer === layer);
  if (entry === undefined) return;
  const statistics = await gather(work, entry, weights, layer, between);
  try {
    await compressTargets(work, weights, layer, entry.targets, statistics.buffers);
  } finally {
    statistics.release();
  }
}

/** What the last block gives feeds the head's statistics. */
async function compressHead(work: Work, between: Activations): Promise<void> {
  const { session, source, step } = work;
  if (step.head === null) return;
  const weights = holdWeights(session.pool, source);
  try {
    const statistics = await gather(work, step.head, weights, null, between);
    try {
      await compressTargets(work, weights, null, step.head.targets, statistics.buffers);
    } finally {
      statistics.release();
    }
  } finally {
    weights.release();
  }
}

async function gather(
  work: Work,
  { calibrate, targets }: NonNullable<CompressStep["head"]>,
  weights: HeldWeights,
  layer: number | null,
  between: Activations,
): Promise<Statistics> {
  const { session, step, windows } = work;
  const where = layer === null ? `stage ${step.stage}` : `stage ${step.stage}, layer ${layer}`;
  return collectStatistics(session, calibrate, { weights, layer, between, windows, where, targets }, (share) =>
    session.progress(moment(work, layer, "statistics", 0.45 * share)),
  );
}

/** Where the next block must see the new weights, they take the old ones' place. */
async function compressTargets(
  work: Work,
  weights: HeldWeights,
  layer: number | null,
  targets: readonly TargetRecord[],
  statistics: ReadonlyMap<string, GPUBuffer>,
): Promise<void> {
  const { session, step, file, results } = work;
  for (const [i, target] of targets.entries()) {
    session.progress(moment(work, layer, target.name, 0.45 + (0.1 * i) / targets.length));
    const { result, buffer } = await runTarget(session, {
      stage: step.stage,
      layer,
      target,
      weights,
      statistics,
      file,
    });
    results.push(result);
    if (step.propagate === "compressed") weights.replace(target.tensor, buffer);
    else session.pool.release(buffer);
  }
}

async function passOn(
  work: Work,
  block: string,
  weights: HeldWeights,
  layer: number,
  between: Activations,
): Promise<void> {
  const { session, windows } = work;
  await runBlock(session, block, weights, layer, between, (window) =>
    session.progress(moment(work, layer, "outputs", 0.55 + (0.45 * window) / windows.length)),
  );
}

const moment = ({ layers }: Work, layer: number | null, what: string, part = 0) => ({
  layer,
  layers,
  what,
  done: ((layer ?? layers) + part) / (layers + 1),
});
