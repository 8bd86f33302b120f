/** How many questions of tasks a model answers right, by a recipe over `std/tasks` that is written here. */
import { basename } from "node:path";
import type { Checkpoint } from "../io/checkpoint.ts";
import type { EncodedItem } from "../io/tasks/choice.ts";
import { taskSource } from "../io/tasks/declaration.ts";
import type { EncodedTask } from "../io/tasks/encode.ts";
import type { Around, Cell } from "../io/tasks/retrieval.ts";
import { byLength } from "../io/tasks/windows.ts";
import type { SeriesResult } from "../run/result.ts";
import { UserError } from "../user-error.ts";
import { countGiven, type Flags, given, several } from "./flags.ts";
import { entryOf } from "./host.ts";
import { openModel } from "./models.ts";
import { openRecipe, type RecipeEntry, recipeOf } from "./recipe.ts";
import { compileAndRun, type RunPlaces } from "./run.ts";
import { indistinguishable, type Mean, meanOf } from "./statistics.ts";
import { type EncodedTexts, type EncodeOptions, encodeTasks, readBy } from "./texts.ts";

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

/** Of a task about facts in a context: what is found at each length, in tokens, and each depth, a share of the filler. */
export interface RetrievalEvaluation {
  readonly cells: readonly (TaskEvaluation & Pick<Cell, "length" | "depth">)[];
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

interface Found {
  readonly found: Readonly<Record<string, TaskEvaluation | RetrievalEvaluation>>;
  readonly notes: readonly string[];
}

/** What was found of each task, by its name, and what was said. */
export async function evaluateTasks(flags: Flags, options: RunPlaces): Promise<Found> {
  const models = ["model", "against"].filter((name) => given(flags, name) !== undefined);
  const folders = models.map((name) => given(flags, name) ?? "");
  const checkpoints = await Promise.all(folders.map(openModel));
  const { recipe, read, parts, tasks } = await taskRecipe(models, checkpoints, flags, options);
  const open = await openRecipe(recipe, flags, read);
  const { result, notes } = await compileAndRun(open, flags, options);
  const found = [...parts].map(([name, some]) => {
    const answers = answersOf(result.series, models, some);
    const asked = tasks.get(name)?.cells;
    return [name, asked ? { cells: cellsOf(asked, answers) } : evaluationOf(answers)] as const;
  });
  return { found: Object.fromEntries(found), notes };
}

/** The recipe that asks models of these names, what it reads of its tasks with their tokenizer, and which parameters have the items of each. */
export async function taskRecipe(
  models: readonly string[],
  checkpoints: readonly Checkpoint[],
  flags: Flags,
  options?: EncodeOptions,
): Promise<{
  readonly recipe: RecipeEntry;
  readonly read: EncodedTexts;
  readonly parts: ReadonlyMap<string, readonly Part[]>;
  readonly tasks: ReadonlyMap<string, EncodedTask>;
}> {
  const first = countGiven(flags, "first", "items");
  const around = aroundOf(flags);
  const asked = { ...(first !== undefined && { first }), ...(around && { around }) };
  const read = await encodeTasks(namedTasks(several(flags, "tasks")), checkpoints, asked, options);
  if (around && ![...read.tasks.values()].some(({ cells }) => cells))
    throw new UserError("--filler is of tasks about facts in a context, and none is given: --tasks retrieval=FILE", {
      exitCode: 2,
    });
  const parts = new Map([...read.tasks].map(([name, task], i) => [name, partsOf(task, parameterOf(name, i))] as const));
  const items = [...parts].flatMap(([name, some]) =>
    some.map((part) => [part.name, chosen(read.tasks.get(name), part)] as const),
  );
  const written = entryOf("eval --tasks", recipeText(models, [...parts.values()].flat()));
  return {
    recipe: recipeOf(written, given(flags, "arch")),
    read: { ...readBy(new Map(items)), tokenizer: read.tokenizer, notes: read.notes },
    ...{ parts, tasks: read.tasks },
  };
}

/** What stands around facts, where it is given. */
function aroundOf(flags: Flags): Around | undefined {
  const filler = given(flags, "filler");
  if (filler === undefined) return undefined;
  const listed = (name: string): readonly string[] | undefined => given(flags, name)?.split(",");
  const lengths = listed("lengths")?.map((text) =>
    numberIn(text, /^([1-9]\d{0,8})$/, "--lengths needs numbers of tokens, 128,256"),
  );
  const shares = listed("depths") ?? ["0%", "25%", "50%", "75%", "100%"];
  const depths = shares.map(
    (text) => numberIn(text, /^(100|\d?\d(?:\.\d+)?)%$/, "--depths needs shares, 0%,50%,100%") / 100,
  );
  return { filler, depths, ...(lengths && { lengths }) };
}

function numberIn(text: string, form: RegExp, needs: string): number {
  const [, number] = form.exec(text) ?? [];
  if (number === undefined) throw new UserError(`${needs}; ${JSON.stringify(text)} is none`, { exitCode: 2 });
  return Number(number);
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

/** Of each item whether a model, the first or the other, gets it right. */
type Answers = readonly Readonly<Record<keyof Accuracies, readonly number[]>>[];

function answersOf(series: readonly SeriesResult[], models: readonly string[], parts: readonly Part[]): Answers {
  const rightBy = (metric: keyof Accuracies, model: string): readonly number[] => {
    const right: number[] = [];
    for (const part of parts) {
      const found = series.find(({ text }) => text === call(metric, model, part));
      if (found === undefined) throw new Error(`nothing is reported of ${part.name}`);
      for (const [i, place] of part.places.entries()) right[place] = found.values[i] ?? Number.NaN;
    }
    return right;
  };
  return models.map((model) => ({ acc: rightBy("acc", model), acc_norm: rightBy("acc_norm", model) }));
}

/** The items of each cell by themselves. */
function cellsOf(cells: readonly Cell[], answers: Answers): RetrievalEvaluation["cells"] {
  let end = 0;
  return cells.map(({ length, depth, items }) => {
    const start = end;
    end += items;
    const some = answers.map(({ acc, acc_norm }) => ({
      acc: acc.slice(start, end),
      acc_norm: acc_norm.slice(start, end),
    }));
    return { length, depth, ...evaluationOf(some) };
  });
}

function evaluationOf([own, other]: Answers): TaskEvaluation {
  if (own === undefined) throw new Error("no model answers");
  const both = <T>(of: (metric: keyof Accuracies) => T) => ({ acc: of("acc"), acc_norm: of("acc_norm") });
  const base = { items: own.acc.length, ...both((metric) => meanOf(own[metric])) };
  if (other === undefined) return base;
  const changeOf = (metric: keyof Accuracies): readonly number[] =>
    other[metric].map((right, i) => right - (own[metric][i] ?? Number.NaN));
  const change = (metric: keyof Accuracies) => {
    const mean = meanOf(changeOf(metric));
    return { ...mean, indistinguishable: indistinguishable(mean) };
  };
  const flips = meanOf(changeOf("acc").map(Math.abs));
  return { ...base, against: { ...both((metric) => meanOf(other[metric])), change: both(change), flips } };
}
