/** Runs on one store that are killed, each with a process of its own: a recipe with two stages, a selection of widths, two models. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { hashFile } from "../../runtime/io/hash.ts";
import { entriesIn, type StepRecord } from "../../runtime/store/journal.ts";
import { readStore } from "../../runtime/store/store-folder.ts";
import { main } from "../cli/lcomp.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { root } from "../repository/sources.ts";
import { peakOf } from "./watch.ts";

const recipe = (second: string): string => `import { mean_nll, token_kl } from "std/evaluate"
import { minitron_width } from "std/prune/minitron"
import { wanda } from "std/prune/wanda"

recipe resumed(model: Model, other: Model, text: Corpus) {
  let sample = text.train.sample(8, length: 64, seed: 0)

  stage narrow = minitron_width(mlp: 50%, kv: 1, model: 64) of model over sample
  stage sparse = ${second} of narrow over sample for linear except lm_head

  report mean_nll(sparse, text.test, length: 64)
  report mean(merge(token_kl(other, sparse, text.test, length: 64), (sample, step) -> token), over token)
  save sparse as "huggingface"
}
`;

/** What the runs are given. */
export interface Given {
  readonly folder: string;
  readonly store: string;
  readonly model: string;
}

/** Writes the recipe, the models and the text. */
export async function give(folder: string): Promise<Given> {
  const given = { folder, store: join(folder, "store"), model: join(folder, "model") };
  editSecond(given, "wanda(50%)");
  writeFileSync(join(folder, "text.jsonl"), someText(24));
  cpSync(join(root, "examples/tiny"), given.model, { recursive: true });
  await writeDecoder(join(folder, "other"), { config: { max_position_embeddings: 512 } });
  return given;
}

/** Writes the recipe with another second stage. */
export const editSecond = ({ folder }: Pick<Given, "folder">, second: string): void =>
  writeFileSync(join(folder, "resumed.lcomp"), recipe(second));

interface Ran {
  readonly status: number | null;
  readonly stderr: string;
}

/** Starts a run; without `--store`, the store is beside the result. */
export function start({ folder, model }: Given, out: string, ...more: readonly string[]) {
  const inputs = ["--model", model, "--other", join(folder, "other"), "--text", join(folder, "text.jsonl")];
  return startRun(folder, [join(folder, "resumed.lcomp"), ...inputs, "--out", join(folder, out), ...more]);
}

/** Starts `lcomp run` in a folder. */
function startRun(folder: string, args: readonly string[]) {
  const child = spawn(process.execPath, [main, "run", ...args], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (text: Buffer) => {
    stderr += text.toString();
  });
  const ended = once(child, "close").then(([status]: (number | null)[]): Ran => ({ status: status ?? null, stderr }));
  return { child, ended };
}

/** Runs to the end, and returns what was said. */
export async function done(given: Given, out: string, ...more: readonly string[]): Promise<string> {
  const { status, stderr } = await start(given, out, ...more).ended;
  assert.is(status, 0, stderr);
  return stderr;
}

/** The steps that have ended in a store, each time. */
export function recordsIn(store: string): readonly StepRecord[] {
  const journal = join(store, "journal");
  const entries = existsSync(journal) ? entriesIn(readFileSync(journal, "utf8")) : [];
  return entries.flatMap((entry) => ("done" in entry ? [entry.done] : []));
}

