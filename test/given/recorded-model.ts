/** Small models of the library's architectures, as test/peers/architectures.py has recorded their shapes, in Hugging Face folders. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileBytes, float32 } from "../model/transformers.ts";
import { root } from "../repository/sources.ts";
import { values } from "./weights.ts";

interface Family {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: Readonly<Record<string, readonly number[]>>;
}

/** Writes the model of a family, `gpt2` or `gemma3`; the same one always has the same numbers. */
export function writeRecorded(folder: string, family: string): void {
  const record: { readonly families: Readonly<Record<string, Family>> } = JSON.parse(
    readFileSync(join(root, "test/peers/architectures.json"), "utf8"),
  );
  const { config, tensors } = record.families[family] as Family;
  const made = Object.entries(tensors).map(([name, shape]) => [name, float32(shape, values(name, shape))] as const);
  mkdirSync(folder);
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "model.safetensors"), fileBytes(new Map(made)));
}
