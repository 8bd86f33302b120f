/** `lcomp compile`: what a stage of the compiler makes of a recipe. */
import type { CommandModule } from "yargs";
import { check, plan } from "../../compiler/compile.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import { showGraph } from "../../compiler/graph/show.ts";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { showPlan } from "../../compiler/plan/show.ts";
import { accepted } from "../../grammar/diagnostic.ts";
import { showModule } from "../../grammar/show.ts";
import { showPlace } from "../../grammar/source.ts";
import { openDevice } from "../gpu/device.ts";
import { declare, type Flags, given, value } from "./flags.ts";
import { entryFor } from "./host.ts";
import { showKernels } from "./kernel-table.ts";
import { type OpenRecipe, openRecipe, readRecipe, readTexts, recipeFlags, translated } from "./recipe.ts";
import { json, lines, paragraphs, say, widthOf } from "./terminal.ts";

const artifacts = ["tree", "types", "graph", "kernels", "wgsl", "plan"] as const;
type Artifact = (typeof artifacts)[number];

/** The command; its flags are those of the recipe among `args`. */
export const compileCommand = (args: readonly string[]): CommandModule<object, Flags> => ({
  command: "compile <RECIPE>",
  describe: "Print what a stage of the compiler makes of a recipe",
  builder: (yargs) =>
    recipeFlags(
      declare(yargs.positional("RECIPE", { type: "string", describe: "a .lcomp file" }), {
        emit: value("the stage's result; the last four need the recipe's models and texts", {
          choices: artifacts,
          demandOption: true,
        }),
      }),
      args,
    ),
  handler: async (flags) => {
    say(process.stdout, await emit(String(flags["RECIPE"]), given(flags, "emit") as Artifact, flags));
  },
});

async function emit(path: string, artifact: Artifact, flags: Flags): Promise<string> {
  switch (artifact) {
    case "tree":
      return paragraphs(showModule(lastOf(readRecipe(path).loaded.modules).tree));
    case "types":
      return types(path);
    case "graph": {
      const graphs: Graph[] = [];
      await planned(path, flags, (graph) => graphs.push(graph));
      return paragraphs(graphs.map(showGraph).join("\n"));
    }
    case "kernels":
      return (await planned(path, flags)).programs
        .map((program) => showKernels(program, widthOf(process.stdout)))
        .join("\n");
    case "wgsl":
      return paragraphs(
        (await planned(path, flags)).kernels.map(({ hash, wgsl }) => `// kernel ${hash}\n${wgsl}\n`).join("\n"),
      );
    case "plan":
      return json(JSON.parse(showPlan(await planned(path, flags))));
  }
}

function types(path: string): string {
  const { host, module, shown } = entryFor(path);
  const { context } = translated(shown, () => accepted(check(host, module)));
  const own = [...context.types].filter(([{ span }]) => span.file.path === module);
  const typed = own.flatMap(([name, types]) => [...types].map((type) => ({ ...name, type })));
  return lines(...typed.map(({ span, text, type }) => `${showPlace(shown(span)).padEnd(32)} ${text}: ${type}`));
}

const planned = async (path: string, flags: Flags, observe?: (graph: Graph) => void): Promise<Plan> =>
  planHere(await openRecipe(readRecipe(path), flags), flags, observe);

/** The plan of a recipe for the GPU of this machine. */
export async function planHere(open: OpenRecipe, flags: Flags, observe?: (graph: Graph) => void): Promise<Plan> {
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
  observe?: (graph: Graph) => void,
): Promise<Plan> {
  const { inputs } = await readTexts(open, flags);
  return translated(open.shown, () => plan(open.loaded, inputs, device, observe));
}

function lastOf<T>(items: readonly T[]): T {
  const last = items.at(-1);
  if (last === undefined) throw new Error("a recipe without a module");
  return last;
}
