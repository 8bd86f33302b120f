/** A forward pass over all windows of a text; what the head keeps of each window becomes a series. */
import type { EvaluateStep } from "../../compiler/plan/plan.ts";
import { slotNames } from "../../compiler/plan/program.ts";
import type { Windows } from "../io/corpus.ts";
import { firstNonFinite } from "../io/numbers.ts";
import { UserError } from "../user-error.ts";
import type { Activations } from "./activations.ts";
import { embed, runBlock, withTokens, withWeights } from "./forward.ts";
import type { SlotBuffer } from "./programs.ts";
import { elements } from "./programs.ts";
import type { Session } from "./session.ts";
import { holdWeights, type Model } from "./weights.ts";

/** Series by name: the values of window 0, then those of window 1 … */
export type Series = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

/** Runs an evaluation. */
export async function evaluate(session: Session, step: EvaluateStep): Promise<Series> {
  const model = session.models.of(step.of);
  const windows = session.windows(step.windows);
  const { blocks } = step.forward;
  const moment = (layer: number | null, what: string, done: number) => ({
    layer,
    layers: blocks.length,
    what,
    done: done / (blocks.length + 1),
  });
  session.progress(moment(null, "embedding", 0));
  const between = await embed(session, step.forward, model, windows);
  try {
    for (const [layer, block] of blocks.entries()) {
      const weights = holdWeights(session.pool, model);
      try {
        await runBlock(session, block, weights, layer, between, (window) =>
          session.progress(moment(layer, "outputs", layer + window / windows.length)),
        );
      } finally {
        weights.release();
      }
    }
    return await runHead(session, step, model, windows, between, (window) =>
      session.progress(moment(null, "head", blocks.length + window / windows.length)),
    );
  } finally {
    between.release();
  }
}

async function runHead(
  session: Session,
  step: EvaluateStep,
  model: Model,
  windows: Windows,
  between: Activations,
  visited: (window: number) => void,
): Promise<Series> {
  return session.withProgram(step.head, async (program) => {
    const outputs: Kept[] = [];
    try {
      for (const slot of program.slots("output")) outputs.push(await keep(session, slot, windows.length));
      for (const { slot, buffer } of outputs) program.bind("output", slot.slot.name, buffer);
      await withWeights(session, program, model, null, () =>
        withTokens(session, program, (send) =>
          between.visit((x, i) => {
            send(windows.at(i));
            program.bind("data", slotNames.activation, x);
            program.run();
            for (const output of outputs) append(session, output, i);
            visited(i);
          }),
        ),
      );
      const series = new Map<string, Float32Array<ArrayBuffer>>();
      for (const [i, name] of step.series.entries()) {
        series.set(name, await read(session, step, windows.length, outputs, slotNames.series(i)));
      }
      return series;
    } finally {
      for (const { buffer, all } of outputs) for (const one of [buffer, all]) session.pool.release(one);
    }
  });
}

/** An output of the head, and where the values of all windows are gathered. */
interface Kept {
  readonly slot: SlotBuffer;
  readonly buffer: GPUBuffer;
  readonly all: GPUBuffer;
  readonly bytes: number;
}

async function keep({ pool }: Session, slot: SlotBuffer, windows: number): Promise<Kept> {
  const bytes = 4 * elements(slot.slot);
  const buffer = await pool.acquire(slot.bytes, "the results of a window");
  try {
    return { slot, buffer, bytes, all: await pool.acquire(bytes * windows, "the results of all windows") };
  } catch (error) {
    pool.release(buffer);
    throw error;
  }
}

function append({ device: { device, queue } }: Session, { buffer, all, bytes }: Kept, window: number): void {
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, all, window * bytes, bytes);
  queue.submit([encoder.finish()]);
}

async function read(
  { pool }: Session,
  { of, windows }: EvaluateStep,
  count: number,
  outputs: readonly Kept[],
  name: string,
): Promise<Float32Array<ArrayBuffer>> {
  const kept = outputs.find(({ slot }) => slot.slot.name === name);
  if (kept === undefined) throw new Error(`the head has no output ${name}`);
  const values = new Float32Array(await pool.read(kept.all, kept.bytes * count));
  const at = firstNonFinite(new Uint8Array(values.buffer), "F32");
  if (at >= 0) {
    const window = Math.floor((at * 4) / kept.bytes);
    throw new UserError(
      `the evaluation of ${of} on ${windows.corpus}.${windows.split} gives ${values[at]} in window ${window}; the model's weights are too large or unsound`,
    );
  }
  return values;
}
