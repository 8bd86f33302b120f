/** `lcomp run`: compiles a recipe for this machine and carries it out. */
import { dirname, join } from "node:path";
import type { Plan } from "../../compiler/plan/plan.ts";
import type { LoadedRecipe } from "../../compiler/recipe/load-recipe.ts";
import { demandedAdapter, describeAdapter } from "../gpu/adapter.ts";
import { openDevice } from "../gpu/device.ts";
import { runPlan } from "../run/run-plan.ts";
import type { RunOptions } from "../run/session.ts";
import { UserError } from "../user-error.ts";
import { budgetFlags, budgetOf, storeFlags, storeOf } from "./budget.ts";
import { carryOut, type Ran, resultFlags, roomFor, withoutGpu } from "./carry-out.ts";
import { type ChoiceMade, showMade } from "./choice-table.ts";
import { decided } from "./choices.ts";
import { type Command, declare, type Flags, given } from "./flags.ts";
import { inputsOf } from "./inputs.ts";
import { openModel } from "./models.ts";
import { outlineReport, showOutline } from "./outline-table.ts";
import { openPlaces } from "./places.ts";
import { planInThread } from "./plan-thread.ts";
import { progressLine } from "./progress.ts";
import { archFlag, type OpenRecipe, openRecipe, readRecipe, readTexts, recipeFlags } from "./recipe.ts";
import { runProgress } from "./run-progress.ts";
import { say, widthOf } from "./terminal.ts";

/** The command; its flags are those of the recipe among `args`. */
export const runCommand = (args: readonly string[]): Command => ({
  builder: (yargs) =>
    recipeFlags(
      declare(yargs.positional("RECIPE", { type: "string", describe: "a .lcomp file" }), {
        ...resultFlags,
        ...archFlag,
        ...budgetFlags,
        ...storeFlags,
      }),
      args,
    ),
  handler: async (flags) => {
    await run(String(flags["RECIPE"]), flags);
  },
});

async function run(path: string, flags: Flags): Promise<void> {
  const entry = readRecipe(path, given(flags, "arch"));
  requireFlags(path, entry.loaded, flags);
  const { loaded } = entry;
  const saving = { name: loaded.name, isSaving: isSaving(loaded), inputs: inputsOf(entry, flags) };
  const places = openPlaces(saving, flags);
  const work = async (signal: AbortSignal): Promise<Ran> => {
    const choices: ChoiceMade[] = [];
    const tell = (shown: string): void => {
      if (flags["quiet"] !== true) say(process.stderr, shown);
    };
    for (let open = await openRecipe(entry, flags); ; ) {
      tell(`${showOutline(outlineReport(open.outlined), widthOf(process.stderr))}\n`);
      const ran = await compileAndRun(open, flags, { ...places, signal });
      const { question } = open.outlined;
      if (question === null) return { ...ran, choices };
      const values = ran.result.reports.map(({ value }) => value);
      const found = await decided(open, question, values);
      choices.push(found.made);
      tell(showMade(found.made, widthOf(process.stderr)));
      open = found.open;
    }
  };
  await carryOut(places, flags, work, (place) => join(dirname(path), place));
}

const isSaving = ({ recipe }: LoadedRecipe): boolean => recipe.body.statements.some(({ kind }) => kind === "save");

/** What several flags should have said is asked for at once. */
function requireFlags(path: string, loaded: LoadedRecipe, flags: Flags): void {
  const { name, parameters } = loaded;
  const wanted = parameters.filter((parameter) => parameter.fallback === null).map((parameter) => parameter.name);
  const missing = [...wanted, ...(isSaving(loaded) ? ["out"] : [])].filter((flag) => given(flags, flag) === undefined);
  if (missing.length < 2) return;
  const [last, ...others] = missing.map((flag) => `--${flag}`).reverse();
  const all = `${others.reverse().join(", ")} and ${last}`;
  throw new UserError(`${name} needs ${all}; lcomp run ${path} --help says what they are`, { exitCode: 2 });
}

/** Where a run keeps what it makes, and what ends it. */
export type RunPlaces = Pick<RunOptions, "output" | "folder" | "signal">;

/** Reads a recipe's texts, compiles it for this machine and carries it out, and shows how far it is. */
export async function compileAndRun(open: OpenRecipe, flags: Flags, options: RunPlaces): Promise<Ran> {
  const { loaded, shown, models, outlined } = open;
  const [budget, store] = [budgetOf(flags), storeOf(flags)];
  const isQuiet = flags["quiet"] === true;
  const line = progressLine(isQuiet);
  const progress = runProgress(line, outlined);
  try {
    const {
      corpora,
      inputs,
      tokenizer,
      notes: ofTexts,
    } = await readTexts(open, flags, {
      signal: options.signal,
      tokenizing: progress.tokenizing,
      note: line.say,
    });
    const device = await openDevice();
    try {
      if (!isQuiet && demandedAdapter() === undefined && device.facts.software) line.say(withoutGpu);
      const start = performance.now();
      const planned = (within: typeof budget): Promise<Plan> =>
        planInThread(
          { loaded, inputs: { ...inputs, budget: within, ...(store && { store }) }, facts: device.facts },
          { signal: options.signal, onGraph: progress.compiling, shown },
        );
      const wanted = await planned(budget);
      const room = await roomFor(device, wanted, budget.gpu);
      const made = room < wanted.peaks.gpu ? await planned({ ...budget, gpu: room }) : wanted;
      const seconds = (performance.now() - start) / 1000;
      progress.planned(made);
      const result = await runPlan(made, {
        ...{ ...options, device, models, corpora, tokenizer, openSaved: openModel, progress: progress.running },
        ...{ gpuMemory: budget.gpu, storeLimit: store?.limit, ...(!isQuiet && { note: line.say }) },
      });
      const adapter = describeAdapter(device.adapterInfo);
      const notes = [...outlined.notes.map(({ title }) => title), ...ofTexts];
      return {
        plan: made,
        ...{ models, corpora },
        result,
        compileSeconds: seconds + result.compileSeconds,
        adapter,
        notes,
      };
    } finally {
      device.close();
    }
  } finally {
    line.end();
  }
}
