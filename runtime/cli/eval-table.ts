/** What `lcomp eval` has found, for people: a row for each measure, every mean with its standard error. */
import { alikeCells, cellTables, isOfCells, ofCells } from "./eval-cells.ts";
import type { RetrievalEvaluation, TaskEvaluation } from "./eval-tasks.ts";
import type { Divergence, TextEvaluation } from "./eval-text.ts";
import type { WrittenEvaluation } from "./eval-written.ts";
import { plain, shown } from "./statistics.ts";
import { table } from "./table.ts";
import { counted, lines, wrapped } from "./terminal.ts";

export interface Evaluation extends Partial<TextEvaluation> {
  /** By the names of texts, where they have names. */
  readonly texts?: Readonly<Record<string, TextEvaluation>>;
  /** By the names of tasks. */
  readonly tasks?: Readonly<Record<string, TaskEvaluation | RetrievalEvaluation>>;
  /** By the names of files. */
  readonly written?: Readonly<Record<string, WrittenEvaluation>>;
  /** What is said of the models. */
  readonly notes: readonly string[];
}

type Row = readonly string[];

/** The tables, with the models by the names that the command line has for them. */
export function showEvaluation(found: Evaluation, models: readonly string[], width: number): string {
  const { written = {} } = found;
  const { tasks, ofFacts } = tasksOf(found);
  const texts = textsOf(found);
  const isPaired = models.length > 1;
  const rows = [
    ...texts.flatMap(([name, text]) => textRows(name, text)),
    ...tasks.flatMap(([name, task]) => taskRows(name, task)),
    ...Object.entries(written).flatMap(([name, each]) => writtenRows(name, each)),
  ];
  const head = ["", ...models, ...(isPaired ? ["change"] : [])];
  const over = [
    ...texts.map(
      ([name, { windows, length }]) =>
        `${name.trimEnd() || "text"}: ${counted(windows, "window")} of ${counted(length, "token")}`,
    ),
    ...tasks.map(([name, { items }]) => `${name}: ${counted(items, "item")}`),
    ...ofFacts.map(([name, task]) => ofCells(name, task)),
    ...Object.entries(written).map(
      ([name, { items, tokens }]) => `${name}: ${counted(items, "text")} of at most ${counted(tokens, "token")}`,
    ),
  ].join("; ");
  const divergences = texts.flatMap(([name, { kl }]) => (kl ? divergenceRows(name, kl) : []));
  return lines(
    ...(rows.length > 0 ? [...table(head, rows, { width }), ""] : []),
    ...ofFacts.flatMap(([name, task]) => cellTables(name, task, models, width)),
    ...(divergences.length > 0 ? [...table(["", ""], divergences, { width }).slice(1), ""] : []),
    ...[over, ...alike(found)].flatMap((text) => wrapped(text, width, "  ")),
  );
}

/** Those of which each item is asked once, and those about facts, which stand in contexts. */
function tasksOf({ tasks = {} }: Evaluation) {
  const all = Object.entries(tasks);
  return {
    tasks: all.flatMap(([name, task]) => (isOfCells(task) ? [] : [[name, task] as const])),
    ofFacts: all.flatMap(([name, task]) => (isOfCells(task) ? [[name, task] as const] : [])),
  };
}

/** Each text with what stands before its measures: its name, where it has one. */
const textsOf = (found: Evaluation): readonly (readonly [before: string, text: TextEvaluation])[] => [
  ...(isOfText(found) ? [["", found] as const] : []),
  ...Object.entries(found.texts ?? {}).map(([name, text]) => [`${name} `, text] as const),
];

/** What is the same of both models, as far as was found. */
function alike(found: Evaluation): readonly string[] {
  const { tasks, ofFacts } = tasksOf(found);
  const changes = [
    ...textsOf(found).flatMap(([name, { kl }]) => (kl ? [[`${name}loss`, kl.log_ratio] as const] : [])),
    ...[...tasks, ...Object.entries(found.written ?? {})].flatMap(([name, { against }]) =>
      Object.entries(against?.change ?? {}).map(([metric, change]) => [`${name} ${metric}`, change] as const),
    ),
  ];
  const names = [
    ...changes.flatMap(([name, change]) => (change.indistinguishable ? [name] : [])),
    ...ofFacts.flatMap(([name, task]) => alikeCells(name, task)),
  ];
  return names.length > 0
    ? [`indistinguishable, within twice the standard error of the change: ${names.join(", ")}`]
    : [];
}

const isOfText = (found: Evaluation): found is Evaluation & TextEvaluation => found.mean_nll !== undefined;

function textRows(name: string, { mean_nll, standard_error, perplexity, kl }: TextEvaluation): readonly Row[] {
  const lossRow = [`${name}loss`, shown({ mean: mean_nll, standard_error })];
  const perplexityRow = [`${name}perplexity`, shown({ mean: perplexity, standard_error: perplexity * standard_error })];
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

/** Scores; then, of the texts of both, their loss under the first model, how far the second is from it along its own, and what both have in common. */
function writtenRows(name: string, { scores, against }: WrittenEvaluation): readonly Row[] {
  const rows = Object.entries(scores).map(([metric, mean]): Row => {
    const [other, change] = [against?.scores[metric], against?.change[metric]];
    return [`${name} ${metric}`, shown(mean), ...(other && change ? [shown(other), shown(change)] : [])];
  });
  if (!against) return rows;
  const { nll, kl, alike: common } = against;
  return [
    ...rows,
    [`${name} loss of what is written`, shown(nll.own), shown(nll.other), ""],
    [`${name} KL along OTHER's`, "", "", shown(kl)],
    [`${name} ROUGE-L of both`, "", "", shown(common)],
  ];
}

const divergenceRows = (name: string, kl: Divergence): readonly Row[] => [
  [`${name}KL`, shown(kl)],
  [`${name}KL, 99 % below`, plain(kl.percentiles?.["99%"])],
  [`${name}KL, greatest`, plain(kl.maximum)],
  [`${name}same top token`, shown(kl.same_top)],
];
