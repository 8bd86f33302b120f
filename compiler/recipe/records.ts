/** What a plan says of what it was made from: by name, size and hash, and never by path. */
import { bytesOf, type CorpusFacts } from "../model/facts.ts";
import { hash } from "../plan/hash.ts";
import type { CorpusRecord, ModelRecord, RecipeRecord, Split } from "../plan/plan.ts";
import type { LoadedRecipe } from "./load.ts";
import { layersOf, type TypedModel, type TypedRecipe } from "./typed.ts";

export function recipeRecord({ name, doc, modules }: LoadedRecipe, { parameters }: TypedRecipe): RecipeRecord {
  const sources = modules.map((module) => ({
    module: module.name.startsWith("std/") ? module.name : (module.name.split("/").at(-1) ?? module.name),
    sha256: hash(module.tree.file.text),
  }));
  return { name, doc, parameters, sources: sources.reverse() };
}

export function modelRecord(model: TypedModel): ModelRecord {
  const { name, facts, instance } = model;
  const tensors = [...facts.tensors].map(([tensor, { dtype, shape }]) => [tensor, dtype, shape]).sort();
  return {
    name,
    architecture: instance.arch.name.text,
    headers: hash(JSON.stringify([facts.config, tensors])),
    layers: layersOf(model),
    bytes: bytesOf(facts),
  };
}

const splits: readonly Split[] = ["train", "validation", "test"];

export function corpusRecord(name: string, { tokens, hashes }: CorpusFacts): CorpusRecord {
  return {
    name,
    splits: splits.flatMap((split) => {
      const count = tokens[split];
      return count === undefined ? [] : [{ split, tokens: count, sha256: hashes?.[split] ?? "" }];
    }),
  };
}
