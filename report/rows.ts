/** The rows of docs/results.md: every method on every model that it is for, at all that the model is tried at. */
import { join } from "node:path";
import { isCalibrated, type Method, methods, type Setting } from "./methods.ts";
import { type Model, models } from "./models.ts";

export interface Row {
  /** That of its file: `tiny-rtn-bits4-every64`. */
  readonly name: string;
  readonly model: Model;
  readonly method: string;
  readonly settings: Readonly<Partial<Record<Setting, string>>>;
  /** Where its recipe lies. */
  readonly recipe: string;
  /** The arguments of `lcomp`. */
  readonly command: readonly string[];
}

export const root = join(import.meta.dirname, "..");

/** Where the rows are, from the root. */
export const folder = "docs/results";

/** Where the recipe of a method is, from the root. */
export const recipePath = (method: string): string => `${folder}/${method}.lcomp`;

/** All rows, model by model in the order of the methods. */
export function rows(): readonly Row[] {
  return Object.values(models).flatMap((model) =>
    Object.entries(methods)
      .filter(
        ([name, { only = [model.name] }]) => Object.hasOwn(model.methods ?? methods, name) && only.includes(model.name),
      )
      .flatMap(([name, method]) =>
        choices({ ...model, ...model.methods?.[name] }, method).map((chosen) => rowOf(model, [name, method], chosen)),
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

function rowOf(model: Model, [name, method]: readonly [string, Method], chosen: Row["settings"]): Row {
  const parts = Object.entries(chosen).map(
    ([setting, value]) => `${setting}${value.replace(":", "of").replace("%", "")}`,
  );
  const given = {
    ...chosen,
    length: model.length,
    windows: model.windows,
    ...(isCalibrated(method) && { samples: model.samples }),
  };
  const recipe = recipePath(name);
  const flags = Object.entries(given).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
  return {
    name: [model.name, name, ...parts].join("-"),
    ...{ model, method: name, settings: chosen, recipe },
    command: ["run", recipe, "--model", model.folder, "--text", model.text, ...flags, "--json", "--quiet"],
  };
}

/** A row's file, from the root. */
export const rowPath = ({ name }: Pick<Row, "name">): string => join(folder, `${name}.json`);

/** As one would type it. */
export const shownCommand = ({ command }: Row): string => `npx lcomp ${command.join(" ")}`;
