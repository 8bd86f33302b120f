/** The result as one GGUF file in a folder. What such a file says beside the weights is known, and refused, before anything runs. */
import { join } from "node:path";
import type { Ref, SaveRecord } from "../../compiler/plan/step.ts";
import type { Piece } from "../gpu/readback.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import { withFields, withoutPath, withQuantization } from "../io/config-text.ts";
import { jsonObject, readText } from "../io/file.ts";
import { type GgufFile, ggufFile } from "../io/gguf/write-model.ts";
import { declared } from "./declared.ts";
import type { Place } from "./saved-places.ts";
import type { Session } from "./session.ts";

/** What the file is called. */
export const ggufName = "model.gguf";

/** The file that is to be saved, if it is to be one. */
export async function fileToSave(save: SaveRecord, models: ReadonlyMap<string, Checkpoint>): Promise<GgufFile | null> {
  const origin = save.format === "gguf" ? models.get(save.origin) : undefined;
  if (origin === undefined) return null;
  const config = jsonObject(configOf(save, origin), "config.json");
  const parts = save.tensors.map((tensor) => ({
    ...declared(tensor),
    ...(tensor.blocks && { blocks: tensor.blocks }),
  }));
  return ggufFile(config, parts, async (file) => {
    const made = origin.made.get(file);
    if (made) return made();
    return origin.companions.includes(file) ? readText(join(origin.folder, file)) : undefined;
  });
}

/** The text of a result's config.json. */
export const configOf = ({ config, flags, quantization }: SaveRecord, origin: Pick<Checkpoint, "configText">): string =>
  withoutPath(withQuantization(withFields(origin.configText, { ...config, ...flags }), quantization));

/** Streams the file, tensor by tensor. */
export async function saveFile(
  { store, progress }: Session,
  { record, output, into, step }: Place,
  file: GgufFile,
): Promise<void> {
  const sources = new Map(record.tensors.map((tensor) => [tensor.name, tensor.from]));
  const all = sources.size;
  let done = 0;
  await output.stream(
    into + ggufName,
    file.bytes((part) => {
      progress({ step, what: part.name, done: done++ / all });
      return bytesIn(store.contents(sources.get(part.name) as Ref));
    }),
  );
}

async function* bytesIn(pieces: AsyncIterable<Piece>): AsyncGenerator<Uint8Array> {
  for await (const { piece } of pieces) yield piece;
}
