/** What `lcomp run` does, in this process: recipes from files, with the device shared by all of them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type CompileInputs, plan } from "../../compiler/compile.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { translated } from "../../runtime/cli/host.ts";
import { openModel } from "../../runtime/cli/models.ts";
import { openRecipe, readRecipe, readTexts } from "../../runtime/cli/recipe.ts";
import { type Device, openDevice } from "../../runtime/gpu/device.ts";
import type { OutputFolder } from "../../runtime/io/output-folder.ts";
import type { RunResult } from "../../runtime/run/result.ts";
import { runPlan } from "../../runtime/run/run-plan.ts";
import type { StoreFolder } from "../../runtime/store/store-folder.ts";
import { writeFolder } from "../io/folder.ts";

let device: Promise<Device> | undefined;

/** Ends the process's device; a test file's last act. */
export async function closeDevice(): Promise<void> {
  (await device)?.close();
}

/** Writes files into a folder, by their names. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

interface Watching {
  readonly budget?: NonNullable<CompileInputs["budget"]>;
  readonly planned?: (plan: Plan) => void;
  readonly progress?: () => void;
  /** What was run before is not run again. */
  readonly folder?: StoreFolder;
}

/** Runs a recipe, whose parameters are `flags`; with `out`, what it saves goes there. */
export async function runRecipe(
  path: string,
  flags: Readonly<Record<string, string>>,
  out?: string,
  { budget = { gpu: Infinity, host: Infinity }, planned, progress = () => undefined, folder }: Watching = {},
): Promise<RunResult> {
  device ??= openDevice();
  const opened = await device;
  const open = await openRecipe(readRecipe(path), flags);
  const { corpora, inputs } = await readTexts(open, flags);
  const made = translated(open.shown, () =>
    plan(open.loaded, { ...inputs, budget, ...(folder && { store: {} }) }, opened.facts),
  );
  planned?.(made);
  const { signal } = new AbortController();
  const given = {
    device: opened,
    models: open.models,
    corpora,
    signal,
    gpuMemory: budget.gpu,
    openSaved: openModel,
    progress,
    ...(folder && { folder }),
  };
  const run = (output: OutputFolder | null): Promise<RunResult> => runPlan(made, { ...given, output });
  return out === undefined ? run(null) : writeFolder(out, run);
}
