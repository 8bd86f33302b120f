/**
 * How a contraction runs, from its sizes and what the adapter can do. All numbers that were chosen stand in this file; how they
 * were found stands beside them (lavapipe of Mesa 26.1 and SwiftShader; GPUs by the reports of others).
 */
import type { DeviceFacts } from "../plan/device-facts.ts";
import type { Contraction, ContractionSchedule } from "./contraction.ts";
import { type Family, fixedSubgroup } from "./family.ts";
import { type Matrix, matrixMemory, type Tiled, tiledMemory } from "./tiles.ts";

/** A contraction before it is known how its second factors lie in memory. */
type Unplaced = Omit<Contraction, "panels">;

/** The schedule to use. */
export function scheduleContraction(c: Contraction, facts: DeviceFacts, family: Family): ContractionSchedule {
  return family === "software" ? softwareSchedule(c, facts) : gpuSchedule(c, facts);
}

/** The width of panels in which a second factor that is known beforehand is best laid out, if in panels at all. */
export function panelWidth(c: Unplaced, facts: DeviceFacts, family: Family): number | undefined {
  if (family === "gpu") return undefined;
  const schedule = softwareSchedule(c, facts);
  return schedule.kind === "broadcast" ? schedule.subgroup * schedule.columns : undefined;
}

/** Every schedule that the device can run, for tests that draw from them. */
export function schedulesFor(c: Contraction, facts: DeviceFacts, family: Family): readonly ContractionSchedule[] {
  const plain = [1, 16, 64].map((workgroup) => ({ kind: "plain", workgroup }) as const);
  if (family === "gpu") return [...plain, ...tiledSchedules(c, facts), ...matrixSchedules(c, facts)];
  const subgroup = fixedSubgroup(facts);
  if (subgroup === undefined) return plain;
  const tiles = [1, 3, 8, 16].flatMap((rows) => [1, 2, 3, 4].map((columns) => ({ rows, columns })));
  return [...plain, ...tiles.map((tile) => ({ kind: "broadcast", subgroup, ...tile }) as const)];
}

const operationsOf = ({ batch, m, n, k, accumulators }: Unplaced): number => 2 * batch * m * n * k * accumulators;

/** As many equal parts of `size` as make none greater than `most`; how great the greatest is. */
const evenPart = (size: number, most: number): number => Math.ceil(size / Math.ceil(size / most));

/** Below this a kernel takes longer to compile, by any other schedule, than it saves in a hundred runs. */
const fewOperations = 2 ** 17;

function softwareSchedule(c: Contraction, facts: DeviceFacts): ContractionSchedule {
  const subgroup = fixedSubgroup(facts);
  if (subgroup === undefined || operationsOf(c) <= fewOperations) return { kind: "plain", workgroup: 16 };
  const registers = c.panels === undefined ? Math.ceil(c.n / subgroup) : c.panels.width / subgroup;
  const isAligned = c.panels !== undefined && Number.isInteger(registers) && registers <= columnRegisters;
  const columns = isAligned
    ? registers
    : evenPart(Math.ceil(c.n / subgroup), Math.max(1, Math.floor(columnRegisters / c.accumulators)));
  return { kind: "broadcast", subgroup, rows: evenPart(c.m, softwareRows(operationsOf(c), subgroup)), columns };
}

/** Registers of the second factor that a term takes, over all accumulators. 8 are not faster and take twice as long to compile. */
const columnRegisters = 4;

/**
 * Rows of a tile. On lavapipe, subgroups of 8, against 16 rows: 8 rows run at 0.75 of the speed and take half as long to compile
 * (60 ms), 32 rows 1.2 and twice as long, 64 rows 1.2 and four times. Subgroups of 16 run twice as fast and take twice as long
 * to compile. On SwiftShader, subgroups of 4, more rows than 8 are not faster.
 */
function softwareRows(operations: number, subgroup: number): number {
  if (subgroup < 8) return 8;
  const rows = operations > 2 ** 26 ? 32 : operations > 2 ** 22 ? 16 : 8;
  return subgroup === 8 ? rows : Math.min(rows, 16);
}

/** Workgroups that keep a GPU of middling size busy. */
const enoughWorkgroups = 128;

/**
 * 4 × 4 outputs per invocation reach 60 to 80 % of what each of four GPUs does best, 8 × 4 more on large ones (llama.cpp PR
 * 22241); depths of 8 to 32 hardly differ. The largest first.
 */
