/** A Llama of 2 GiB, and the memory that runs on it are given. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { someText, writeNoise } from "../given/model-folder.ts";

const [MiB, GiB] = [2 ** 20, 2 ** 30];

export const budget = { gpu: 512 * MiB, host: GiB, flags: ["--gpu-memory", "512MiB", "--memory", "1GiB"] };

/** Fewer show that a test works; what it is for needs them all. */
export const layers = Number(process.env["LCOMP_LAYERS"] ?? 80);

/** Writes the model in five files, of its widths or of a part of them; returns its folder. */
export async function writeLarge(folder: string, part = 1): Promise<string> {
  const config = {
    ...{ hidden_size: 1024 / part, intermediate_size: 2816 / part, num_hidden_layers: layers, vocab_size: 32_000 },
    ...{ num_attention_heads: 16, num_key_value_heads: 16 },
  };
  const model = join(folder, `model-${part}`);
  await writeNoise(model, { config, shards: 5, isUntied: true });
  return model;
}

/** Writes a recipe and a text for it; returns their paths. */
export function writeRecipe(folder: string, recipe: string): { readonly recipe: string; readonly text: string } {
  const paths = { recipe: join(folder, "large.lcomp"), text: join(folder, "text.jsonl") };
  writeFileSync(paths.recipe, recipe);
  writeFileSync(paths.text, someText(40));
  return paths;
}
