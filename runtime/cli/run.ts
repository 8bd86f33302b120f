/** `lcomp run`: compiles a recipe for this machine and carries it out. */
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CommandModule } from "yargs";
import type { Plan } from "../../compiler/plan/plan.ts";
import type { LoadedRecipe } from "../../compiler/recipe/load.ts";
import { showBytes } from "../bytes.ts";
import { demandedAdapter, describeAdapter } from "../gpu/adapter.ts";
import { type Device, openDevice } from "../gpu/device.ts";
import { roomOn } from "../gpu/room.ts";
import { OutputFolder } from "../io/output-folder.ts";
import type { RunResult } from "../run/result.ts";
import { runPlan } from "../run/run-plan.ts";
import type { RunOptions } from "../run/session.ts";
import { UserError } from "../user-error.ts";
import { type Budget, budgetFlags, budgetOf } from "./budget.ts";
import { declare, type Flags, flag, given, value } from "./flags.ts";
import { inputsOf } from "./inputs.ts";
import { interruptible } from "./interrupt.ts";
import { outlineReport, showOutline } from "./outline-table.ts";
import { planInThread } from "./plan-thread.ts";
import { progressLine } from "./progress.ts";
import { type OpenRecipe, openRecipe, type RecipeEntry, readRecipe, readTexts, recipeFlags } from "./recipe.ts";
import { failedExpectation, type RunReport, runReport, showLeftBehind, showRun } from "./result-table.ts";
import { runProgress } from "./run-progress.ts";
import { lines, printResult, say, widthOf } from "./terminal.ts";

/** The command; its flags are those of the recipe among `args`. */
export const runCommand = (args: readonly string[]): CommandModule<object, Flags> => ({
  command: "run <RECIPE>",
  describe: "Compile a recipe and carry it out",
  builder: (yargs) =>
    recipeFlags(
      declare(yargs.positional("RECIPE", { type: "string", describe: "a .lcomp file" }), {
        out: value("the folder for the result"),
        force: flag("replace an earlier result in that folder"),
        json: flag("print the result as JSON"),
        quiet: flag("no plan and no progress"),
        ...budgetFlags,
      }),
      args,
    ),
  handler: async (flags) => {
    await run(String(flags["RECIPE"]), flags);
  },
});

async function run(path: string, flags: Flags): Promise<void> {
  const entry = readRecipe(path);
  requireFlags(path, entry.loaded, flags);
  const output = openOutput(entry, flags);
  const { result, report } = await keeping(output, async (signal) => {
    const open = await openRecipe(entry, flags);
    if (flags["quiet"] !== true)
      say(process.stderr, `${showOutline(outlineReport(open.outlined), widthOf(process.stderr))}\n`);
    const recipe = entry.loaded.modules.at(-1)?.tree.file.text ?? "";
    const { result, compileSeconds, adapter, notes } = await compileAndRun(open, flags, {
      output,
      recipe,
      signal,
    });
    const times = { seconds: performance.now() / 1000, compile_seconds: compileSeconds };
    const left_behind = result.leftBehind.map(({ name }) => name);
    return { result, report: runReport(result, { left_behind, notes, ...times, adapter }) };
  });
  printResult(flags, report, (width) => showRun(report, width));
  if (flags["quiet"] !== true) say(process.stderr, showLeftBehind(result) + showSaved(entry.loaded, result, flags));
  if (result.expects.some(({ holds }) => !holds))
    throw new UserError(failedExpectation(result, (place) => join(dirname(path), place)));
}

/** Where the result is, and what can be done with it; nothing if there is none. */
function showSaved({ parameters }: LoadedRecipe, { isSaved }: RunResult, flags: Flags): string {
  const out = given(flags, "out");
  if (!isSaved || out === undefined) return "";
  const files = readdirSync(out, { recursive: true, encoding: "utf8" }).map((name) => statSync(join(out, name)));
  const bytes = files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
  const text = parameters.flatMap(({ name, type }) => (type === "Corpus" ? [given(flags, name)] : []))[0] ?? "TEXT";
  const measure = ["npx", "lcomp", "eval", out, "--text", text].map(quoted).join(" ");
  const said = `${out}: ${showBytes(bytes)}, loads like any Hugging Face folder; measure it:`;
  const isOneLine = said.length + 1 + measure.length <= widthOf(process.stderr);
  return isOneLine ? lines(`${said} ${measure}`) : lines(said, `  ${measure}`);
}

