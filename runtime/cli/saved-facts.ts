/** What the files will say that a recipe saves, to whoever opens them: known before it runs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Outline } from "../../compiler/compile.ts";
import type { ModelFacts } from "../../compiler/model/facts.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import { jsonObject } from "../io/file.ts";
import type { GgufFile } from "../io/gguf/write-model.ts";
import { declaredBytes } from "../io/safetensors-writer.ts";
import { declared } from "../run/declared.ts";
import { configOf, fileToSave, ggufName } from "../run/save-file.ts";
import { openModel } from "./models.ts";

/** Null where nothing is saved. Throws UserError where a GGUF file does not hold the model. */
export async function factsToBe(
  { save }: Pick<Outline, "save">,
  models: ReadonlyMap<string, Checkpoint>,
): Promise<ModelFacts | null> {
  const origin = save === null ? undefined : models.get(save.origin);
  if (save === null || origin === undefined) return null;
  const file = await fileToSave({ save }, models);
  if (file) return factsIn(file);
  const tensors = save.tensors.map(declared).map((tensor) => {
    const { name, dtype, shape } = tensor;
    return [name, { dtype, shape, bytes: declaredBytes(tensor) }] as const;
  });
  const config = jsonObject(configOf(save, origin), "config.json");
  return { name: "what is saved", config, tensors: new Map(tensors) };
}

/** Writes a file without its weights, and reads it as one that has them. */
async function factsIn(file: GgufFile): Promise<ModelFacts> {
  const folder = mkdtempSync(join(tmpdir(), "lcomp-"));
  try {
    const path = join(folder, ggufName);
    await file.hollow(path);
    const { config, tensors } = await openModel(path);
    return { name: "what is saved", config, tensors };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
