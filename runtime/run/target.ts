/** One matrix: its program makes the new one from the stored one and its statistics; the result goes to the stage's file. */
import type { TargetRecord } from "../../compiler/plan/plan.ts";
import { slotNames } from "../../compiler/plan/program.ts";
import { firstNonFinite } from "../io/numbers.ts";
import { UserError } from "../user-error.ts";
import { elements, fileDtype, type LoadedProgram, type SlotBuffer, slotNamed } from "./programs.ts";
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
    const counts = await bindCounts(session, program);
    try {
      const buffer = await pool.acquire(result.bytes, `the new ${target.tensor}`);
      try {
        program.bind("output", slotNames.result, buffer);
        program.setup();
        program.run();
        const { [slotNames.zeros]: zeros = 0, ...unranked } = await counts.read();
        requireRanked(job, unranked);
        await keep(session, job, result, buffer);
        const { name, tensor } = target;
        return { result: { layer, name, tensor, zeros, count: elements(result.slot) }, buffer };
      } catch (error) {
        pool.release(buffer);
        throw error;
      }
    } finally {
      counts.release();
    }
  });
}

interface Counts {
  /** By their slots. */
  readonly read: () => Promise<Readonly<Record<string, number>>>;
  readonly release: () => void;
}

/** All outputs but the new weight are numbers of elements. */
async function bindCounts({ pool }: Session, program: LoadedProgram): Promise<Counts> {
  const held = new Map<string, GPUBuffer>();
  const release = (): void => {
    for (const buffer of held.values()) pool.release(buffer);
  };
  try {
    for (const { slot, bytes } of program.slots("output")) {
      if (slot.name === slotNames.result) continue;
      held.set(slot.name, await pool.acquire(bytes, "a count"));
    }
  } catch (error) {
    release();
    throw error;
  }
  for (const [name, buffer] of held) program.bind("output", name, buffer);
  const read = async (): Promise<Record<string, number>> => {
    const found: Record<string, number> = {};
    for (const [name, buffer] of held) found[name] = new Int32Array(await pool.read(buffer, 4))[0] ?? 0;
    return found;
  };
  return { read, release };
}

/** A mask of scores that are NaN would keep what happens to stand last. */
function requireRanked(job: Job, counts: Readonly<Record<string, number>>): void {
  const unranked = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (unranked === 0) return;
  throw new UserError(
    `stage ${job.stage}: ${unranked} scores of ${placeOf(job)} are NaN, which cannot be ranked; look at the method: it divides 0 by 0, takes the root of a negative number, or subtracts what is infinite`,
  );
}

const placeOf = ({ layer, target }: Job): string =>
  `${layer === null ? target.name : `${target.name} of layer ${layer}`} (${target.tensor})`;

/** Writes the new weight, all of it checked to be finite. */
async function keep({ readback }: Session, job: Job, { slot }: SlotBuffer, buffer: GPUBuffer): Promise<void> {
  const { stage, target, file } = job;
  const dtype = fileDtype(slot);
  const bytes = elements(slot) * (dtype === "F32" ? 4 : 2);
  for await (const { piece, at } of readback.pieces(buffer, bytes)) {
    if (firstNonFinite(piece, dtype) >= 0) {
      throw new UserError(
        `stage ${stage} made a NaN or an infinity in ${placeOf(job)}; look at the method, and at its statistics`,
      );
    }
    await file.write(target.tensor, piece, at);
  }
}
