/** `lcomp apply`: carries out a plan from a file, exactly as it is, on what it was made for. */
import type { Argv } from "yargs";
import { showBytes } from "../../compiler/plan/bytes.ts";
import { type DeviceFacts, misfit } from "../../compiler/plan/device-facts.ts";
import { headersOf } from "../../compiler/plan/headers.ts";
import { loadPlan } from "../../compiler/plan/load-plan.ts";
import { isTask, type Plan } from "../../compiler/plan/plan.ts";
import { planHash } from "../../compiler/plan/plan-file.ts";
import { demandedAdapter, describeAdapter } from "../gpu/adapter.ts";
import { type Device, openDevice } from "../gpu/device.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import { readText } from "../io/file.ts";
import { runPlan } from "../run/run-plan.ts";
import type { RunOptions } from "../run/session.ts";
import { UserError } from "../user-error.ts";
import { carryOut, type Ran, resultFlags, roomFor, withoutGpu } from "./carry-out.ts";
import { type Command, declare, type Flags, given, value } from "./flags.ts";
import { inputsOfPlan } from "./inputs.ts";
import { openModel } from "./models.ts";
import { openPlaces } from "./places.ts";
import { progressLine } from "./progress.ts";
import { asked, fileIn } from "./recipe.ts";
import { runProgress } from "./run-progress.ts";
import { counted, lines, paragraphs, say, widthOf, wrapped } from "./terminal.ts";
import { type EncodedTexts, encodeNamed, readTasks } from "./texts.ts";

/** A plan and its file. */
interface Given {
  readonly path: string;
  readonly plan: Plan;
}

/** The command; its flags are the models and texts of the plan among `args`. */
export const applyCommand = (args: readonly string[]): Command => ({
  builder: (yargs) =>
    planFlags(
      declare(
        yargs.positional("PLAN", { type: "string", describe: "what lcomp plan --output has written" }),
        resultFlags,
      ),
      args,
    ),
  handler: async (flags) => {
    const path = String(flags["PLAN"]);
    await apply({ path, plan: await readPlan(path) }, flags);
  },
});

async function readPlan(path: string): Promise<Plan> {
  if (path.endsWith(".lcomp")) throw new UserError(`${path} is a recipe: lcomp run carries it out`, { exitCode: 2 });
  return loadPlan(await readText(path), path);
}

async function planFlags(yargs: Argv, args: readonly string[]): Promise<Argv> {
  const path = fileIn(args, ".json");
  if (path === undefined) return yargs;
  const { recipe, models, corpora } = await readPlan(path);
  const flags = [
    ...models.map(({ name }) => [name, value(asked.Model)] as const),
    ...corpora.map((corpus) => [corpus.name, value(isTask(corpus) ? asked.Task : asked.Corpus)] as const),
  ];
  return declare(yargs, Object.fromEntries(flags))
    .group([...flags.map(([name]) => name)], `What ${recipe.name} was planned for:`)
    .epilogue(paragraphs(recipe.doc));
}

async function apply(planned: Given, flags: Flags): Promise<void> {
  const { path, plan } = planned;
  const saving = { name: plan.recipe.name, isSaving: plan.saves.length > 0, inputs: inputsOfPlan(path, plan, flags) };
  const places = openPlaces(saving, flags);
  await carryOut(places, flags, async (signal) => {
    const models = await openModels(planned, flags);
    const device = await openDevice({ access: "robust" });
    try {
      await requireDevice(planned, device);
      return await runHere(planned, flags, { device, models, ...places, signal });
    } finally {
      device.close();
    }
  });
}

