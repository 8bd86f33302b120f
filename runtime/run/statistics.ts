/** What a stage observes of a block's activations, accumulated on the GPU window by window. */
import type { Slot } from "../../compiler/plan/program.ts";
import { firstNonFinite } from "../io/numbers.ts";
import { UserError } from "../user-error.ts";
import type { Activations } from "./activations.ts";
import { withTokens } from "./forward.ts";
import { elements, type LoadedProgram, type SlotBuffer } from "./programs.ts";
import type { Session } from "./session.ts";
import { bindWeights, type HeldWeights } from "./weights.ts";

/** Statistics by the names of the calibration program: `a0`, `a1` … */
export interface Statistics {
  readonly buffers: ReadonlyMap<string, GPUBuffer>;
  readonly release: () => void;
}

/** Where a calibration program runs and on what. */
interface Calibration {
  readonly weights: HeldWeights;
  readonly layer: number | null;
  readonly between: Activations;
  readonly windows: readonly Int32Array[];
  /** For messages: `stage sparse, layer 3`. */
  readonly where: string;
}

/** Runs a calibration program over all windows, in order; what it collects is finite. */
export async function collectStatistics(
  session: Session,
  name: string,
  calibration: Calibration,
  visited: (window: number) => void,
): Promise<Statistics> {
  const { weights, layer, between, windows, where } = calibration;
  const buffers = new Map<string, GPUBuffer>();
  const release = (): void => {
    for (const buffer of buffers.values()) session.pool.release(buffer);
  };
  try {
    await session.withProgram(name, async (program) => {
      const slots = program.slots("accumulator");
      for (const slot of slots) buffers.set(slot.slot.name, await beginStatistic(session, program, slot));
      await bindWeights(program, weights, layer);
      program.setup();
      await withTokens(session, program, (send) =>
        between.visit((x, i) => {
          send(windows[i] as Int32Array);
          program.bind("data", "x", x);
          program.run();
          visited(i);
        }),
      );
      for (const slot of slots) await requireFiniteStatistic(session, slot, buffers.get(slot.slot.name), where);
    });
  } catch (error) {
    release();
    throw error;
  }
  return { buffers, release };
}

const infinities: Readonly<Record<NonNullable<Slot["accumulate"]>, number>> = { sum: 0, max: -Infinity, min: Infinity };
const extremes: typeof infinities = { sum: 0, max: -(2 ** 31), min: 2 ** 31 - 1 };

/** A buffer with the neutral element of its sum, maximum or minimum, bound to its slot. */
async function beginStatistic(
  { pool }: Session,
  program: LoadedProgram,
  { slot, bytes }: SlotBuffer,
): Promise<GPUBuffer> {
  const buffer = await pool.acquire(bytes, `the statistic ${slot.name} of ${program.name}`);
  const by = slot.accumulate ?? "sum";
  if (by === "sum") pool.clear(buffer);
  else if (slot.dtype === "f32") pool.upload(buffer, new Float32Array(bytes / 4).fill(infinities[by]));
  else pool.upload(buffer, new Int32Array(bytes / 4).fill(extremes[by]));
  program.bind("accumulator", slot.name, buffer);
  return buffer;
}

/** Larger statistics are not read back: a NaN in them shows in what is made of them. */
const largestCheck = 64 * 2 ** 20;

async function requireFiniteStatistic(
  { readback }: Session,
  { slot }: SlotBuffer,
  buffer: GPUBuffer | undefined,
  where: string,
): Promise<void> {
  const bytes = 4 * elements(slot);
  if (buffer === undefined || slot.dtype !== "f32" || bytes > largestCheck) return;
  for await (const { piece } of readback.pieces(buffer, bytes)) {
    if (firstNonFinite(piece, "F32") < 0) continue;
    throw new UserError(
      `${where}: a statistic became NaN or infinite, as the activations are that or too large; check the model's weights and config.json`,
    );
  }
}
