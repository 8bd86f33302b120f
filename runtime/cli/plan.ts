/** `lcomp plan`: what a recipe would do, from headers alone. */
import { writeFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import { plan } from "../../compiler/compile.ts";
import { showPlan } from "../../compiler/plan/show.ts";
import { openDevice } from "../gpu/device.ts";
import { explainedNow } from "../io/file.ts";
import { declare, type Flags, flag, given, value } from "./flags.ts";
import { outlineReport, showOutline } from "./outline-table.ts";
import { type OpenRecipe, openRecipe, readRecipe, readTexts, recipeFlags, translated } from "./recipe.ts";
import { printResult } from "./terminal.ts";

/** The command; its flags are those of the recipe among `args`. */
export const planCommand = (args: readonly string[]): CommandModule<object, Flags> => ({
  command: "plan <RECIPE>",
  describe: "Show what a recipe would do, from headers alone",
  builder: (yargs) =>
    recipeFlags(
      declare(yargs.positional("RECIPE", { type: "string", describe: "a .lcomp file" }), {
        json: flag("print the plan's table as JSON"),
        output: value("write the whole plan for this machine's GPU, with its kernels, to a file"),
      }),
      args,
    ),
  handler: async (flags) => {
    const open = await openRecipe(readRecipe(String(flags["RECIPE"])), flags);
    const report = outlineReport(open.outlined);
    const file = given(flags, "output");
    if (file !== undefined) {
      const text = await wholePlan(open, flags);
      explainedNow("write", file, () => writeFileSync(file, text));
    }
    printResult(flags, report, (width) => showOutline(report, width));
  },
});

/** The plan as JSON, for the GPU of this machine. */
async function wholePlan(open: OpenRecipe, flags: Flags): Promise<string> {
  const { inputs } = await readTexts(open, flags);
  const device = await openDevice();
  try {
    return showPlan(translated(open.shown, () => plan(open.loaded, inputs, device.facts)));
  } finally {
    device.close();
  }
}
