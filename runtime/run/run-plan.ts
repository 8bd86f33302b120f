/** Executes a plan, step by step. What it is given besides the plan are a device and the plan's inputs. */
import { join } from "node:path";
import { showBytes } from "../../compiler/plan/bytes.ts";
import { storeNeeds } from "../../compiler/plan/durable.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { identitiesOf, planHash } from "../../compiler/plan/plan-file.ts";
import { beforeSaving, tensorsSaved } from "../../compiler/plan/step.ts";
import { describeAdapter } from "../gpu/adapter.ts";
import type { Device } from "../gpu/device.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import type { LeftBehind } from "../io/companions.ts";
import type { GgufFile } from "../io/gguf/write-model.ts";
import { lockName, showLock } from "../io/lock.ts";
import { declaredBytes } from "../io/safetensors-writer.ts";
import { isOneDisk } from "../io/space.ts";
import { UserError } from "../user-error.ts";
import { openChecked, readCheck } from "./check-saved.ts";
import { declared } from "./declared.ts";
import { modelCard } from "./model-card.ts";
import type { ChangedTensor, CheckResult, RunResult, StageResult } from "./result.ts";
import { runStep, skipStep } from "./run-step.ts";
import { save } from "./save.ts";
import { fileToSave, saveFile } from "./save-file.ts";
import { type Place, placesOf } from "./saved-places.ts";
import { openSession, type RunOptions, type Session } from "./session.ts";
import { readValues } from "./values.ts";

/** Runs all steps and saves the result if every expectation holds. The output folder is the caller's to finish or to abort. */
export async function runPlan(plan: Plan, options: RunOptions): Promise<RunResult> {
  requireMemory(plan, options.device);
  const files: (GgufFile | null)[] = [];
  for (const record of plan.saves) files.push(await fileToSave(record, options.models));
  const models = new Map(options.models);
  const session = await openSession(plan, { ...options, models });
  try {
    const pending = await session.store.pending();
    await requireSpace(session, pending, options.output);
    const { damage } = session.store.folder;
    if (damage !== null) options.note?.(damage);
    if (pending.size < plan.steps.length) options.note?.(goingOn(session, pending));
    const stages = await runSteps(session, pending, 0, beforeSaving(plan));
    const done = { stages, ...(await readValues(session)) };
    const isSaved = plan.saves.length > 0 && done.expects.every(({ holds }) => holds);
    const places = isSaved ? placesOf(plan, options) : [];
    for (const [i, place] of places.entries()) {
      const file = files[i];
      await (file ? saveFile(session, place, file) : save(session, place));
    }
    const leftBehind = await describe(session, places, done, options);
    const checks = await checkAll(session, pending, places, models, options);
    const stepSeconds = plan.steps.map((_, at) => session.store.secondsOf(at));
    const times = { stepSeconds, compileSeconds: session.compileSeconds() };
    return { ...done, notes: session.notes, isSaved, checks, leftBehind, ...times, gpuPeak: session.gpuPeak() };
  } finally {
    session.close();
  }
}

/** Reads back what was saved, one after the other; gives what was found of each. */
async function checkAll(
  session: Session,
  pending: ReadonlySet<number>,
  places: readonly Place[],
  models: Map<string, Checkpoint>,
  options: RunOptions,
): Promise<RunResult["checks"]> {
  const found: (CheckResult | null)[] = [];
  const begin = places.flatMap(({ record }) => record.check?.from ?? []);
  for (const { record, output, into } of places) {
    const { of, check } = record;
    if (!check) {
      found.push(null);
      continue;
    }
    models.set(check.model, await openChecked(of, check, join(output.partial, into), options));
    const end = begin.find((from) => from > check.from) ?? session.plan.steps.length;
    await runSteps(session, pending, check.from, end);
    found.push(await readCheck(session, of, check));
  }
  return found;
}

/** Refuses at the start what would end in the middle, with a way out; a software adapter's memory is the host's. */
export function requireMemory(
  { peaks }: Pick<Plan, "peaks">,
  { facts }: Device,
  way = "use fewer or shorter windows",
): void {
  const needed = peaks.host + (facts.software ? peaks.gpu : 0);
  const available = process.availableMemory();
  if (needed <= available) return;
  const sizes = `${showBytes(needed)} of memory at once, and ${showBytes(available)} are available`;
  throw new UserError(`the plan takes ${sizes}; ${way}`);
}

type Done = Pick<RunResult, "stages" | "reports" | "series" | "expects" | "compared">;

/** Those from one place of the list to another. */
async function runSteps(
  session: Session,
  pending: ReadonlySet<number>,
  from: number,
  to: number,
): Promise<readonly StageResult[]> {
  const { stages, steps } = session.plan;
  const changed: ChangedTensor[][] = stages.map(() => []);
  for (const [at, { part }] of [...steps.entries()].slice(from, to)) {
    const tensor = await (pending.has(at) ? runStep : skipStep)(session, at);
    if (tensor !== null && part.stage !== null) changed[part.stage]?.push(tensor);
  }
  return stages.map((stage, i) => ({ ...stage, changed: changed[i] ?? [] }));
}

const goingOn = ({ plan: { steps }, store }: Session, pending: ReadonlySet<number>): string =>
  `going on from ${store.folder.path}: ${steps.length - pending.size} of ${steps.length} steps are done`;

/** Refuses what the disks cannot hold of durable artefacts of the steps that are to be run, and of the result. */
async function requireSpace(
  { plan, store: { folder } }: Session,
  pending: ReadonlySet<number>,
  output: RunOptions["output"],
): Promise<void> {
  const durable = storeNeeds(plan, pending).bytes;
  const result = sum(plan.saves.flatMap((save) => tensorsSaved(save).map((tensor) => declaredBytes(declared(tensor)))));
  const isTogether = output !== null && isOneDisk(folder.path, output.partial);
  if (!isTogether) await folder.requireSpace(durable);
  await output?.requireSpace(result + (isTogether ? durable : 0));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Says in the result's folders how they were made; returns what of given models is not in them. */
async function describe(
  { plan, store }: Session,
  places: readonly Place[],
  done: Done,
  { device, output, tokenizer = {} }: RunOptions,
): Promise<readonly LeftBehind[]> {
  if (places.length === 0 || output === null) return [];
  store.saved();
  const hash = planHash(plan);
  for (const { record, origin, into } of places)
    await output.write(`${into}README.md`, modelCard(plan, record, hash, { ...done, origin }));
  const read = { adapter: describeAdapter(device.adapterInfo), tokenizer, tensors: store.hashes() };
  await output.write(lockName, showLock({ ...identitiesOf(plan, hash), ...read }, output.hashes()));
  const origins = new Set(places.map(({ origin }) => origin));
  return [...origins].flatMap(({ folder, leftBehind }) =>
    leftBehind.map(({ name, why }) => ({ name: join(folder, name), why })),
  );
}
