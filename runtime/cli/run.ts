/** `lcomp run`: compiles a recipe for this machine and carries it out. */
import { dirname, join } from "node:path";
import type { CommandModule } from "yargs";
import { outline, plan } from "../../compiler/compile.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { describeAdapter } from "../gpu/adapter.ts";
import { type Device, openDevice } from "../gpu/device.ts";
import { OutputFolder } from "../io/output-folder.ts";
import { type RunResult, runPlan } from "../run/run-plan.ts";
import type { RunOptions } from "../run/session.ts";
import { UserError } from "../user-error.ts";
import { declare, type Flags, flag, given, value } from "./flags.ts";
import { interruptible } from "./interrupt.ts";
import { outlineReport, showOutline } from "./outline-table.ts";
import { type ProgressLine, progressLine } from "./progress.ts";
import { openRecipe, readRecipe, readTexts, recipeFlags, translated } from "./recipe.ts";
import { failedExpectation, runReport, showRun } from "./result-table.ts";

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
  const open = await openRecipe(readRecipe(path), flags);
  const { corpora, inputs } = await readTexts(open, flags);
  const { loaded, shown, models } = open;
  const isQuiet = flags["quiet"] === true;
  const isJson = flags["json"] === true;
  if (!isQuiet)
    process.stderr.write(`${showOutline(outlineReport(translated(shown, () => outline(loaded, inputs))))}\n`);
  const device = await openDevice();
  try {
    const made = translated(shown, () => plan(loaded, inputs, device.facts));
    const out = given(flags, "out");
    const isSaving = made.steps.some(({ kind }) => kind === "save");
    if (isSaving && out === undefined)
      throw new UserError(`${loaded.name} saves its result: add --out DIR`, { exitCode: 2 });
    const output = out !== undefined && isSaving ? new OutputFolder(out, { force: flags["force"] === true }) : null;
    const recipe = loaded.program.modules.at(-1)?.tree.file.text ?? "";
    const result = await carryOut(made, { device, models, corpora, output, recipe }, progressLine(isQuiet));
    const report = runReport(result, describeAdapter(device.adapterInfo));
    process.stdout.write(isJson ? `${JSON.stringify(report, null, 2)}\n` : showRun(report));
    if (result.expects.some(({ holds }) => !holds))
      throw new UserError(failedExpectation(result, (place) => join(dirname(path), place)));
  } finally {
    device.close();
  }
}

/** Runs a plan; the output folder is there at the end if the result is to be kept, and else no trace of it. */
export async function carryOut(
  made: Plan,
  given: Pick<RunOptions, "models" | "corpora" | "output" | "recipe"> & { readonly device: Device },
  { show, end }: ProgressLine,
): Promise<RunResult> {
  const { output } = given;
  try {
    return await interruptible(
      async (signal) => {
        const result = await runPlan(made, { ...given, progress: show, signal });
        if (result.isSaved) output?.finish();
        return result;
      },
      () => output?.abort(),
    );
  } finally {
    end();
    output?.abort();
  }
}
