/**
 * The check that ends a `save`: the folder is opened as anybody would, and on the first eight windows of a text its loss must be that of the model
 * which it was saved from. The steps that made that are in the run's store, and are not run again.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { withCheck } from "../../compiler/compile.ts";
import type { ModelFacts } from "../../compiler/model/facts.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import type { SavedTensor } from "../../compiler/plan/step.ts";
import { checkWindows } from "../../compiler/recipe/check-saved.ts";
import type { Device } from "../gpu/device.ts";
import { runPlan } from "../run/run-plan.ts";
import { ggufName } from "../run/save-file.ts";
import type { RunOptions } from "../run/session.ts";
import { UserError } from "../user-error.ts";
import { libraryHost } from "./host.ts";
import { openModel } from "./models.ts";
import { planInThread } from "./plan-thread.ts";
import type { OpenRecipe } from "./recipe.ts";

/** What was found of a saved folder. */
export interface SavedCheck {
  readonly windows: number;
  /** In nats per token, of the model that was saved, and of the folder. */
  readonly loss: number;
  readonly saved_loss: number;
  /** KL(given model ‖ folder), in nats per token. */
  readonly kl: number;
}

/** A run that has saved. */
interface Saved {
  readonly open: OpenRecipe;
  readonly plan: Plan;
  readonly inputs: OpenRecipe["inputs"];
  readonly device: Device;
  readonly options: Pick<RunOptions, "output" | "folder" | "signal" | "corpora" | "gpuMemory">;
}

/** What the folder is called among the recipe's models, where no parameter can be. */
const name = "the saved folder";

/** Null where the recipe reads no text, or saves nothing. Throws UserError where the folder is not what was saved. */
export async function checkSaved({ open, plan, inputs, device, options }: Saved): Promise<SavedCheck | null> {
  const { output, folder, signal, corpora, gpuMemory } = options;
  if (plan.save === null || output === null || checkWindows(open.outlined.typed) === null) return null;
  const file = join(output.partial, ggufName);
  const saved = await openModel(existsSync(file) ? file : output.partial);
  const facts: ModelFacts = { name: output.target, config: saved.config, tensors: saved.tensors };
  const order = {
    loaded: withCheck(libraryHost(), open.loaded),
    inputs: { ...inputs, models: new Map([...inputs.models, [name, facts] as const]), saved: name },
    facts: device.facts,
  };
  const made = await planInThread(order, { signal, onGraph: () => undefined, shown: open.shown });
  const { reports } = await runPlan(made, {
    ...{ device, corpora, signal, output: null, progress: () => undefined },
    models: new Map([...open.models, [name, saved] as const]),
    ...(folder && { folder }),
    ...(gpuMemory !== undefined && { gpuMemory }),
  });
  const [loss = Number.NaN, savedLoss = Number.NaN, kl = Number.NaN] = reports.map(({ value }) => value);
  if (!(Math.abs(savedLoss - loss) <= toleranceOf(plan) * Math.max(1, Math.abs(loss)))) {
    const what = `read back, ${plan.save.of} has a loss of ${savedLoss} where it had ${loss} before it was saved`;
    throw new UserError(`nothing is kept: ${what}; this is a mistake of lcomp or of the disk`);
  }
  return { windows: windowsOf(made), loss, saved_loss: savedLoss, kl };
}

/** How many windows the models are compared on. */
function windowsOf({ steps, windows }: Plan): number {
  const over = steps.find(({ part }) => part.what === "head")?.over ?? null;
  return over === null ? 0 : (windows[over]?.count ?? 0);
}

/** By how much losses may differ: not at all but for the order of sums, unless codes were rounded to numbers of few bits. */
function toleranceOf({ save, steps }: Plan): number {
  const isDecoded = ({ from }: SavedTensor): boolean =>
    "step" in from && steps[from.step]?.part.stage === null && save?.quantization === null;
  const rounded = (save?.tensors ?? []).filter(isDecoded).map(({ dtype }) => dtype);
  return rounded.includes("BF16") ? 1e-2 : rounded.includes("F16") ? 1e-3 : 1e-5;
}
