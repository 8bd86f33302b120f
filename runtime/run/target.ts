/** One matrix: its program makes the new one from the stored one and its statistics; the result goes to the stage's file. */
import type { TargetRecord } from "../../compiler/plan/plan.ts";
import { slotNames } from "../../compiler/plan/program.ts";
import { firstNonFinite } from "../io/numbers.ts";
import { UserError } from "../user-error.ts";
import { elements, fileDtype, type SlotBuffer, slotNamed } from "./programs.ts";
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
  const dtype = fileDtype(slot);
  const bytes = elements(slot) * (dtype === "F32" ? 4 : 2);
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
