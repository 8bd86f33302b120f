/** `lcomp plan`: what a recipe would do, from headers alone. */
import { readFileSync, statSync } from "node:fs";
import { outline, type Prepared, prepare } from "../../compiler/compile.ts";
import { type DeviceFacts, mostCapable } from "../../compiler/plan/device-facts.ts";
import { loadMachine, MachineError } from "../../compiler/plan/load-machine.ts";
import { showPlan } from "../../compiler/plan/plan-file.ts";
import type { Question } from "../../compiler/recipe/choice/trial-steps.ts";
import { adapterInfo, demandedAdapter, describeAdapter, deviceFacts, findAdapter } from "../gpu/adapter.ts";
import { type Input, requireApart } from "../io/apart.ts";
import { explainedNow, parseJson, readText } from "../io/file.ts";
import { writeWhole } from "../io/whole-file.ts";
import { hashesOf } from "../store/given-tensors.ts";
import { UserError } from "../user-error.ts";
import { budgetFlags, budgetOf, storeFlags, storeOf } from "./budget.ts";
import { type ChoiceMade, showMade } from "./choice-table.ts";
import { decided } from "./choices.ts";
import { planFor, planHere } from "./compile.ts";
import { type Command, declare, type Flags, flag, given, value } from "./flags.ts";
import { translated } from "./host.ts";
import { inputsOf } from "./inputs.ts";
import { type Kept, keptIn, showKept } from "./kept-table.ts";
import { needsOf, showNeeds } from "./needs-table.ts";
import { outlineReport, showOutline } from "./outline-table.ts";
import { archFlag, type OpenRecipe, openRecipe, readRecipe, readTexts, recipeFlags } from "./recipe.ts";
import { textsOf } from "./run-progress.ts";
import { printResult } from "./terminal.ts";

/** The command; its flags are those of the recipe among `args`. */
export const planCommand = (args: readonly string[]): Command => ({
  builder: (yargs) =>
    recipeFlags(
      declare(yargs.positional("RECIPE", { type: "string", describe: "a .lcomp file" }), {
        json: flag("print the plan's table as JSON"),
        device: value("plan for another machine: a file with what `lcomp doctor --json` prints there"),
        ...archFlag,
        ...budgetFlags,
        ...storeFlags,
        store: value("say which steps the store in that folder has, and why the others would be run"),
        output: value("write the whole plan, with its kernels for the GPU, to a file"),
        "hash-weights": flag("read all weights for that file, so that apply takes no others"),
      }),
      args,
    ),
  handler: async (flags) => {
    const entry = readRecipe(String(flags["RECIPE"]), given(flags, "arch"));
    const file = given(flags, "output");
    if (file !== undefined) requireFree(file, inputsOf(entry, flags));
    else if (flags["hash-weights"] === true)
      throw new UserError("--hash-weights is for the file of a plan: add --output FILE", { exitCode: 2 });
    const there = given(flags, "device");
    const machine = there === undefined ? undefined : await readMachine(there);
    const store = given(flags, "store");
    if (store !== undefined && machine !== undefined)
      throw new UserError("what is in a store is of this machine: leave out --device or --store", { exitCode: 2 });
    const { open, made, kept, choices } = await furthest(await openRecipe(entry, flags), flags, {
      file,
      machine,
      store,
    });
    const ofStore = store !== undefined && { kept: kept.parts, ...(choices.length > 0 && { choices }) };
    const report = { ...outlineReport(open.outlined), ...needsOf(made), ...ofStore };
    printResult(flags, report, (width) => {
      const shown = store === undefined ? "" : showKept(kept.parts, store, width);
      const chosen = choices.map((each) => showMade(each, width)).join("");
      return chosen + showOutline(report, width) + showNeeds(report, width) + shown;
    });
  },
});

