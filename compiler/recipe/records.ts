/** What a plan says of what it was made from: by name, size and hash, and never by path. */

import type { Windows } from "../language/tensor.ts";
import { bytesOf, type CorpusFacts } from "../model/facts.ts";
import { layersOf } from "../model/value.ts";
import { headersOf } from "../plan/headers.ts";
import {
  type CorpusRecord,
  type ModelRecord,
  type RecipeRecord,
  type Split,
  type TaskPart,
  taskParts,
  type WindowsRecord,
} from "../plan/plan.ts";
import { hash } from "../plan/sha256.ts";
import type { StageRecord } from "../plan/step.ts";
import type { LoadedRecipe } from "./load-recipe.ts";
import type { GivenModel, TypedRecipe, TypedStage } from "./typed.ts";

export function recipeRecord({ name, doc, modules }: LoadedRecipe, { parameters }: TypedRecipe): RecipeRecord {
  const text = modules.at(-1)?.tree.file.text ?? "";
  const sources = modules.flatMap(({ name: module, tree, table }) => [
    ...(table ? [{ module: table.path, sha256: hash(table.text) }] : []),
    {
      module: module.startsWith("std/") ? module : (module.split("/").at(-1) ?? module),
      sha256: hash(tree.file.text),
    },
  ]);
  return { name, doc, text, parameters, sources: sources.reverse() };
}

export function modelRecord({ name, facts, type }: GivenModel): ModelRecord {
  return {
    name,
    architecture: type.arch.declaration.name.text,
    headers: headersOf(facts),
    layers: layersOf(type),
    bytes: bytesOf(facts),
  };
}

const splits: readonly (Split | TaskPart)[] = ["train", "validation", "test", ...taskParts];

export function corpusRecord(name: string, { tokens, hashes }: CorpusFacts): CorpusRecord {
  return {
    name,
    splits: splits.flatMap((split) => {
      const count = tokens[split];
      return count === undefined ? [] : [{ split, tokens: count, sha256: hashes?.[split] ?? "" }];
    }),
  };
}

export const stageRecord = ({ name, action, of }: TypedStage): StageRecord => ({ name, action, of });

/** How many windows of a text there are, where the text was counted. */
export const windowCounter =
  (corpora: ReadonlyMap<string, CorpusFacts>) =>
  ({ corpus, split, length, first, draw }: Windows): number | null => {
    const tokens = corpora.get(corpus)?.tokens[split];
    if (draw || first !== null) return draw?.count ?? first;
    return tokens === undefined ? null : Math.floor(tokens / length);
  };

export const windowsRecord =
  (count: ReturnType<typeof windowCounter>) =>
  (windows: Windows): WindowsRecord => {
    const { corpus, split, length, draw } = windows;
    return { corpus, split, length, count: count(windows) ?? 0, seed: draw?.seed ?? null };
  };
