/** Executes a plan, step by step. What it is given besides the plan are a device and the plan's inputs. */
import { join } from "node:path";
import { showBytes } from "../../compiler/plan/bytes.ts";
import { storeNeeds } from "../../compiler/plan/durable.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { identitiesOf, planHash } from "../../compiler/plan/plan-file.ts";
import { describeAdapter } from "../gpu/adapter.ts";
import type { Device } from "../gpu/device.ts";
import type { LeftBehind } from "../io/companions.ts";
import { lockName, showLock } from "../io/lock.ts";
import { declaredBytes } from "../io/safetensors-writer.ts";
import { isOneDisk } from "../io/space.ts";
import { UserError } from "../user-error.ts";
import { openChecked, readCheck } from "./check-saved.ts";
import { declared } from "./declared.ts";
import { modelCard } from "./model-card.ts";
import type { ChangedTensor, CheckResult, RunResult, StageResult } from "./result.ts";
import { runStep, skipStep } from "./run-step.ts";
import { placesOf, save } from "./save.ts";
import { fileToSave, saveFile } from "./save-file.ts";
import { openSession, type RunOptions, type Session } from "./session.ts";
import { readValues } from "./values.ts";

/** Runs all steps and saves the result if every expectation holds. The output folder is the caller's to finish or to abort. */
export async function runPlan(plan: Plan, options: RunOptions): Promise<RunResult> {
  requireMemory(plan, options.device);
  const file = await fileToSave(plan, options.models);
  const models = new Map(options.models);
  const session = await openSession(plan, { ...options, models });
  try {
    const pending = await session.store.pending();
    await requireSpace(session, pending, options.output);
    const { damage } = session.store.folder;
    if (damage !== null) options.note?.(damage);
    if (pending.size < plan.steps.length) options.note?.(goingOn(session, pending));
    const { save: saved, steps } = plan;
    const from = saved?.check?.from ?? steps.length;
    const stages = await runSteps(session, pending, 0, from);
    const done = { stages, ...(await readValues(session)) };
    const isSaved = saved !== null && done.expects.every(({ holds }) => holds);
    if (isSaved) await (file ? saveFile(session, file, placesOf(plan, options).output) : save(session, options));
    const leftBehind = isSaved ? await describe(session, done, options) : [];
    let check: CheckResult | null = null;
    if (isSaved && saved.check) {
      models.set(saved.check.model, await openChecked(saved.of, saved.check, options));
      await runSteps(session, pending, from, steps.length);
      check = await readCheck(session, saved.of, saved.check);
    }
    const times = { stageSeconds: secondsOf(session), compileSeconds: session.compileSeconds() };
    return { ...done, isSaved, check, leftBehind, ...times, gpuPeak: session.gpuPeak() };
  } finally {
    session.close();
  }
}

/** Refuses at the start what would end in the middle; a software adapter's memory is the host's. */
function requireMemory({ peaks }: Plan, { facts }: Device): void {
  const needed = peaks.host + (facts.software ? peaks.gpu : 0);
  const available = process.availableMemory();
  if (needed <= available) return;
  const sizes = `${showBytes(needed)} of memory at once, and ${showBytes(available)} are available`;
  throw new UserError(`the plan takes ${sizes}; use fewer or shorter windows`);
}

type Done = Pick<RunResult, "stages" | "reports" | "series" | "expects">;

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

const secondsOf = ({ plan: { stages, steps }, store }: Session): readonly number[] =>
  stages.map((_, stage) => sum(steps.map(({ part }, at) => (part.stage === stage ? store.secondsOf(at) : 0))));

const goingOn = ({ plan: { steps }, store }: Session, pending: ReadonlySet<number>): string =>
  `going on from ${store.folder.path}: ${steps.length - pending.size} of ${steps.length} steps are done`;

/** Refuses what the disks cannot hold of durable artefacts of the steps that are to be run, and of the result. */
async function requireSpace(
  { plan, store: { folder } }: Session,
  pending: ReadonlySet<number>,
  output: RunOptions["output"],
): Promise<void> {
  const durable = storeNeeds(plan, pending).bytes;
  const result = sum((plan.save?.tensors ?? []).map((tensor) => declaredBytes(declared(tensor))));
  const isTogether = output !== null && isOneDisk(folder.path, output.partial);
  if (!isTogether) await folder.requireSpace(durable);
  await output?.requireSpace(result + (isTogether ? durable : 0));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Says in the result's folder how it was made; returns what of the given model is not in it. */
async function describe({ plan, store }: Session, done: Done, options: RunOptions): Promise<readonly LeftBehind[]> {
  const { origin, output } = placesOf(plan, options);
  const hash = planHash(plan);
  await output.write("README.md", modelCard(plan, hash, { ...done, origin }));
  const adapter = describeAdapter(options.device.adapterInfo);
  const read = { adapter, tokenizer: options.tokenizer ?? {}, tensors: store.hashes() };
  await output.write(lockName, showLock({ ...identitiesOf(plan, hash), ...read }, output.hashes()));
  return origin.leftBehind.map(({ name, why }) => ({ name: join(origin.folder, name), why }));
}
