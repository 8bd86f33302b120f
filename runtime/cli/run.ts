/** `lcomp run`: compiles a recipe for this machine and carries it out. */
import { dirname, join } from "node:path";
import type { CommandModule } from "yargs";
import { outline, plan } from "../../compiler/compile.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import type { LoadedRecipe } from "../../compiler/recipe.ts";
import { describeAdapter } from "../gpu/adapter.ts";
import { openDevice } from "../gpu/device.ts";
import { OutputFolder } from "../io/output-folder.ts";
import { type RunResult, runPlan } from "../run/run-plan.ts";
import type { RunOptions } from "../run/session.ts";
import { UserError } from "../user-error.ts";
import { declare, type Flags, flag, given, value } from "./flags.ts";
import { interruptible } from "./interrupt.ts";
import { outlineReport, showOutline } from "./outline-table.ts";
import { type ProgressLine, progressLine } from "./progress.ts";
import { openRecipe, type RecipeEntry, readRecipe, readTexts, recipeFlags, translated } from "./recipe.ts";
import { failedExpectation, leftBehind, type RunReport, runReport, showLeftBehind, showRun } from "./result-table.ts";

/** The command; its flags are those of the recipe among `args`. */
export const runCommand = (args: readonly string[]): CommandModule<object, Flags> => ({
  command: "run <RECIPE>",
  describe: "Compile a recipe and carry it out",
  builder: (yargs) =>
    recipeFlags(
      declare(yargs.positional("RECIPE", { type: "string", describe: "a .lcomp file" }), {
        out: value("the folder for the result"),
        force: flag("replace what is in that folder"),
        json: flag("print the result as JSON"),
        quiet: flag("no plan and no progress"),
      }),
      args,
    ),
  handler: async (flags) => {
    await run(String(flags["RECIPE"]), flags);
  },
});

async function run(path: string, flags: Flags): Promise<void> {
  const entry = readRecipe(path);
  const output = openOutput(entry.loaded, flags);
  const { result, report } = await keeping(output, (signal) => compileAndRun(entry, flags, output, signal));
  if (flags["quiet"] !== true) process.stderr.write(showLeftBehind(report));
  process.stdout.write(flags["json"] === true ? `${JSON.stringify(report, null, 2)}\n` : showRun(report));
  if (result.expects.some(({ holds }) => !holds))
    throw new UserError(failedExpectation(result, (place) => join(dirname(path), place)));
}

/** Where the result goes, null if the recipe saves none. What is wrong with the place is said before anything else is done. */
function openOutput({ name, recipe }: LoadedRecipe, flags: Flags): OutputFolder | null {
  const out = given(flags, "out");
  const isSaving = recipe.body.statements.some(({ kind }) => kind === "save");
  if (isSaving && out === undefined) throw new UserError(`${name} saves its result: add --out DIR`, { exitCode: 2 });
  if (!isSaving && out !== undefined)
    throw new UserError(`${name} saves nothing: leave out --out, or add a \`save\` to the recipe`, { exitCode: 2 });
  return out === undefined ? null : new OutputFolder(out, { force: flags["force"] === true });
}

interface Done {
  readonly result: RunResult;
  readonly report: RunReport;
}

async function compileAndRun(
  entry: RecipeEntry,
  flags: Flags,
  output: OutputFolder | null,
  signal: AbortSignal,
): Promise<Done> {
  const open = await openRecipe(entry, flags);
  const { corpora, inputs } = await readTexts(open, flags);
  const { loaded, shown, models } = open;
  const isQuiet = flags["quiet"] === true;
  if (!isQuiet)
    process.stderr.write(`${showOutline(outlineReport(translated(shown, () => outline(loaded, inputs))))}\n`);
  const device = await openDevice();
  try {
    const made = translated(shown, () => plan(loaded, inputs, device.facts));
    const recipe = loaded.modules.at(-1)?.tree.file.text ?? "";
    const result = await runShown(made, { device, models, corpora, output, recipe, signal }, progressLine(isQuiet));
    return { result, report: runReport(result, leftBehind(made, models), describeAdapter(device.adapterInfo)) };
  } finally {
    device.close();
  }
}

/** The output folder is there at the end if the result is to be kept, and else no trace of it. */
async function keeping(output: OutputFolder | null, work: (signal: AbortSignal) => Promise<Done>): Promise<Done> {
  try {
    return await interruptible(
      async (signal) => {
        const done = await work(signal);
        if (done.result.isSaved) output?.finish();
        return done;
      },
      () => output?.abort(),
    );
  } finally {
    output?.abort();
  }
}

/** Runs a plan and shows how far it is. */
export async function runShown(
  made: Plan,
  options: Omit<RunOptions, "progress">,
  { show, end }: ProgressLine,
): Promise<RunResult> {
  try {
    return await runPlan(made, { ...options, progress: show });
  } finally {
    end();
  }
}
