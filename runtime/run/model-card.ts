/** The README.md of a result: how it was made and what was measured. It names no time, host or path. */
import type { Plan } from "../../compiler/plan/plan.ts";
import { planHash } from "../../compiler/plan/show.ts";
import type { StageResult } from "./compress.ts";
import type { ReportResult } from "./measure.ts";

/** The card as Markdown. */
export function modelCard(
  plan: Plan,
  recipe: string,
  reports: readonly ReportResult[],
  stages: readonly StageResult[],
): string {
  const { name, doc } = plan.recipe;
  const inputs = new Set([...plan.models, ...plan.corpora].map((input) => input.name));
  const settings = plan.recipe.parameters.filter((parameter) => !inputs.has(parameter.name));
  const parts = [
    ["---", "library_name: transformers", "tags:", "- lcomp", "---"],
    [`# ${name}`],
    doc === "" ? [] : [doc],
    ["Made with lcomp by the recipe below."],
    section(
      "Parameters",
      table(
        ["parameter", "value"],
        settings.map((each) => [each.name, each.value]),
      ),
    ),
    section("Stages", table(["stage", "action", "zeros"], stages.map(stageRow))),
    section(
      "Measured",
      table(
        ["measure", "value"],
        reports.map(({ text, value }) => [text, String(precise(value))]),
      ),
    ),
    ["## Recipe", "", `${fence(recipe)}lcomp`, recipe.trimEnd(), fence(recipe)],
    [`Plan: sha256 ${planHash(plan)}`],
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function stageRow({ stage, action, targets }: StageResult): readonly string[] {
  const zeros = targets.reduce((sum, target) => sum + target.zeros, 0);
  const count = targets.reduce((sum, target) => sum + target.count, 0);
  return [stage, action, `${((100 * zeros) / Math.max(1, count)).toFixed(2)} % of ${targets.length} matrices`];
}

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [`## ${title}`, "", ...lines];

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

/** Longer than any row of backquotes in the text. */
const fence = (text: string): string =>
  "`".repeat(Math.max(3, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length + 1)));

/** What f32 can tell apart, without digits that mean nothing. */
const precise = (value: number): number => Number(value.toPrecision(7));
