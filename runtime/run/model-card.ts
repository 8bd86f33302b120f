/** The README.md of a result: how it was made and what was measured. It names no time, host or path. */
import type { Plan } from "../../compiler/plan/plan.ts";
import type { SaveRecord } from "../../compiler/plan/step.ts";
import { adapterFolder } from "../io/adapter.ts";
import { resultFrontMatter } from "../io/card.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import type { ReportResult, SeriesResult, StageResult } from "./result.ts";

interface Run {
  readonly reports: readonly ReportResult[];
  readonly series: readonly SeriesResult[];
  readonly stages: readonly StageResult[];
  /** The given model that the result began as. */
  readonly origin: Pick<Checkpoint, "card" | "hubName" | "config">;
}

/** The card as Markdown. What the recipe's author or a caller wrote stands in it as plain text, whatever it says. */
export function modelCard(
  plan: Plan,
  { format, adapter }: SaveRecord,
  hash: string,
  { reports, series, stages, origin }: Run,
): string {
  const { name, doc } = plan.recipe;
  const inputs = new Set([...plan.models, ...plan.corpora].map((input) => input.name));
  const settings = plan.recipe.parameters.filter((parameter) => !inputs.has(parameter.name));
  const measured = [...reports.map(({ text, value }) => ({ text, values: [value] })), ...series];
  const values = measured.map(({ text, values: each }) => [text, each.map(precise).join(", ")]);
  const parts = [
    resultFrontMatter(origin.card, origin, format === "gguf" ? "gguf" : "transformers"),
    [`# ${name}`],
    doc === "" ? [] : verbatim("text", doc),
    ["Made with lcomp by the recipe below."],
    adapter ? [adapterSentence] : [],
    section("Parameters", settings.length === 0 ? [] : verbatim("text", settings.map(shownSetting).join("\n"))),
    section("Stages", stageTable(stages)),
    section("Measured", table(["measure", "value"], values)),
    section("Recipe", verbatim("lcomp", plan.recipe.text.trimEnd())),
    [`Plan: sha256 ${hash}`],
  ];
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

const adapterSentence = `The weights are whole only with the adapter in ${adapterFolder}: \`PeftModel.from_pretrained(model, FOLDER + "/${adapterFolder.slice(0, -1)}")\` adds it.`;

const shownSetting = ({ name, value }: Plan["recipe"]["parameters"][number]): string =>
  `${name} = ${value.replaceAll("\n", " ")}`;

/** With zeros, if any stage makes some. */
function stageTable(stages: readonly StageResult[]): readonly string[] {
  const hasZeros = stages.some(({ changed }) => changed.length > 0);
  const rows = stages.map(({ name, action, changed }) => [name, action, ...(hasZeros ? [zerosOf(changed)] : [])]);
  return table(["stage", "action", ...(hasZeros ? ["zeros"] : [])], rows);
}

function zerosOf(changed: StageResult["changed"]): string {
  if (changed.length === 0) return "";
  const zeros = changed.reduce((sum, tensor) => sum + tensor.zeros, 0);
  const count = changed.reduce((sum, tensor) => sum + tensor.count, 0);
  return `${((100 * zeros) / Math.max(1, count)).toFixed(2)} % of ${changed.length} matrices`;
}

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [`## ${title}`, "", ...lines];

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map((cells) => line(cells.map(cell)))];
}

/** Words and numbers as they are, all else as code, in which nothing is a link, a name or a tag. */
function cell(text: string): string {
  const plain = shapely(text).replaceAll("\n", " ");
  if (/^(?:[\w %(),=+-]|(?<=\d)\.(?=\d))*$/.test(plain)) return plain.replaceAll("_", "\\_");
  const ticks = "`".repeat(longestRun(plain) + 1);
  return `${ticks} ${plain.replace(/\\(?=\|)/g, "\\ ").replaceAll("|", "\\|")} ${ticks}`;
}

/** A text as a block of code, which ends where it does: its fence is longer than any row of backquotes in it. */
function verbatim(language: string, text: string): readonly string[] {
  const fence = "`".repeat(Math.max(3, longestRun(text) + 1));
  return [`${fence}${language}`, shapely(text), fence];
}

const longestRun = (text: string): number => Math.max(0, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length));

/** Line ends and tabs stay; other characters without a shape, which could end a line or turn the direction of writing, are dots. */
export const shapely = (text: string): string =>
  text.replaceAll("\r\n", "\n").replace(/[^\P{C}\n\t]|[\p{Zl}\p{Zp}]/gu, "·");

/** What f32 can tell apart, without digits that mean nothing. */
const precise = (value: number): number => Number(value.toPrecision(7));
