/** What `lcomp eval` has found, for people: a row for each measure, every mean with its standard error. */
import type { TaskEvaluation } from "./eval-tasks.ts";
import type { Divergence, TextEvaluation } from "./eval-text.ts";
import type { Mean } from "./statistics.ts";
import { table } from "./table.ts";
import { counted, lines, wrapped } from "./terminal.ts";

export interface Evaluation extends Partial<TextEvaluation> {
  /** By the names of tasks. */
  readonly tasks?: Readonly<Record<string, TaskEvaluation>>;
  /** What is said of the models. */
  readonly notes: readonly string[];
}

type Row = readonly string[];

/** The tables, with the models by the names that the command line has for them. */
export function showEvaluation(found: Evaluation, models: readonly string[], width: number): string {
  const { tasks = {} } = found;
  const isPaired = models.length > 1;
  const rows = [
    ...(isOfText(found) ? textRows(found) : []),
    ...Object.entries(tasks).flatMap(([name, task]) => taskRows(name, task)),
  ];
  const head = ["", ...models, ...(isPaired ? ["change"] : [])];
  const over = [
    ...(isOfText(found) ? [`text: ${counted(found.windows, "window")} of ${counted(found.length, "token")}`] : []),
    ...Object.entries(tasks).map(([name, { items }]) => `${name}: ${counted(items, "item")}`),
  ].join("; ");
  return lines(
    ...table(head, rows, { width }),
    "",
    ...(found.kl ? [...table(["", ""], divergenceRows(found.kl), { width }).slice(1), ""] : []),
    ...[over, ...alike(found)].flatMap((text) => wrapped(text, width, "  ")),
  );
}

/** What is the same of both models, as far as was found. */
function alike({ kl, tasks = {} }: Evaluation): readonly string[] {
  const changes = [
    ...(kl ? [["loss", kl.log_ratio] as const] : []),
    ...Object.entries(tasks).flatMap(([name, { against }]) =>
      Object.entries(against?.change ?? {}).map(([metric, change]) => [`${name} ${metric}`, change] as const),
    ),
  ];
  const names = changes.flatMap(([name, change]) => (change.indistinguishable ? [name] : []));
  return names.length > 0
    ? [`indistinguishable, within twice the standard error of the change: ${names.join(", ")}`]
    : [];
}

const isOfText = (found: Evaluation): found is Evaluation & TextEvaluation => found.mean_nll !== undefined;

function textRows({ mean_nll, standard_error, perplexity, kl }: TextEvaluation): readonly Row[] {
  const lossRow = ["loss", shown({ mean: mean_nll, standard_error })];
  const perplexityRow = ["perplexity", shown({ mean: perplexity, standard_error: perplexity * standard_error })];
  if (!kl) return [lossRow, perplexityRow];
  const error = kl.perplexity * kl.nll_error;
  return [
    [...lossRow, shown({ mean: kl.mean_nll, standard_error: kl.nll_error }), shown(kl.log_ratio)],
    [...perplexityRow, shown({ mean: kl.perplexity, standard_error: error }), ""],
  ];
}

function taskRows(name: string, { acc, acc_norm, against }: TaskEvaluation): readonly Row[] {
  if (!against) return Object.entries({ acc, acc_norm }).map(([metric, mean]) => [`${name} ${metric}`, shown(mean)]);
  const { change, flips } = against;
  return [
    [`${name} acc`, shown(acc), shown(against.acc), shown(change.acc)],
    [`${name} acc_norm`, shown(acc_norm), shown(against.acc_norm), shown(change.acc_norm)],
    [`${name} flips`, "", "", shown(flips)],
  ];
}

const divergenceRows = (kl: Divergence): readonly Row[] => [
  ["KL", shown(kl)],
  ["KL, 99 % below", plain(kl.percentiles?.["99%"])],
  ["KL, greatest", plain(kl.maximum)],
  ["same top token", shown(kl.same_top)],
];

/** `0.500 ± 0.035`: two digits of the error, and as many places of the mean. */
export function shown({ mean, standard_error }: Mean): string {
  if (standard_error === 0) return `${plain(mean)} ± 0`;
  const places = Math.min(20, Math.max(0, 1 - Math.floor(Math.log10(standard_error))));
  return `${mean.toFixed(places)} ± ${standard_error.toFixed(places)}`;
}

const plain = (value: number | undefined): string => (value === undefined ? "" : String(Number(value.toPrecision(5))));
