/** The result as a Hugging Face folder: the weights with their names and types, everything beside them carried over. */
import type { SaveStep } from "../../compiler/plan/plan.ts";
import { requireFinite } from "../io/checkpoint.ts";
import { isFloatDType } from "../io/numbers.ts";
import type { OutputFolder } from "../io/output-folder.ts";
import type { Session } from "./session.ts";
import { pieces } from "./weights.ts";

/** Streams a model's weights, all of them checked to be finite, to the output and copies config, tokenizer and companions. */
export async function save(session: Session, step: SaveStep, output: OutputFolder | null): Promise<void> {
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
  await output.copy(origin.folder, ["config.json", ...origin.companions]);
}
