/** The result as a Hugging Face folder: the weights with their names and types, everything beside them carried over. */

import type { SaveStep } from "../../compiler/plan/plan.ts";
import { type Checkpoint, requireFinite } from "../io/checkpoint.ts";
import { isHubName } from "../io/hub.ts";
import { isFloatDType } from "../io/numbers.ts";
import type { OutputFolder } from "../io/output-folder.ts";
import type { Session } from "./session.ts";
import { pieces } from "./weights.ts";

/** Streams a model's weights, all of them checked to be finite, to the output, copies what belongs to them, and returns the given model. */
export async function save(session: Session, step: SaveStep, output: OutputFolder | null): Promise<Checkpoint> {
  if (output === null) throw new Error(`nowhere to save ${step.of}`);
  const { origin, tensors } = session.models.of(step.of);
  const total = [...tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const written = await output.tensors([...tensors.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape })));
  let done = 0;
  for (const tensor of tensors.values()) {
    for await (const { piece, at } of pieces(tensor)) {
      session.progress({ layer: null, layers: 0, what: tensor.name, done: done / total });
      if (isFloatDType(tensor.dtype)) requireFinite(tensor, piece, at / (tensor.dtype === "F32" ? 4 : 2));
      await written.write(tensor.name, piece, at);
      done += piece.byteLength;
    }
  }
  await written.close();
  await output.write("config.json", withoutPath(origin.configText));
  await output.copy(origin.folder, origin.companions);
  return origin;
}

/** config.json without the path from which its model was once loaded, which is another machine's or this one's. */
const withoutPath = (config: string): string =>
  config
    .replace(/^\ufeff/, "")
    .replace(/("_name_or_path"\s*:\s*)"((?:[^"\\]|\\.)*)"/g, (entry, start: string, name: string) =>
      isHubName(name) ? entry : `${start}""`,
    );
