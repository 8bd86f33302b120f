/** How many questions of tasks a model answers right, by a recipe over `std/tasks` that is written here. */
import { basename } from "node:path";
import { taskSource } from "../io/tasks/declaration.ts";
import type { EncodedItem, EncodedTask } from "../io/tasks/encode.ts";
import { byLength } from "../io/tasks/windows.ts";
import type { SeriesResult } from "../run/result.ts";
import { UserError } from "../user-error.ts";
import { countGiven, type Flags, given, several } from "./flags.ts";
import { entryOf } from "./host.ts";
import { openModel } from "./models.ts";
import { openRecipe, recipeOf } from "./recipe.ts";
import { compileAndRun, type RunPlaces } from "./run.ts";
import { indistinguishable, type Mean, meanOf } from "./statistics.ts";
import { encodeTasks, readBy } from "./texts.ts";

/** Shares of items, with their standard errors. */
export interface TaskEvaluation extends Accuracies {
  readonly items: number;
  /** Those of OTHER, and what lies between both on the same items. */
  readonly against?: Accuracies & {
    readonly change: Readonly<Record<keyof Accuracies, Mean & { readonly indistinguishable: boolean }>>;
    /** How many items one of both gets right and the other does not, by `acc`. */
    readonly flips: Mean;
  };
}

/** Whose likeliest choice is right, and whose likeliest for its length in characters is. */
export interface Accuracies {
  readonly acc: Mean;
  readonly acc_norm: Mean;
}

/** The functions of `std/tasks` that say of each item whether it is right. */
const measures = { acc: "correct", acc_norm: "correct_for_length" } as const;

/** How a recipe imports them. */
export const taskImport = `import { ${Object.values(measures).join(", ")} } from "std/tasks"`;

const metrics = ["acc", "acc_norm"] as const satisfies readonly (keyof typeof measures)[];

/** Items of a task that are alike in length, by their places: a parameter of the recipe. */
interface Part {
  readonly name: string;
  readonly places: readonly number[];
}

/** What was found of each task, by its name, and what was said. */
export async function evaluateTasks(
  flags: Flags,
  options: RunPlaces,
): Promise<{ readonly found: Readonly<Record<string, TaskEvaluation>>; readonly notes: readonly string[] }> {
  const models = ["model", "against"].filter((name) => given(flags, name) !== undefined);
  const folders = models.map((name) => given(flags, name) ?? "");
  const checkpoints = await Promise.all(folders.map(openModel));
  const first = countGiven(flags, "first", "items");
  const read = await encodeTasks(namedTasks(several(flags, "tasks")), checkpoints, first, options);
  const parts = new Map([...read.tasks].map(([name, task], i) => [name, partsOf(task, parameterOf(name, i))] as const));
  const items = [...parts].flatMap(([name, some]) =>
    some.map((part) => [part.name, chosen(read.tasks.get(name), part)] as const),
  );
  const written = entryOf("eval --tasks", recipeText(models, [...parts.values()].flat()));
  const recipe = recipeOf(written, given(flags, "arch"));
  const open = await openRecipe(recipe, flags, {
    ...readBy(new Map(items)),
    tokenizer: read.tokenizer,
    notes: read.notes,
  });
  const { result, notes } = await compileAndRun(open, flags, options);
  const found = [...parts].map(([name, some]) => [name, evaluationOf(result.series, models, some)] as const);
  return { found: Object.fromEntries(found), notes };
}

/** What each task is called: as its declaration, or its file, where another one is called so. */
function namedTasks(tasks: readonly string[]): ReadonlyMap<string, string> {
  const fileOf = (task: string): string => basename(taskSource(task).path).replace(/\.jsonl$/, "");
  const shortOf = (task: string): string =>
    task === taskSource(task).path ? fileOf(task) : basename(taskSource(task).declaration, ".json");
  const unique = [
    (task: string) => shortOf(task),
    (task: string) => `${shortOf(task)} ${fileOf(task)}`,
    (task: string) => task,
  ];
  const nameOf = unique.find((each) => new Set(tasks.map(each)).size === tasks.length);
  if (nameOf === undefined) throw new UserError("--tasks is given the same task twice", { exitCode: 2 });
  return new Map(tasks.map((task) => [nameOf(task), task]));
}

/** A name of the language for the task of that number, which messages have. */
const parameterOf = (name: string, number: number): string =>
  `${name.replace(/\W+/g, "_").replace(/^(?=[\d_])/, "task_")}_${number + 1}`;

const partsOf = ({ items }: EncodedTask, parameter: string): readonly Part[] =>
  byLength(items).map((places, i) => ({ name: `${parameter}_${i + 1}`, places }));

const chosen = (task: EncodedTask | undefined, { places }: Part): readonly EncodedItem[] =>
  places.flatMap((place) => task?.items[place] ?? []);

const call = (metric: keyof Accuracies, model: string, { name }: Part): string =>
  `${measures[metric]}(${model}, ${name})`;

/** Of each part of each task, what each model gets right. */
function recipeText(models: readonly string[], parts: readonly Part[]): string {
  const parameters = [...models.map((name) => `${name}: Model`), ...parts.map(({ name }) => `${name}: Task`)];
  const reports = parts.flatMap((part) =>
    models.flatMap((model) => metrics.map((metric) => `  report ${call(metric, model, part)}`)),
  );
  return [taskImport, "", `recipe tasks(${parameters.join(", ")}) {`, ...reports, "}", ""].join("\n");
}

/** Of the items in the order of their parts: the order is the same for both models, and says nothing else. */
function evaluationOf(
  series: readonly SeriesResult[],
  [model = "", other]: readonly string[],
  parts: readonly Part[],
): TaskEvaluation {
  const rightBy = (metric: keyof Accuracies, name: string): readonly number[] =>
    parts.flatMap((part) => {
      const found = series.find(({ text }) => text === call(metric, name, part));
      if (found === undefined) throw new Error(`nothing is reported of ${part.name}`);
      return found.values;
    });
  const both = (of: (metric: keyof Accuracies) => Mean): Accuracies => ({ acc: of("acc"), acc_norm: of("acc_norm") });
  const accuracies = (name: string): Accuracies => both((metric) => meanOf(rightBy(metric, name)));
  const items = parts.reduce((sum, { places }) => sum + places.length, 0);
  if (other === undefined) return { items, ...accuracies(model) };
  const changeOf = (metric: keyof Accuracies): readonly number[] => {
    const before = rightBy(metric, model);
    return rightBy(metric, other).map((right, i) => right - (before[i] ?? Number.NaN));
  };
  const change = (metric: keyof Accuracies) => {
    const mean = meanOf(changeOf(metric));
    return { ...mean, indistinguishable: indistinguishable(mean) };
  };
  return {
    items,
    ...accuracies(model),
    against: {
      ...accuracies(other),
      change: { acc: change("acc"), acc_norm: change("acc_norm") },
      flips: meanOf(changeOf("acc").map(Math.abs)),
    },
  };
}
