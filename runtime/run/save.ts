/** The result as a Hugging Face folder: the weights with their names and types, everything beside them carried over. */
import type { Plan } from "../../compiler/plan/plan.ts";
import type { Ref, SaveRecord } from "../../compiler/plan/step.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import type { OutputFolder } from "../io/output-folder.ts";
import { declared } from "./declared.ts";
import { configOf } from "./save-file.ts";
import type { RunOptions, Session } from "./session.ts";

/** The given model that the saved one began as, and where the result goes. */
export function placesOf(
  { save: saved }: Plan,
  { models, output }: Pick<RunOptions, "models" | "output">,
): { readonly record: SaveRecord; readonly origin: Checkpoint; readonly output: OutputFolder } {
  const origin = saved === null ? undefined : models.get(saved.origin);
  if (saved === null || origin === undefined || output === null) throw new Error(`nowhere to save ${saved?.of}`);
  return { record: saved, origin, output };
}

/** Streams the weights, all of them checked to be finite, to the output, and copies what belongs to them. */
export async function save({ plan, store, progress }: Session, options: RunOptions): Promise<void> {
  const { record, origin, output } = placesOf(plan, options);
  const { tensors } = record;
  const sources = new Map(tensors.map(({ name, from }) => [name, from]));
  const written = await output.tensors(tensors.map(declared));
  let done = 0;
  for (const name of written.order)
    for await (const { piece, at } of store.contents(sources.get(name) as Ref)) {
      progress({ step: plan.steps.length, what: name, done: done / written.bytes });
      await written.write(name, piece, at);
      done += piece.byteLength;
    }
  await written.close();
  store.saved();
  await output.write("config.json", configOf(record, origin));
  for (const [name, text] of origin.made) await output.write(name, text());
  await output.copy(origin.folder, origin.companions);
}