/** The plan, with what the store says that stages choose. */
async function furthest(
  open: OpenRecipe,
  flags: Flags,
  {
    file,
    machine,
    store,
  }: Readonly<Record<"file" | "store", string | undefined>> & { readonly machine: Machine | undefined },
): Promise<Readonly<{ open: OpenRecipe; made: Prepared; kept: Kept; choices: readonly ChoiceMade[] }>> {
  const choices: ChoiceMade[] = [];
  for (let now = open; ; ) {
    const { question } = now.outlined;
    const made = await planned(now, flags, question === null ? file : undefined, machine);
    const kept = store === undefined ? nothingKept : await keptHere(store, made, now, flags);
    if (question !== null && kept.values === null && file !== undefined) throw undecided(now, question);
    if (question === null || kept.values === null) return { open: now, made, kept, choices };
    const found = await decided(now, question, kept.values);
    choices.push(found.made);
    now = found.open;
  }
}

/** A plan is carried out as it is, and chooses nothing. */
function undecided({ loaded: { name } }: OpenRecipe, { stage }: Question): UserError {
  const what = `${name} is not written to a file, as a plan of it ends where ${stage.name} chooses`;
  return new UserError(`${what}: carry it out with lcomp run --store DIR, then plan it with the same --store`);
}

const nothingKept: Kept = { parts: [], values: null };

/** What a store has of a plan for this machine. */
async function keptHere(store: string, plan: Prepared, open: OpenRecipe, flags: Flags): Promise<Kept> {
  const adapter = await findAdapter(demandedAdapter());
  if (adapter === undefined) return nothingKept;
  const { corpora } = await readTexts(open, flags);
  const { stages } = open.outlined.typed;
  return keptIn(store, { ...plan, stages }, { ...open, corpora, adapter: describeAdapter(adapterInfo(adapter)) });
}

/** What would run, for the machine at hand or another one; the whole plan goes into the file. */
async function planned(
  open: OpenRecipe,
  flags: Flags,
  file: string | undefined,
  machine: Machine | undefined,
): Promise<Prepared> {
  const budget = budgetOf(flags, machine?.memory);
  if (file !== undefined) {
    const made = await (machine ? planFor(machine.device, open, flags, undefined, budget) : planHere(open, flags));
    const hashes = flags["hash-weights"] === true ? await hashesOf(open.models) : {};
    const models = made.models.map((model) => {
      const contents = hashes[model.name];
      return contents === undefined ? model : { ...model, contents };
    });
    writeWhole(file, showPlan({ ...made, models }));
    return made;
  }
  const device = machine?.device ?? (await factsHere());
  // Where a text is not named, how many windows the texts have is left open.
  const isOpen = textsOf(open.outlined).some(({ corpus }) => given(flags, corpus) === undefined);
  const { inputs } = isOpen ? open : await readTexts(open, flags);
  return translated(open.shown, () => {
    const outlined = isOpen ? open.outlined : outline(open.loaded, inputs);
    const store = storeOf(flags);
    return prepare(outlined, { ...inputs, budget, ...(store && { store }) }, device);
  });
}

type Machine = ReturnType<typeof loadMachine>;

/** What `lcomp run` would find here; where there is no adapter, what none exceeds. */
async function factsHere(): Promise<DeviceFacts> {
  const adapter = await findAdapter(demandedAdapter());
  return adapter === undefined ? mostCapable : deviceFacts(adapter);
}

/** What a machine's doctor has said of it. */
async function readMachine(path: string): Promise<Machine> {
  const report = parseJson(await readText(path), path);
  try {
    return loadMachine(report);
  } catch (error) {
    if (!(error instanceof MachineError)) throw error;
    throw new UserError(`${path} says nothing of a device: ${error.message}; lcomp doctor --json prints what does`);
  }
}

/** A plan goes where no file is, or in the place of another plan. */
function requireFree(path: string, inputs: readonly Input[]): void {
  requireApart(path, inputs);
  explainedNow("write", path, () => {
    const status = statSync(path, { throwIfNoEntry: false });
    if (!status?.isFile() || status.size === 0 || readFileSync(path, "utf8").startsWith('{\n  "version":')) return;
    throw new UserError(`will not write ${path}: a file is there that is no plan; choose another name`);
  });
}
