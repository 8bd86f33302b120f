/** Executes a plan, step by step. What it is given besides the plan are a device and the plan's inputs. */
import { join } from "node:path";
import type { Plan, Step } from "../../compiler/plan/plan.ts";
import { showLock } from "../../compiler/plan/show.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import type { LeftBehind } from "../io/companions.ts";
import { lockName } from "../io/output-folder.ts";
import { compress, type StageResult, targetsOf } from "./compress.ts";
import { evaluate } from "./evaluate.ts";
import { type ExpectResult, measure, type ReportResult } from "./measure.ts";
import { modelCard } from "./model-card.ts";
import { save } from "./save.ts";
import { openSession, type RunOptions, type Session } from "./session.ts";

export interface RunResult {
  readonly reports: readonly ReportResult[];
  readonly expects: readonly ExpectResult[];
  readonly stages: readonly StageResult[];
  /** Whether the output folder holds a result that may stay. */
  readonly isSaved: boolean;
  /** What lies in the folder of the given model, by its path, and has no counterpart in the saved one. */
  readonly leftBehind: readonly LeftBehind[];
  /** Of the pipelines. */
  readonly compileSeconds: number;
}

/**
 * Runs all steps, or up to an expectation that does not hold: then nothing is saved. The output folder is the caller's to finish
 * or to abort.
 */
export async function runPlan(plan: Plan, options: RunOptions): Promise<RunResult> {
  let at = 0;
  const session = openSession(plan, options, () => at);
  const done: Done = { stages: [], reports: [], expects: [], series: new Map(), origin: null };
  try {
    await options.output?.requireSpace(bytesOnDisk(plan, options));
    for (const [i, step] of plan.steps.entries()) {
      at = i;
      await runStep(session, step, options, done);
      if (done.expects.some(({ holds }) => !holds)) break;
    }
  } finally {
    session.close();
  }
  const { stages, reports, expects, origin } = done;
  const { output, recipe } = options;
  const isSaved = output !== null && origin !== null && expects.every(({ holds }) => holds);
  if (isSaved) {
    await output.write("README.md", modelCard(plan, recipe, { reports, stages, origin }));
    await output.write(lockName, showLock(plan, [...output.files(), lockName].sort()));
  }
  const leftBehind = isSaved
    ? origin.leftBehind.map(({ name, why }) => ({ name: join(origin.folder, name), why }))
    : [];
  return { reports, expects, stages, isSaved, leftBehind, compileSeconds: session.compileSeconds() };
}

/** What stages and the result will take at once, if weights keep their types. */
function bytesOnDisk({ steps }: Plan, { models }: Pick<RunOptions, "models">): number {
  const origins = new Map(models);
  const bytes = steps.map((step) => {
    if (step.kind !== "compress" && step.kind !== "save") return 0;
    const origin = origins.get(step.of);
    if (origin === undefined) throw new Error(`the plan needs a model ${step.of} that nobody gave or made`);
    const { tensors } = origin;
    if (step.kind === "save") return sum([...tensors.values()].map((tensor) => tensor.bytes));
    origins.set(step.stage, origin);
    return sum(targetsOf(step).map(({ tensor }) => tensors.get(tensor)?.bytes ?? 0));
  });
  return sum(bytes);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** What the steps so far have given. */
interface Done {
  readonly stages: StageResult[];
  readonly reports: ReportResult[];
  readonly expects: ExpectResult[];
  readonly series: Map<string, Float32Array<ArrayBuffer>>;
  /** The given model that the saved one began as. */
  origin: Checkpoint | null;
}

async function runStep(session: Session, step: Step, { output }: RunOptions, done: Done): Promise<void> {
  switch (step.kind) {
    case "compress":
      done.stages.push(await compress(session, step));
      return;
    case "evaluate":
      for (const [name, values] of await evaluate(session, step)) done.series.set(name, values);
      return;
    case "measure": {
      const { reports, expects } = await measure(session, step, done.series);
      done.reports.push(...reports);
      done.expects.push(...expects);
      return;
    }
    case "save":
      done.origin = await save(session, step, output);
  }
}
