/** One matrix: its program makes the new one from the stored one and its statistics; the result goes to the stage's file. */
import type { TargetRecord } from "../../compiler/plan/plan.ts";
import { type Slot, slotNames } from "../../compiler/plan/program.ts";
import { firstNonFinite } from "../io/numbers.ts";
import { UserError } from "../user-error.ts";
import { elements, type SlotBuffer, slotNamed } from "./programs.ts";
import type { Session } from "./session.ts";
import { bindStatistics } from "./statistics.ts";
import type { HeldWeights, StageFile } from "./weights.ts";

/** What became of one target. */
export interface TargetResult {
  /** Null outside the blocks. */
  readonly layer: number | null;
  readonly name: string;
  readonly tensor: string;
  readonly zeros: number;
  readonly count: number;
}

interface Job {
  readonly stage: string;
  readonly layer: number | null;
  readonly target: TargetRecord;
  readonly weights: HeldWeights;
  readonly statistics: ReadonlyMap<string, GPUBuffer>;
  readonly file: StageFile;
}

/** Runs a target's program; the caller gets the buffer with the new weight and gives it back to the pool. */
export async function runTarget(
  session: Session,
  job: Job,
): Promise<{ readonly result: TargetResult; readonly buffer: GPUBuffer }> {
  const { layer, target, weights, statistics } = job;
  const { pool } = session;
  return session.withProgram(target.program, async (program) => {
    const [weight] = program.slots("weight");
    if (weight === undefined) throw new Error(`program ${program.name} has no weight`);
    program.bind("weight", weight.slot.name, await weights.get(target.tensor, weight));
    const bySlot = new Map(target.statistics.map(({ slot, statistic }) => [slot, statistics.get(statistic)]));
    bindStatistics(program, bySlot);
    const result = slotNamed(program, "output", slotNames.result);
    const zeros = slotNamed(program, "output", slotNames.zeros);
    const counted = await pool.acquire(zeros.bytes, "a count");
    const buffer = await pool.acquire(result.bytes, `the new ${target.tensor}`);
    try {
      program.bind("output", slotNames.zeros, counted);
      program.bind("output", slotNames.result, buffer);
      program.setup();
      program.run();
      const [found = 0] = new Int32Array(await pool.read(counted, 4));
      await keep(session, job, result, buffer);
      const { name, tensor } = target;
      return { result: { layer, name, tensor, zeros: found, count: elements(result.slot) }, buffer };
    } catch (error) {
      pool.release(buffer);
      throw error;
    } finally {
      pool.release(counted);
    }
  });
}

/** Writes the new weight, all of it checked to be finite. */
async function keep({ readback }: Session, job: Job, { slot }: SlotBuffer, buffer: GPUBuffer): Promise<void> {
  const { stage, layer, target, file } = job;
  const { dtype, width } = stored(slot);
  const bytes = elements(slot) * width;
  for await (const { piece, at } of readback.pieces(buffer, bytes)) {
    if (firstNonFinite(piece, dtype) >= 0) {
      const where = layer === null ? target.name : `${target.name} of layer ${layer}`;
      throw new UserError(
        `stage ${stage} made a NaN or an infinity in ${where} (${target.tensor}); look at the method, and at its statistics`,
      );
    }
    await file.write(target.tensor, piece, at);
  }
}

function stored({ name, dtype }: Slot): { readonly dtype: "F32" | "F16" | "BF16"; readonly width: number } {
  if (dtype === "f32") return { dtype: "F32", width: 4 };
  if (dtype === "f16") return { dtype: "F16", width: 2 };
  if (dtype === "bf16") return { dtype: "BF16", width: 2 };
  throw new Error(`${name} is ${dtype}, which no file of weights holds`);
}
