/** The check that ends a `save`: the files are opened as anybody would, and on some windows the model in them must have the loss that it had before. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { headersOf } from "../../compiler/plan/headers.ts";
import type { Ref, SavedCheck } from "../../compiler/plan/step.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import { UserError } from "../user-error.ts";
import type { CheckResult } from "./result.ts";
import { ggufName } from "./save-file.ts";
import type { RunOptions, Session } from "./session.ts";

/** What was saved in a folder, as a model that steps read. Throws UserError if the files do not say what the plan knew that they would. */
export async function openChecked(
  of: string,
  { headers }: SavedCheck,
  folder: string,
  { openSaved }: Pick<RunOptions, "openSaved">,
): Promise<Checkpoint> {
  if (openSaved === undefined) throw new Error("nobody opens what was saved");
  const file = join(folder, ggufName);
  const opened = await openSaved(existsSync(file) ? file : folder);
  if (headersOf(opened) === headers) return opened;
  const others = "or the names, types or shapes of its tensors, are not those that were saved";
  throw broken(`read back, the config of ${of}, ${others}`);
}

/** What the steps behind the saving have found. Throws UserError if the files are not what was saved. */
export async function readCheck({ plan, store }: Session, of: string, check: SavedCheck): Promise<CheckResult> {
  const { over, values, tolerance } = check;
  const read = async (ref: Ref): Promise<number> => (await store.numbers(ref))[0] ?? Number.NaN;
  const [loss, saved_loss, kl] = [await read(values.loss), await read(values.saved_loss), await read(values.kl)];
  if (!(Math.abs(saved_loss - loss) <= tolerance * Math.max(1, Math.abs(loss))))
    throw broken(`read back, ${of} has a loss of ${saved_loss} where it had ${loss} before it was saved`);
  return { windows: plan.windows[over]?.count ?? 0, loss, saved_loss, kl };
}

const broken = (what: string): UserError =>
  new UserError(`nothing is kept: ${what}; this is a mistake of lcomp or of the disk`);
