/** Where the models, the texts and the questions of rows are: variables in arguments say it. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { taskSource } from "../runtime/io/tasks/declaration.ts";
import { isTaskRow, type Row, root } from "./rows.ts";

/** A variable in an argument stands for the place that it says. */
export const meant = (argument: string): string =>
  argument.replace(/\$(\w+)/, (_, variable: string) => resolve(process.env[variable] ?? ""));

/** Where it is, or undefined where a variable that it takes says nothing. */
function placeOf(argument: string): string | undefined {
  const [, variable] = /\$(\w+)/.exec(argument) ?? [];
  return variable !== undefined && process.env[variable] === undefined ? undefined : resolve(root, meant(argument));
}

/** What of a row's model, its text and the questions is not to be found. */
export const lacking = (row: Row): readonly string[] =>
  [row.model.folder, row.model.text, ...(isTaskRow(row) ? [taskSource(row.questions.task).path] : [])].filter(
    (place) => !existsSync(placeOf(place) ?? ""),
  );
