/** What models find of facts in contexts, for people: a table of each by depth and length. */
import type { RetrievalEvaluation, TaskEvaluation } from "./eval-tasks.ts";
import { shown } from "./statistics.ts";
import { table } from "./table.ts";
import { counted } from "./terminal.ts";

export const isOfCells = (task: TaskEvaluation | RetrievalEvaluation): task is RetrievalEvaluation => "cells" in task;

/** Of each model, and of what lies between both, `acc` by how much of the filler stands before the fact, and by tokens. */
export function cellTables(
  name: string,
  { cells }: RetrievalEvaluation,
  models: readonly string[],
  width: number,
): readonly string[] {
  const depths = [...new Set(cells.map(({ depth }) => depth))];
  const titles = models.length > 1 ? [...models, "change"] : models;
  return titles.flatMap((title, i) => {
    const head = [`${name} acc, ${title}`, ...lengthsOf(cells).map((length) => counted(length, "token"))];
    const rows = depths.map((depth) => [
      percent(depth),
      ...lengthsOf(cells).map((length) => {
        const cell = cells.find((each) => each.length === length && each.depth === depth);
        const mean = [cell?.acc, cell?.against?.acc, cell?.against?.change.acc][i];
        return mean ? shown(mean) : "";
      }),
    ]);
    return [...table(head, rows, { width }), ""];
  });
}

type Cells = RetrievalEvaluation["cells"];

const lengthsOf = (cells: Cells): readonly number[] => [...new Set(cells.map(({ length }) => length))];

/** How many items were asked, and what a depth is. */
export const ofCells = (name: string, { cells }: RetrievalEvaluation): string =>
  `${name}: ${counted(cells[0]?.items ?? 0, "item")} at each length and depth, the share of the filler in front of the fact`;

/** The lengths at which both models are alike, each with its depths. */
export const alikeCells = (name: string, { cells }: RetrievalEvaluation): readonly string[] =>
  lengthsOf(cells).flatMap((length) => {
    const alike = cells.filter((cell) => cell.length === length && cell.against?.change.acc.indistinguishable);
    const depths = alike.map(({ depth }) => percent(depth)).join(", ");
    return alike.length > 0 ? [`${name} acc at ${counted(length, "token")} (${depths})`] : [];
  });

const percent = (share: number): string => `${Number((100 * share).toPrecision(6))} %`;
