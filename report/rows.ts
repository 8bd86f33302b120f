/**
 * The rows of docs/results.md: every method on every model that it is for, at all that the model is tried at. What some of these answer of a
 * task are rows of their own, which stand in the same line of the page.
 */
import { join } from "node:path";
import { isCalibrated, type Method, methods, type Setting } from "./methods.ts";
import { type Model, models, type Questions } from "./models.ts";

export interface Row {
  /** That of its file: `tiny-rtn-bits4-every64`. */
  readonly name: string;
  readonly model: Model;
  readonly method: string;
  readonly settings: Readonly<Partial<Record<Setting, string>>>;
  /** Where its recipe lies. */
  readonly recipe: string;
  /** The arguments of `lcomp`; the last prints what is found. */
  readonly commands: readonly (readonly string[])[];
}

/** What the model of another row answers. Its first command leaves that model in `out`. */
export interface TaskRow extends Row {
  readonly questions: Questions;
}

export const isTaskRow = (row: Row): row is TaskRow => "questions" in row;

/** Where a model lies that is asked. */
export const out = "out/small";

export const root = join(import.meta.dirname, "..");

/** Where the rows are, from the root. */
export const folder = "docs/results";

/** Where the recipe of a method is, from the root. */
export const recipePath = (method: string): string => `${folder}/${method}.lcomp`;

/** Where the recipe is that saves what a method makes, from the root. */
export const savingPath = (method: string): string => `${folder}/${method}_saved.lcomp`;

/** All rows, model by model in the order of the methods. */
export function rows(): readonly Row[] {
  return Object.values(models).flatMap((model) =>
    Object.entries(methods)
      .filter(
        ([name, { only = [model.name] }]) => Object.hasOwn(model.methods ?? methods, name) && only.includes(model.name),
      )
      .flatMap(([name, method]) =>
        choices({ ...model, ...model.methods?.[name] }, method).map((chosen) => rowOf(model, name, chosen)),
      ),
  );
}

/** Every combination of what both are tried at. */
function choices(model: Model, { takes, among }: Method): readonly Row["settings"][] {
  let found: readonly Row["settings"][] = [{}];
  for (const setting of takes) {
    const values = model[setting].filter((value) => among?.[setting]?.includes(value) ?? true);
    found = found.flatMap((chosen) => values.map((value) => ({ ...chosen, [setting]: value })));
  }
  return found;
}

/** The name of the row of what another's model answers, if it is asked. */
export const taskRowName = ({ name, model: { questions } }: Row): string => `${name}-${questions?.name}`;

/** Those of tasks, of the rows that are named. */
export function taskRows(): readonly TaskRow[] {
  return rows().flatMap((row): readonly TaskRow[] => {
    const { name, model, method } = row;
    const { questions } = model;
    if (questions?.of.includes(name.replace(`${model.name}-`, "")) !== true) return [];
    const recipe = savingPath(method);
    const { task, first } = questions;
    return [
      {
        ...{ ...row, name: taskRowName(row), recipe, questions },
        commands: [
          ["run", recipe, "--model", model.folder, ...flagsOf(row, { isMeasured: false }), "--out", out, "--quiet"],
          ["eval", model.folder, "--against", out, "--tasks", task, "--first", String(first), "--json", "--quiet"],
        ],
      },
    ];
  });
}

/** Both kinds. */
export const allRows = (): readonly Row[] => [...rows(), ...taskRows()];

function rowOf(model: Model, name: string, settings: Row["settings"]): Row {
  const parts = Object.entries(settings).map(
    ([setting, value]) => `${setting}${value.replace(":", "of").replace("%", "")}`,
  );
  const recipe = recipePath(name);
  const row = { model, method: name, settings };
  const flags = flagsOf(row, { isMeasured: true });
  return {
    name: [model.name, name, ...parts].join("-"),
    ...{ ...row, recipe },
    commands: [["run", recipe, "--model", model.folder, ...flags, "--json", "--quiet"]],
  };
}

/** Those of a row's recipe, which looks at text only where it measures, or calibrates. */
function flagsOf(
  { model, method, settings }: Pick<Row, "model" | "method" | "settings">,
  { isMeasured }: { readonly isMeasured: boolean },
): readonly string[] {
  const { text, length, windows, samples } = model;
  const reads = isCalibrated(methods[method] as Method);
  const given = {
    ...((isMeasured || reads) && { text }),
    ...settings,
    ...((isMeasured || reads) && { length }),
    ...(isMeasured && { windows }),
    ...(reads && { samples }),
  };
  return Object.entries(given).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
}

/** A row's file, from the root. */
export const rowPath = ({ name }: Pick<Row, "name">): string => join(folder, `${name}.json`);

/** As one would type it. */
export const shownCommand = ({ commands }: Row): string =>
  commands.map((command) => `npx lcomp ${command.join(" ")}`).join(" && ");