/** A word as a shell takes it. */
const quoted = (word: string): string => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

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

/** Where the result goes, null if the recipe saves none. What is wrong with the place is said before anything else is done. */
function openOutput(entry: RecipeEntry, flags: Flags): OutputFolder | null {
  const { loaded } = entry;
  const { name } = loaded;
  const out = given(flags, "out");
  if (isSaving(loaded) && out === undefined)
    throw new UserError(`${name} saves its result: add --out DIR`, { exitCode: 2 });
  if (!isSaving(loaded) && out !== undefined)
    throw new UserError(`${name} saves nothing: leave out --out, or add a \`save\` to the recipe`, { exitCode: 2 });
  if (out === undefined) return null;
  const output = new OutputFolder(out, { force: flags["force"] === true, inputs: inputsOf(entry, flags) });
  say(process.stderr, lines(...output.repairs));
  return output;
}

interface Done {
  readonly result: RunResult;
  readonly report: RunReport;
}

/** What a run was made of, and what it gave. */
interface Ran {
  readonly plan: Plan;
  readonly corpora: RunOptions["corpora"];
  readonly result: RunResult;
  /** Of the compiler and of the pipelines. */
  readonly compileSeconds: number;
  readonly adapter: string;
  /** What has been said of the models and of the texts. */
  readonly notes: readonly string[];
}

/** Reads a recipe's texts, compiles it for this machine and carries it out, and shows how far it is. */
export async function compileAndRun(
  open: OpenRecipe,
  flags: Flags,
  options: Pick<RunOptions, "output" | "recipe" | "signal">,
): Promise<Ran> {
  const { loaded, shown, models, outlined } = open;
  const budget = budgetOf(flags);
  const line = progressLine(flags["quiet"] === true);
  const progress = runProgress(line, outlined);
  try {
    const {
      corpora,
      inputs,
      notes: ofTexts,
    } = await readTexts(open, flags, {
      signal: options.signal,
      tokenizing: progress.tokenizing,
      note: line.say,
    });
    const device = await openDevice();
    try {
      if (flags["quiet"] !== true && demandedAdapter() === undefined && device.facts.software) line.say(withoutGpu);
      const start = performance.now();
      const planned = (within: typeof budget): Promise<Plan> =>
        planInThread(
          { loaded, inputs: { ...inputs, budget: within }, facts: device.facts },
          { signal: options.signal, onGraph: progress.compiling, shown },
        );
      const wanted = await planned(budget);
      const room = await roomFor(device, wanted, budget);
      const made = room < wanted.peaks.gpu ? await planned({ ...budget, gpu: room }) : wanted;
      const seconds = (performance.now() - start) / 1000;
      progress.planned(made);
      const result = await runPlan(made, {
        ...{ ...options, device, models, corpora, progress: progress.running },
        gpuMemory: budget.gpu,
      });
      const adapter = describeAdapter(device.adapterInfo);
      const notes = [...outlined.notes.map(({ title }) => title), ...ofTexts];
      return { plan: made, corpora, result, compileSeconds: seconds + result.compileSeconds, adapter, notes };
    } finally {
      device.close();
    }
  } finally {
    line.end();
  }
}

/** What a GPU has of what the plan takes, where no flag says what it may take; software adapters have the host's memory. */
const roomFor = async (device: Device, { peaks }: Plan, { gpu }: Budget): Promise<number> =>
  gpu < Infinity || device.facts.software ? peaks.gpu : roomOn(device, peaks.gpu);

const withoutGpu = "no GPU is used: the processor does its work, with the same results, slowly; lcomp doctor says why";

/** The output folder is there at the end if the result is to be kept, and else no trace of it. */
async function keeping(output: OutputFolder | null, work: (signal: AbortSignal) => Promise<Done>): Promise<Done> {
  try {
    return await interruptible(
      async (signal) => {
        const done = await work(signal);
        if (done.result.isSaved) say(process.stderr, lines(...(output?.finish() ?? [])));
        return done;
      },
      () => output?.abort(),
    );
  } finally {
    output?.abort();
  }
}