/** Waits until so many steps have ended in a store, or the process; then so many milliseconds more. */
export async function untilDone(child: ChildProcess, store: string, count: number, more: number): Promise<void> {
  const journal = join(store, "journal");
  const size = (): number => statSync(journal, { throwIfNoEntry: false })?.size ?? 0;
  for (let read = -1; child.exitCode === null; await pause(2)) {
    if (size() === read) continue;
    read = size();
    if (recordsIn(store).length >= count) break;
  }
  await pause(more);
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** When a process is killed: so many milliseconds after the step of that number has ended. */
export interface Moment {
  readonly count: number;
  readonly more: number;
}

/** What a store may hold: with room for the activations between two blocks, or none. */
export type Room = "4MB" | "1MiB";

/**
 * Starts the run again and again, kills it at each of the moments, and lets it end at last. The result has the same bytes as one that
 * nobody disturbed. No step is repeated whose outputs the store has for good, and of the others, where there is room for activations,
 * no more than a block's at a time.
 */
export async function killed(given: Given, moments: readonly Moment[], room: Room = "4MB"): Promise<void> {
  const store = ["--store", given.store, "--store-limit", room];
  const told = await survive((...more) => start(given, "out", ...store, ...more), given.store, moments);
  const expected = await undisturbed(room);
  assert.equal(await filesOf(join(given.folder, "out")), expected.files, told);
  const [records, index] = [recordsIn(given.store), readStore(given.store)];
  const all = [...Map.groupBy(records, ({ key }) => key).values()];
  assert.is(all.length, expected.records, told);
  // What checks a result reads files that a run which was killed takes away.
  const steps = all.filter(([record]) => record?.part.purpose !== "check");
  const repeated = steps.flatMap(([record, ...again]) => (record && again.length > 0 ? [{ record, again }] : []));
  const forGood = repeated.filter(({ record: { key } }) => (index.find(key)?.outputs.length ?? 0) > 0);
  assert.equal(
    forGood.map(({ record: { part } }) => part),
    [],
    told,
  );
  const blocks = Map.groupBy(steps, ([record]) => `${record?.part.of} ${record?.part.layer}`);
  const most = moments.length * Math.max(...[...blocks.values()].map(({ length }) => length));
  const times = repeated.reduce((sum, { again }) => sum + again.length, 0);
  if (room === "4MB") assert.ok(times <= most, `${times} steps are repeated\n${told}`);
}

/** Kills a run at each of the moments, and lets it end at last; returns what can be told of it. */
async function survive(
  begin: (...more: readonly string[]) => ReturnType<typeof startRun>,
  store: string,
  moments: readonly Moment[],
): Promise<string> {
  for (const { count, more } of moments) {
    const { child, ended } = begin();
    await untilDone(child, store, count, more);
    child.kill("SIGKILL");
    await ended;
  }
  const { status, stderr } = await begin("--force").ended;
  const told = `killed at ${JSON.stringify(moments)}\n${stderr}`;
  assert.is(status, 0, told);
  return told;
}

/** What was seen of a run that was killed, and of one that was not. */
export interface Survived {
  /** The most that one of all these processes took, in bytes, from outside. */
  readonly peak: number;
  /** How many steps a run takes, and how many more the killed ones took together. */
  readonly steps: number;
  readonly repeated: number;
  /** Of the run in peace, and of the killed ones together. */
  readonly seconds: readonly [alone: number, killed: number];
}

/**
 * Runs a recipe with these arguments twice, once in peace, and once killed at as many moments as are drawn of the steps that it takes:
 * the results have the same bytes.
 */
export async function killedAnywhere(
  folder: string,
  args: readonly string[],
  draw: (records: number) => readonly Moment[],
): Promise<Survived> {
  let peak = 0;
  const begin = (name: string, ...more: readonly string[]) => {
    const places = ["--out", join(folder, name), "--store", join(folder, `${name}-store`)];
    const { child, ended } = startRun(folder, [...args, ...places, ...more]);
    const taken = peakOf(child);
    child.on("exit", () => {
      peak = Math.max(peak, taken());
    });
    return { child, ended };
  };
  const start = performance.now();
  const { status, stderr } = await begin("alone").ended;
  assert.is(status, 0, stderr);
  const between = performance.now();
  const steps = recordsIn(join(folder, "alone-store")).length;
  const told = await survive((...more) => begin("out", ...more), join(folder, "out-store"), draw(steps));
  const seconds = [between - start, performance.now() - between].map((time) => Math.round(time / 1000));
  assert.equal(await filesOf(join(folder, "out")), await filesOf(join(folder, "alone")), told);
  const repeated = recordsIn(join(folder, "out-store")).length - steps;
  return { peak, steps, repeated, seconds: seconds as [number, number] };
}

const alone = new Map<Room, Promise<Undisturbed>>();

interface Undisturbed {
  readonly files: Readonly<Record<string, string>>;
  /** How many steps it takes. */
  readonly records: number;
}

/** A run that nobody disturbs; it is run once. */
export async function undisturbed(room: Room = "4MB"): Promise<Undisturbed> {
  const known = alone.get(room) ?? runAlone(room);
  alone.set(room, known);
  return known;
}

async function runAlone(room: Room): Promise<Undisturbed> {
  const folder = mkdtempSync(join(tmpdir(), "lcomp-alone-"));
  try {
    const given = await give(folder);
    await done(given, "out", "--store", given.store, "--store-limit", room);
    return { files: await filesOf(join(folder, "out")), records: recordsIn(given.store).length };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The hashes of all files of a folder by their names. */
export async function filesOf(folder: string): Promise<Readonly<Record<string, string>>> {
  const names = readdirSync(folder).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await hashFile(join(folder, name))])));
}
