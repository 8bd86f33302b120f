/** `lcomp compile`: what the compiler makes of a recipe on its way. */
import { type Made, type Observe, verify } from "../../compiler/artifacts.ts";
import { plan } from "../../compiler/compile.ts";
import { showGroups } from "../../compiler/fuse/show.ts";
import { showGraph } from "../../compiler/graph/show.ts";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { printPlan } from "../../compiler/plan/print.ts";
import { showModule } from "../../grammar/show.ts";
import { showPlace } from "../../grammar/source.ts";
import { openDevice } from "../gpu/device.ts";
import { budgetFlags, budgetOf, storeOf } from "./budget.ts";
import { type Command, declare, type Flags, flag, given, value } from "./flags.ts";
import { type Entry, entryFor, translated } from "./host.ts";
import { showKernels } from "./kernel-table.ts";
import { archFlag, type OpenRecipe, openRecipe, readRecipe, readTexts, recipeFlags } from "./recipe.ts";
import { lines, paragraphs, say, widthOf } from "./terminal.ts";

const artifacts: readonly Made[0][] = [
  ...(["tree", "types", "built", "graph", "summed", "divided", "groups", "kernels", "wgsl", "plan"] as const),
];

/** The command; its flags are those of the recipe among `args`. */
export const compileCommand = (args: readonly string[]): Command => ({
  builder: (yargs) =>
    recipeFlags(
      declare(yargs.positional("RECIPE", { type: "string", describe: "a .lcomp file" }), {
        emit: value("what is printed; all but the first two need the recipe's models and texts", {
          choices: artifacts,
          demandOption: true,
        }),
        ...archFlag,
        ...budgetFlags,
        verify: flag("test the invariants of each graph that the compiler makes"),
      }),
      args,
    ),
  handler: async (flags) => {
    const path = String(flags["RECIPE"]);
    const wanted = given(flags, "emit");
    const place = entryFor(path);
    const texts: string[] = [];
    const observe: Observe = (...made) => {
      if (flags["verify"] === true) verify(...made);
      if (made[0] === wanted) texts.push(...printed(made, place));
    };
    const entry = readRecipe(path, given(flags, "arch"), observe);
    if (texts.length === 0) {
      const open = await openRecipe(entry, flags);
      await planHere(open, flags, observe);
      const { question } = open.outlined;
      if (question) say(process.stderr, lines(`what is behind ${question.stage.name} is compiled once it has chosen`));
    }
    say(process.stdout, texts.join("\n"));
  },
});

/** Nothing where it is of another module. */
function printed([name, artifact]: Made, { module, shown }: Pick<Entry, "module" | "shown">): readonly string[] {
  switch (name) {
    case "tree":
      return artifact.file.path === module ? [paragraphs(showModule(artifact))] : [];
    case "types": {
      const own = [...artifact].filter(([{ span }]) => span.file.path === module);
      const typed = own.flatMap(([name, types]) => [...types].map((type) => ({ ...name, type })));
      return [lines(...typed.map(({ span, text, type }) => `${showPlace(shown(span)).padEnd(32)} ${text}: ${type}`))];
    }
    case "built":
    case "graph":
    case "summed":
    case "divided":
      return [paragraphs(showGraph(artifact))];
    case "groups":
      return [paragraphs(showGroups(artifact.graph, artifact.groups))];
    case "kernels":
      return [showKernels(artifact, widthOf(process.stdout))];
    case "wgsl":
      return [paragraphs(`// kernel ${artifact.hash}\n${artifact.wgsl}\n`)];
    case "plan":
      return [paragraphs(printPlan(artifact))];
  }
}

/** The plan of a recipe for the GPU of this machine. */
export async function planHere(open: OpenRecipe, flags: Flags, observe?: Observe): Promise<Plan> {
  const device = await openDevice();
  try {
    return await planFor(device.facts, open, flags, observe);
  } finally {
    device.close();
  }
}

/** The plan of a recipe for a device. */
export async function planFor(
  device: DeviceFacts,
  open: OpenRecipe,
  flags: Flags,
  observe?: Observe,
  budget = budgetOf(flags),
): Promise<Plan> {
  const { inputs } = await readTexts(open, flags);
  const store = storeOf(flags);
  return translated(open.shown, () =>
    plan(open.loaded, { ...inputs, budget, ...(store && { store }) }, device, observe),
  );
}
