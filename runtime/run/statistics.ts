/** What a stage observes of a block's activations, accumulated on the GPU window by window. */
import type { TargetRecord } from "../../compiler/plan/plan.ts";
import { countedIn, type Slot, slotNames } from "../../compiler/plan/program.ts";
import type { Windows } from "../io/corpus.ts";
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
  readonly windows: Windows;
  /** For messages: `stage sparse, layer 3`. */
  readonly where: string;
  /** Those that read the statistics. */
  readonly targets: readonly TargetRecord[];
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
  calibration: Calibration,
  buffers: Map<string, GPUBuffer>,
  visited: (window: number) => void,
): Promise<void> {
  const { weights, layer, between, windows } = calibration;
  bindStatistics(program, buffers);
  const slots = program.slots("accumulator");
  for (const slot of slots) buffers.set(slot.slot.name, await beginStatistic(session, program, slot));
  const bufferOf = ({ name }: Slot): GPUBuffer => buffers.get(name) as GPUBuffer;
  await bindWeights(program, weights, layer);
  program.setup();
  await withTokens(session, program, (send) =>
    between.visit((x, i) => {
      send(windows.at(i));
      program.bind("data", slotNames.activation, x);
      program.run();
      visited(i);
    }),
  );
  await requireSound(session, slots, bufferOf, calibration);
}

/** What the pass has collected, and beside it how much of what it read is no number. */
async function requireSound(
  session: Session,
  slots: readonly SlotBuffer[],
  bufferOf: (slot: Slot) => GPUBuffer,
  calibration: Calibration,
): Promise<void> {
  const counts = slots.filter(({ slot }) => countedIn(slot.name) !== undefined);
  const statistics = slots.filter((slot) => !counts.includes(slot));
  const shown = statistics.map(({ slot }) => showStatistic(slot, calibration)).join("; ");
  for (const { slot, bytes } of counts) {
    const found = new Int32Array(await session.pool.read(bufferOf(slot), bytes)).reduce((sum, count) => sum + count, 0);
    const why = `${found} of ${countedIn(slot.name)} are NaN or infinite; ${tooLarge}`;
    if (found !== 0) throw new UserError(`${calibration.where}: statistics (${shown}) that mean nothing: ${why}`);
  }
  for (const slot of statistics) await requireFinite(session, slot, bufferOf(slot.slot), calibration);
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
async function requireFinite(
  { readback }: Session,
  { slot }: SlotBuffer,
  buffer: GPUBuffer,
  calibration: Calibration,
): Promise<void> {
  if (slot.dtype !== "f32") return;
  const shown = showStatistic(slot, calibration);
  for await (const { piece } of readback.pieces(buffer, 4 * elements(slot)))
    if (firstNonFinite(piece, "F32") >= 0)
      throw new UserError(
        `${calibration.where}: the statistic ${shown} became NaN or infinite: the observation divides by 0, or ${tooLarge}`,
      );
}

/** `power of q, k, v`: the observation, without the number that tells its slots apart. */
function showStatistic({ name }: Slot, { targets }: Calibration): string {
  const readers = targets.filter(({ statistics }) => statistics.some(({ statistic }) => statistic === name));
  const [observation = name] = name.split(" ");
  return readers.length === 0 ? observation : `${observation} of ${readers.map((target) => target.name).join(", ")}`;
}

const tooLarge =
  "the activations are too large for f32, as they are behind weights that are: look at those of this layer and the ones before it, or use a sound copy of the model and config.json";