/** Reads the texts and runs the plan, and shows how far it is. */
async function runHere(
  planned: Given,
  flags: Flags,
  options: Pick<RunOptions, "device" | "models" | "output" | "folder" | "signal">,
): Promise<Ran> {
  const { plan } = planned;
  const isQuiet = flags["quiet"] === true;
  if (!isQuiet) say(process.stderr, showPlanned(plan, widthOf(process.stderr)));
  const line = progressLine(isQuiet);
  const progress = runProgress(line, plan, { isCompiled: true });
  try {
    const { device, models, signal } = options;
    const { recipe, windows, peaks } = plan;
    const reading = { signal, tokenizing: progress.tokenizing, note: line.say };
    const named = plan.corpora.filter(isTask).map(({ name }) => name);
    const tasks = await readTasks(recipe.name, named, flags, models, reading);
    const texts = await encodeNamed({ name: recipe.name, windows, models, tasks }, flags, reading);
    requireTexts(planned, texts, flags);
    if (!isQuiet && demandedAdapter() === undefined && device.facts.software) line.say(withoutGpu);
    progress.planned(plan);
    const { corpora, tokenizer, notes } = texts;
    const said = { progress: progress.running, ...(!isQuiet && { note: line.say }) };
    const more = { corpora, tokenizer, gpuMemory: peaks.gpu, openSaved: openModel, ...said };
    const result = await runPlan(plan, { ...options, ...more });
    return {
      plan,
      ...{ models, corpora },
      result,
      compileSeconds: result.compileSeconds,
      adapter: describeAdapter(device.adapterInfo),
      notes,
    };
  } finally {
    line.end();
  }
}

/** `first: 141 steps with 44 MB of GPU memory and 33.6 MB of host memory, plan sha256 …` */
function showPlanned(plan: Plan, width: number): string {
  const { recipe, steps, peaks } = plan;
  const memory = `${showBytes(peaks.gpu)} of GPU memory and ${showBytes(peaks.host)} of host memory`;
  const said = `${recipe.name}: ${counted(steps.length, "step")} with ${memory}, plan sha256 ${planHash(plan)}`;
  return lines(...wrapped(said, width, "  "));
}

/** The models that the flags name, which must be those that the plan was made for. */
async function openModels({ path, plan }: Given, flags: Flags): Promise<ReadonlyMap<string, Checkpoint>> {
  const models = new Map<string, Checkpoint>();
  for (const { name, headers } of plan.models) {
    const folder = given(flags, name);
    if (folder === undefined)
      throw new UserError(`${plan.recipe.name} needs a model: add --${name} DIR`, { exitCode: 2 });
    const checkpoint = await openModel(folder);
    if (headersOf(checkpoint) !== headers) {
      const what = "its config, or the names, types or shapes of its tensors, are others";
      throw new UserError(
        `${folder} is not the model that ${path} was made for: ${what}; give that one, or plan again`,
      );
    }
    models.set(name, checkpoint);
  }
  return models;
}

/** Token ids must be those that were planned for, which depend on the text and on the tokenizer. */
function requireTexts({ path, plan }: Given, { facts }: EncodedTexts, flags: Flags): void {
  for (const { name, splits } of plan.corpora)
    for (const { split, tokens, sha256 } of splits) {
      const found = facts.get(name);
      if (found?.tokens[split] === tokens && found.hashes?.[split] === sha256) continue;
      const text = `${name}.${split} of ${given(flags, name)}`;
      const numbers = `${found?.tokens[split] ?? 0} tokens here, ${tokens} there`;
      const way = "give that text, and the model with that tokenizer, or plan again";
      throw new UserError(`${text} is not the text that ${path} was made for (${numbers}, or others as many); ${way}`);
    }
}

async function requireDevice({ path, plan }: Given, device: Device): Promise<void> {
  const fact = misfit(plan.device, device.facts);
  if (fact !== undefined) {
    const [there, here] = [plan.device, device.facts].map((facts) => shownFact(facts, fact));
    const what = `its ${fact} is ${there}, and that of ${describeAdapter(device.adapterInfo)} is ${here}`;
    throw new UserError(`${path} was made for another adapter: ${what}; ${wayTo(plan.device)}`);
  }
  const room = await roomFor(device, plan);
  if (room >= plan.peaks.gpu) return;
  const sizes = `${showBytes(plan.peaks.gpu)} of GPU memory at once, and there are ${showBytes(room)}`;
  throw new UserError(`${path} takes ${sizes}; plan again with --gpu-memory`);
}

const shownFact = (facts: DeviceFacts, fact: keyof DeviceFacts): string =>
  typeof facts[fact] === "object" ? JSON.stringify(facts[fact]) : String(facts[fact]);

/** Where a plan for such a device can be carried out. */
const wayTo = ({ kind }: DeviceFacts): string =>
  kind === "lavapipe" || kind === "swiftshader"
    ? `LCOMP_ADAPTER=${kind} demands that one, or plan again`
    : "plan again for this one";
