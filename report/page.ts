/** docs/results.md, of the rows that there are. */
import { showBytes } from "../runtime/bytes.ts";
import { methods } from "./methods.ts";
import { type Model, models } from "./models.ts";
import { type Result, readResult } from "./result.ts";
import { type Row, rowPath, rows, shownCommand } from "./rows.ts";

interface Found {
  readonly row: Row;
  readonly result: Result;
}

/** Of the first, papers promise that it loses no more than the second. */
const orders: readonly (readonly [string, string])[] = [
  ["wanda", "magnitude"],
  ["wanda", "magnitude_rows"],
  ["sparsegpt", "wanda"],
  ["gptq", "rtn"],
  ["awq", "rtn"],
  ["hqq", "rtn"],
];

/** Its text. */
export function page(): string {
  const found = rows().flatMap((row) => {
    const result = readResult(row);
    return result === undefined ? [] : [{ row, result }];
  });
  const ofModel = Map.groupBy(found, ({ row }) => row.model.name);
  const parts = [...ofModel].map(([name, some]) => section(models[name] as Model, some));
  return `${[...head, ...parts.flat(), ...promises(found)].join("\n")}\n`;
}

const head = [
  "# Results",
  "",
  "Each row is a command, and what it has found is in a file of [results](results). `npm run report` makes those that are missing or of another recipe or",
  "library, and writes this page; `--only PART` makes those alone whose names contain it.",
  "",
  "* *perplexity* with its standard error over windows; *lost*: how much greater the loss of a token is than the given model's, in nats, with the standard error",
  "  of the pairs; *KL* of a token from the given model, in nats; *same*: how often both find the same token likeliest.",
  "* *bytes* are those of all tensors, of which embeddings and norms stay as they are.",
  "* Layers are all linear ones but the output head. What needs text sees windows of the training text alone.",
];

function section({ name, about, length, windows }: Model, found: readonly Found[]): readonly string[] {
  const [first] = found;
  if (first === undefined) return [];
  const { perplexity, perplexity_error, bytes } = first.result;
  const given = `perplexity ${within(perplexity.model, perplexity_error.model)}, ${showBytes(bytes.model)}`;
  const columns = ["method", "", "bytes", "perplexity", "lost", "KL", "same", "seconds"];
  return [
    "",
    `## ${name}`,
    "",
    `${about}: ${windows} windows of ${length} tokens of the test text. As it is given: ${given}.`,
    "",
    line(columns),
    line(columns.map((_, i) => (i < 2 ? "---" : "---:"))),
    ...found.map(rowLine),
    "",
    "<details><summary>Commands</summary>",
    "",
    "```sh",
    ...found.map(({ row }) => shownCommand(row)),
    "```",
    "",
    "</details>",
  ];
}

function rowLine({ row, result }: Found): string {
  const { perplexity, perplexity_error, lost, lost_error, kl, kl_error, agreement, bytes, seconds } = result;
  const path = rowPath(row).replace("docs/", "");
  return line([
    `[${methods[row.method]?.title}](${path})`,
    shownSettings(row),
    `${percent(bytes.small / bytes.model)}`,
    within(perplexity.small, perplexity_error.small),
    within(lost, lost_error),
    within(kl, kl_error),
    percent(agreement),
    seconds.toFixed(0),
  ]);
}

/** `4 bits, groups of 64`, `2:4`. */
const shownSettings = ({ settings: { sparsity, bits, every } }: Pick<Row, "settings">): string =>
  [sparsity, bits && `${bits} bits`, every && `groups of ${every}`].filter(Boolean).join(", ");

/** Where two methods of an order were tried at the same, and by how much the first loses less. */
function promises(found: readonly Found[]): readonly string[] {
  const at = ({ row }: Found): string => [row.model.name, shownSettings(row)].join(", ");
  const lines = orders.flatMap(([better, worse]) => {
    const others = new Map(found.filter(({ row }) => row.method === worse).map((one) => [at(one), one.result]));
    return found
      .filter(({ row }) => row.method === better)
      .flatMap((one) => {
        const other = others.get(at(one));
        return other === undefined ? [] : [promise([better, worse], at(one), one.result, other)];
      });
  });
  const columns = ["loses less", "than", "at", "less by", ""];
  return [
    "",
    "## What papers promise",
    "",
    "By how much the loss of the one is less than that of the other, in nats. The errors are added as if they were independent; they are not, and the difference is surer than that.",
    "",
    line(columns),
    line(columns.map(() => "---")),
    ...lines,
  ];
}

function promise([better, worse]: readonly [string, string], at: string, one: Result, other: Result): string {
  const less = other.lost - one.lost;
  const error = Math.hypot(one.lost_error, other.lost_error);
  const verdict = less > 2 * error ? "holds" : less > -2 * error ? "within two errors" : "does not hold";
  return line([methods[better]?.title ?? better, methods[worse]?.title ?? worse, at, within(less, error), verdict]);
}

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A number with as many digits as its error has two of. */
function within(value: number, error: number): string {
  const digits = error > 0 ? Math.max(0, 1 - Math.floor(Math.log10(error))) : 4;
  return `${value.toFixed(digits)} ± ${error.toFixed(digits)}`;
}
