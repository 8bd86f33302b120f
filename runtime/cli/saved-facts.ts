/** What the files will say that a recipe saves, to whoever opens them: known before it runs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Outline } from "../../compiler/compile.ts";
import type { ModelFacts } from "../../compiler/model/facts.ts";
import { type SaveRecord, tensorsSaved } from "../../compiler/plan/step.ts";
import { savedName } from "../../compiler/recipe/check-saved.ts";
import { adapterConfigName } from "../io/adapter.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import { jsonObject } from "../io/file.ts";
import type { GgufFile } from "../io/gguf/write-model.ts";
import { declaredBytes } from "../io/safetensors-writer.ts";
import { declared } from "../run/declared.ts";
import { configOf, fileToSave, ggufName } from "../run/save-file.ts";
import { openModel } from "./models.ts";

/** By the names that models are saved by. Throws UserError where a GGUF file does not hold one. */
export async function factsToBe(
  { saves }: Pick<Outline, "saves">,
  models: ReadonlyMap<string, Checkpoint>,
): Promise<ReadonlyMap<string, ModelFacts>> {
  const found = new Map<string, ModelFacts>();
  for (const save of saves) {
    const facts = await factsOf(save, models);
    if (facts) found.set(save.of, { ...facts, name: savedName(save.of) });
  }
  return found;
}

type Facts = Omit<ModelFacts, "name">;

async function factsOf(save: SaveRecord, models: ReadonlyMap<string, Checkpoint>): Promise<Facts | null> {
  const origin = models.get(save.origin);
  if (origin === undefined) return null;
  const file = await fileToSave(save, models);
  if (file) return factsIn(file);
  const tensors = tensorsSaved(save)
    .map(declared)
    .map((tensor) => {
      const { name, dtype, shape } = tensor;
      return [name, { dtype, shape, bytes: declaredBytes(tensor) }] as const;
    });
  const { adapter } = save;
  const config = jsonObject(configOf(save, origin), "config.json");
  const own = adapter && { adapter: jsonObject(adapter.config, adapterConfigName) };
  return { config, ...own, tensors: new Map(tensors) };
}

/** Writes a file without its weights, and reads it as one that has them. */
async function factsIn(file: GgufFile): Promise<Facts> {
  const folder = mkdtempSync(join(tmpdir(), "lcomp-"));
  try {
    const path = join(folder, ggufName);
    await file.hollow(path);
    const { config, tensors } = await openModel(path);
    return { config, tensors };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
