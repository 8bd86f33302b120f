/** What a stage observes of a block's activations, accumulated on the GPU window by window. */
import { type Slot, slotNames } from "../../compiler/plan/program.ts";
import { firstNonFinite } from "../io/numbers.ts";
import { UserError } from "../user-error.ts";
import type { Activations } from "./activations.ts";
import { withTokens } from "./forward.ts";
import { elements, type LoadedProgram, type SlotBuffer } from "./programs.ts";
import type { Session } from "./session.ts";
import { bindWeights, type HeldWeights } from "./weights.ts";

/** Statistics of a block by their names: `a0`, `a1` … */
export interface Statistics {
  readonly buffers: ReadonlyMap<string, GPUBuffer>;
  readonly release: () => void;
}

/** Where calibration programs run and on what. */
interface Calibration {
  readonly weights: HeldWeights;
  readonly layer: number | null;
  readonly between: Activations;
  readonly windows: readonly Int32Array[];
  /** For messages: `stage sparse, layer 3`. */
  readonly where: string;
}

/** Runs calibration programs one after the other, each over all windows in order; what they collect is finite. */
export async function collectStatistics(
  session: Session,
  programs: readonly string[],
  calibration: Calibration,
  done: (share: number) => void,
): Promise<Statistics> {
  const buffers = new Map<string, GPUBuffer>();
  const release = (): void => {
    for (const buffer of buffers.values()) session.pool.release(buffer);
  };
  const { length: count } = calibration.windows;
  try {
    for (const [pass, name] of programs.entries())
      await session.withProgram(name, (program) =>
        collect(session, program, calibration, buffers, (window) => done((pass + window / count) / programs.length)),
      );
  } catch (error) {
    release();
    throw error;
  }
  return { buffers, release };
}

/** One pass: adds its statistics to those that the passes before have collected, and that it may read. */
async function collect(
  session: Session,
  program: LoadedProgram,
  { weights, layer, between, windows, where }: Calibration,
  buffers: Map<string, GPUBuffer>,
  visited: (window: number) => void,
): Promise<void> {
  bindStatistics(program, buffers);
  const slots = program.slots("accumulator");
  for (const slot of slots) buffers.set(slot.slot.name, await beginStatistic(session, program, slot));
  await bindWeights(program, weights, layer);
  program.setup();
  await withTokens(session, program, (send) =>
    between.visit((x, i) => {
      send(windows[i] as Int32Array);
      program.bind("data", slotNames.activation, x);
      program.run();
      visited(i);
    }),
  );
  for (const slot of slots) await requireFiniteStatistic(session, slot, buffers.get(slot.slot.name), where);
}

/** Binds the statistics that a program reads, by its names for them. */
export function bindStatistics(program: LoadedProgram, statistics: ReadonlyMap<string, GPUBuffer | undefined>): void {
  for (const { slot } of program.slots("state")) {
    const buffer = statistics.get(slot.name);
    if (buffer === undefined) throw new Error(`no statistic was collected for ${slot.name} of ${program.name}`);
    program.bind("state", slot.name, buffer);
  }
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

/** All of it is looked at, once per block: what a mask makes of a NaN shows nothing. */
async function requireFiniteStatistic(
  { readback }: Session,
  { slot }: SlotBuffer,
  buffer: GPUBuffer | undefined,
  where: string,
): Promise<void> {
  if (buffer === undefined || slot.dtype !== "f32") return;
  for await (const { piece } of readback.pieces(buffer, 4 * elements(slot))) {
    if (firstNonFinite(piece, "F32") < 0) continue;
    throw new UserError(
      `${where}: a statistic became NaN or infinite, as an observation divides by 0 or the activations are too large; check the method, the model's weights and config.json`,
    );
  }
}
