/** The result as a Hugging Face folder: the weights with their names and types, everything beside them carried over. */
import type { Ref } from "../../compiler/plan/step.ts";
import { declared } from "./declared.ts";
import { configOf } from "./save-file.ts";
import type { Place } from "./saved-places.ts";
import type { Session } from "./session.ts";

/** Streams the weights, all of them checked to be finite, to the output, and copies what belongs to them. */
export async function save({ store, progress }: Session, { record, origin, output, into, step }: Place): Promise<void> {
  const { tensors } = record;
  const sources = new Map(tensors.map(({ name, from }) => [name, from]));
  const written = await output.tensors(tensors.map(declared), { into });
  let done = 0;
  for (const name of written.order)
    for await (const { piece, at } of store.contents(sources.get(name) as Ref)) {
      progress({ step, what: name, done: done / written.bytes });
      await written.write(name, piece, at);
      done += piece.byteLength;
    }
  await written.close();
  await output.write(`${into}config.json`, configOf(record, origin));
  for (const [name, text] of origin.made) await output.write(into + name, text());
  await output.copy(origin.folder, origin.companions, into);
}