const tiles: readonly Omit<Tiled, "kind">[] = [
  { workgroup: [16, 16], thread: [8, 4], depth: 16 },
  { workgroup: [16, 16], thread: [4, 4], depth: 16 },
  { workgroup: [8, 8], thread: [4, 4], depth: 16 },
  { workgroup: [16, 4], thread: [4, 4], depth: 16 },
  { workgroup: [8, 8], thread: [8, 4], depth: 8 },
  { workgroup: [4, 16], thread: [4, 4], depth: 8 },
];

function gpuSchedule(c: Contraction, facts: DeviceFacts): ContractionSchedule {
  const plain = { kind: "plain", workgroup: 64 } as const;
  if (operationsOf(c) <= fewOperations || c.m < 4 || c.n < 4) return plain;
  const matrices = c.m < 32 || c.n < 32 || c.k < 16 ? [] : matrixSchedules(c, facts);
  const tiled = tiledSchedules(c, facts);
  const best = (some: readonly (Tiled | Matrix)[]): Tiled | Matrix | undefined =>
    some.find((schedule) => isFilled(c, schedule) && workgroupsOf(c, schedule) >= enoughWorkgroups) ??
    leastWork(c, some);
  return best(matrices) ?? best(tiled) ?? plain;
}

/** Whether outputs are more than half of what tiles cover, either way: many small products are no large one. */
function isFilled({ m, n }: Contraction, schedule: Tiled | Matrix): boolean {
  const [rows, columns] = sidesOf(schedule);
  return 2 * m > Math.ceil(m / rows) * rows && 2 * n > Math.ceil(n / columns) * columns;
}

/** Few workgroups, or small products: the smallest tiles, so that most of them are made of outputs. */
function leastWork(c: Contraction, some: readonly (Tiled | Matrix)[]): Tiled | Matrix | undefined {
  const covered = (schedule: Tiled | Matrix): number => workgroupsOf(c, schedule) * outputsOf(schedule);
  return some.toSorted((a, b) => covered(a) - covered(b) || workgroupsOf(c, b) - workgroupsOf(c, a))[0];
}

function sidesOf(schedule: Tiled | Matrix): readonly [rows: number, columns: number] {
  if (schedule.kind === "matrix")
    return [2 * schedule.tiles[0] * schedule.shape[0], 2 * schedule.tiles[1] * schedule.shape[1]];
  return [schedule.workgroup[1] * schedule.thread[0], schedule.workgroup[0] * schedule.thread[1]];
}

const outputsOf = (schedule: Tiled | Matrix): number => sidesOf(schedule)[0] * sidesOf(schedule)[1];

function workgroupsOf(c: Contraction, schedule: Tiled | Matrix): number {
  const [rows, columns] = sidesOf(schedule);
  return c.batch * Math.ceil(c.m / rows) * Math.ceil(c.n / columns);
}

/** Those that the device has room for, the largest first. */
function tiledSchedules(c: Contraction, facts: DeviceFacts): readonly Tiled[] {
  return tiles
    .map((tile) => ({ kind: "tiled", ...tile }) as const)
    .filter((schedule) => schedule.workgroup[0] * schedule.workgroup[1] <= facts.maxComputeInvocationsPerWorkgroup)
    .filter((schedule) => tiledMemory(c, schedule) <= facts.maxComputeWorkgroupStorageSize);
}

/** Sides of the outputs of a subgroup, the largest first: 32 × 32 is what ONNX Runtime uses on NVIDIA (PR 28109). */
const matrixSides = [32, 16];

/**
 * Those that the device has room for, the largest first. lavapipe, on which they are only tested, needs seconds to compile two
 * matrices by two, and crashes on any where its registers have 512 bits.
 */
function matrixSchedules(c: Contraction, facts: DeviceFacts): readonly Matrix[] {
  const subgroup = facts.subgroupMaxSize;
  if (!c.half || !facts.hasF16 || !facts.hasSubgroups || (facts.software && subgroup !== 8)) return [];
  const shapes = facts.subgroupMatrices
    .filter(({ component, result }) => component === "f16" && result === "f32")
    .toSorted((a, b) => b.M * b.N * b.K - a.M * a.N * a.K);
  const schedules = shapes.flatMap(({ M, N, K }) =>
    matrixSides.map((side): Matrix => {
      const across = (size: number): number => (facts.software ? 1 : Math.max(1, side / size));
      return { kind: "matrix", shape: [M, N, K], subgroup, tiles: [across(M), across(N)] };
    }),
  );
  return schedules
    .filter(() => 4 * subgroup <= facts.maxComputeInvocationsPerWorkgroup)
    .filter((schedule) => matrixMemory(c, schedule) <= facts.maxComputeWorkgroupStorageSize);
}
