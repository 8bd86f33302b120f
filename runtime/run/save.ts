/** The result as a Hugging Face folder: the weights with their names and types, everything beside them carried over. */
import type { Ref, SavedTensor } from "../../compiler/plan/step.ts";
import { adapterConfigName, adapterFile, adapterFolder } from "../io/adapter.ts";
import type { TensorOutput } from "../io/output-folder.ts";
import { declared } from "./declared.ts";
import { configOf } from "./save-file.ts";
import type { Place } from "./saved-places.ts";
import type { Session } from "./session.ts";

/** Streams the weights, all of them checked to be finite, to the output, and copies what belongs to them. */
export async function save(session: Session, { record, origin, output, into, step }: Place): Promise<void> {
  const { adapter } = record;
  await write(session, step, record.tensors, await output.tensors(record.tensors.map(declared), { into }));
  await output.write(`${into}config.json`, configOf(record, origin));
  if (adapter) {
    const place = into + adapterFolder;
    await write(
      session,
      step,
      adapter.tensors,
      await output.tensors(adapter.tensors.map(declared), { into: place, file: adapterFile }),
    );
    await output.write(place + adapterConfigName, adapter.config);
  }
  for (const [name, text] of origin.made) await output.write(into + name, text());
  await output.copy(origin.folder, origin.companions, into);
}

/** Streams tensors into files that are open. */
async function write(
  { store, progress }: Session,
  step: number,
  tensors: readonly SavedTensor[],
  written: TensorOutput,
): Promise<void> {
  const sources = new Map(tensors.map(({ name, from }) => [name, from]));
  let done = 0;
  for (const name of written.order)
    for await (const { piece, at } of store.contents(sources.get(name) as Ref)) {
      progress({ step, what: name, done: done / written.bytes });
      await written.write(name, piece, at);
      done += piece.byteLength;
    }
  await written.close();
}
