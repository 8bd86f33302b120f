/** What a recipe is given to read, and what must therefore outlast all that is written. */
import { join } from "node:path";
import { isTask, type Plan } from "../../compiler/plan/plan.ts";
import type { RecipeParameter } from "../../compiler/recipe/load-recipe.ts";
import type { Input } from "../io/apart.ts";
import { taskSource } from "../io/tasks/declaration.ts";
import { packageRoot } from "../package-root.ts";
import { type Flags, several } from "./flags.ts";
import type { RecipeEntry } from "./recipe.ts";

/** By the type of a parameter: what its value is called, and which new files of such a folder would be read with it. */
const kinds: ReadonlyMap<string, Omit<Input, "path">> = new Map([
  ["Model", { what: "the model", reads: () => true }],
  ["Task", { what: "the task", reads: () => false }],
  ["Corpus", { what: "the text", reads: (name: string) => /^(train|validation|test)\.(txt|jsonl)$/.test(name) }],
]);

/** The recipe with all that it imports, the models and the texts that the flags name, and the library. */
export function inputsOf({ loaded, shown }: RecipeEntry, flags: Flags): readonly Input[] {
  const files = loaded.modules.map(({ tree: { file } }) => shown({ file, start: 0, end: 0 }).file.path);
  const modules = files.filter((path) => !path.startsWith("std/"));
  return [
    ...modules.map((path) => ({ what: "the recipe", path, reads: () => false })),
    ...namedBy(flags, loaded.parameters),
    { what: "the library", path: join(packageRoot, "stdlib"), reads: () => true },
  ];
}

/** A plan's file, and the models and the texts that the flags name. */
export const inputsOfPlan = (path: string, { models, corpora }: Plan, flags: Flags): readonly Input[] => [
  { what: "the plan", path, reads: () => false },
  ...namedBy(
    flags,
    models.map(({ name }) => ({ name, type: "Model" })),
  ),
  ...namedBy(
    flags,
    corpora.map((corpus) => ({ name: corpus.name, type: isTask(corpus) ? "Task" : "Corpus" })),
  ),
];

/** The models, the text and the tasks of `lcomp eval`. */
export const inputsOfEvaluation = (flags: Flags): readonly Input[] =>
  namedBy(flags, [
    { name: "model", type: "Model" },
    { name: "against", type: "Model" },
    { name: "text", type: "Corpus" },
    { name: "tasks", type: "Task" },
    { name: "generate", type: "Task" },
    { name: "filler", type: "Corpus" },
  ]);

const namedBy = (flags: Flags, parameters: readonly Pick<RecipeParameter, "name" | "type">[]): readonly Input[] =>
  parameters.flatMap(({ name, type }) => {
    const kind = kinds.get(type);
    if (kind === undefined) return [];
    return several(flags, name).map((path) => ({ ...kind, path: type === "Task" ? taskSource(path).path : path }));
  });
