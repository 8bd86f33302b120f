/** The programs of ../shared/bench: each round starts one, and takes the best of the schedules that it tries. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Clock } from "../runtime/gpu/clock.ts";
import type { Device } from "../runtime/gpu/device.ts";
import { median, timed } from "./clock.ts";
import type { Contestant } from "./contestant.ts";
import type { Line } from "./line.ts";
import { cache } from "./peers.ts";

const source = join(import.meta.dirname, "..", "..", "shared", "bench");
const copy = join(cache, "shared");
const programs = ["lib.mjs", "gemm_gen.mjs", "gemm_run.mjs", "chain.mjs"];
const run = promisify(execFile);

type Task = NonNullable<Line["shared"]>;

/** Runs of a round. chain.mjs has 11 of its own. */
const runs = 7;

export interface Shared {
  /** Milliseconds of the program, and of the contestant measured as the program measures itself. */
  readonly round: (task: Task, ours: Contestant) => Promise<readonly [theirs: number, ours: number]>;
}

/** Undefined where the programs are not there, or would take another adapter. */
export async function openShared({ facts, adapterInfo }: Device, clock: Clock): Promise<Shared | undefined> {
  if (!existsSync(join(source, "gemm_run.mjs"))) return undefined;
  // Beside node_modules, in which they look for Dawn.
  mkdirSync(copy, { recursive: true });
  for (const file of programs) writeFileSync(join(copy, file), readFileSync(join(source, file)));
  const start = async (file: string, args: readonly string[]): Promise<readonly string[]> => {
    const env = { ...process.env, SG: `${facts.subgroupMinSize}`, REPS: `${runs}` };
    const calm = pathToFileURL(join(import.meta.dirname, "calm.ts")).href;
    const { stdout } = await run(process.execPath, ["--import", calm, join(copy, file), ...args], { env });
    return stdout.trim().split("\n");
  };
  const named = adapterInfo.architecture === "software" ? "lavapipe" : adapterInfo.architecture;
  const round: Shared["round"] = async (task, ours) => {
    if (task.program === "chain") {
      const lines = await start("chain.mjs", []);
      return [
        best(lines, clock.isCpu ? /cpu min ([\d.]+) ms/ : /, min ([\d.]+)/),
        Math.min(...(await singly(ours, 11))),
      ];
    }
    const lines = await start("gemm_run.mjs", [`${task.size}`, "pk 16 4", "bcast 16 4"]);
    const rates = /2xGF\/cpu-s +([\d.]+)/;
    const theirs = clock.isCpu
      ? Math.min(...lines.map((line) => (4 * task.size ** 3) / (1e6 * number(line, rates))))
      : best(lines, /med ([\d.]+)/);
    return [theirs, median(await singly(ours, runs))];
  };
  const singly = async (ours: Contestant, times: number): Promise<readonly number[]> => {
    const taken: number[] = [];
    for (let i = 0; i < times; i++) taken.push(await timed(clock, () => ours.run(1)));
    return taken;
  };
  const first = await start("gemm_run.mjs", ["256", "bcast 16 4"]).catch(() => []);
  return first[0]?.startsWith(`${named} `) ? { round } : undefined;
}

const best = (lines: readonly string[], pattern: RegExp): number =>
  Math.min(...lines.map((line) => number(line, pattern)));

function number(line: string, pattern: RegExp): number {
  const found = Number(pattern.exec(line)?.[1] ?? Number.NaN);
  if (Number.isNaN(found)) throw new Error(`../shared/bench says: ${line}`);
  return found;
}
