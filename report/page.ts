/** docs/results.md, of the rows that there are. */
import { showBytes } from "../compiler/plan/bytes.ts";
import { shown } from "../runtime/cli/statistics.ts";
import { isCalibrated, type Method, methods } from "./methods.ts";
import { type Model, models } from "./models.ts";
import { orders } from "./orders.ts";
import { difference, isBetter } from "./pairs.ts";
import { givenReference, paperFigures, referenceOf, scriptPath } from "./references.ts";
import { type Result, readResult, readTaskResult, reasonToMake, sourcesOf, type TaskResult } from "./result.ts";
import { type Row, rowPath, rows, shownCommand, type TaskRow, taskRowName, taskRows } from "./rows.ts";

interface Found {
  readonly row: Row;
  readonly result: Result;
  /** Whether its command would find something else today, as far as the texts say that it was made of. */
  readonly isStale: boolean;
  /** What its model answers, where it was asked. */
  readonly answers?: Answers;
}

interface Answers {
  readonly row: TaskRow;
  readonly result: TaskResult;
  readonly isStale: boolean;
}

/** Its text. */
export function page(): string {
  const answers = new Map(taskRows().flatMap(answersOf));
  const found = rows().flatMap((row): readonly Found[] => {
    const result = readResult(row);
    const own = answers.get(taskRowName(row));
    return result === undefined ? [] : [{ row, result, isStale: isStale(row), ...(own && { answers: own }) }];
  });
  const ofModel = [...Map.groupBy(found, ({ row }) => row.model)];
  const chosen = ofModel.flatMap(([model, some]) => choiceOf(model, some));
  const parts = ofModel.flatMap(([model, some]) => section(model, some));
  return `${[...head, ...chosen, ...promises(found), ...papers(found), ...parts].join("\n")}\n`;
}

const isStale = (row: Row): boolean => reasonToMake(row, sourcesOf(row)) !== undefined;

function answersOf(row: TaskRow): readonly (readonly [name: string, answers: Answers])[] {
  const result = readTaskResult(row);
  return result === undefined ? [] : [[row.name, { row, result, isStale: isStale(row) }]];
}

const head = [
  "# Results",
  "",
  "What the methods of the library cost models. Each row is a command, with what it has found in a file of [results](results); its recipe lies beside it, and",
  "runs on any model and text: `npx lcomp run docs/results/gptq.lcomp --model MODEL --text TEXT --bits 4` says what GPTQ costs yours. `npm run report` makes the",
  "rows that are missing or stale and writes this page, `--only PART` those alone whose names contain PART, `--list` says which they are; variables say where models and texts are, and rows",
  "of what is not there stay as they are:",
  "",
  ...Object.values(models)
    .filter(({ places }) => places !== undefined)
    .map(({ name, places }) => `* ${name}: ${places}`),
  "",
  "In the tables below:",
  "",
  "* *perplexity* with its standard error over windows; *lost*: how much greater the loss of a token is than the given model's, in nats, with the standard error",
  "  of the pairs; *KL* of a token from the given model, in nats; *same*: how often both find the same token likeliest.",
  "* *bytes* are those of all tensors, of which embeddings and norms stay as they are; zeros are stored like all other numbers.",
  "* *seconds*: what the stages of the method took, of the CPU where it plays the GPU; what compiling and measuring took is not in it.",
  `* *PyTorch*: the perplexity of what the method makes there, written from its paper, by Transformers on the same windows ([${scriptPath}](../${scriptPath}));`,
  "  the last bits of activations can decide what a sweep makes: GPTQ of 2 bits finds 3.84 to 3.89 on babyllama361, if they are off by as much as float32 rounds.",
  "* *acc* and *acc_norm*: the share of questions of which the likeliest choice is the right one, and of which the one is that is likeliest for its length, as",
  "  lm-evaluation-harness has them; in brackets by how much that is more than the given model's, on the same questions: *indistinguishable* within two standard errors",
  "  of the pairs. *flips*: how many answers turn from right to wrong or from wrong to right, by acc.",
  "* †: the recipe, or what it uses of the library, computes something else by now.",
  "* Layers are all linear ones but the output head. What needs text sees windows of the training text alone.",
  "* The K-quants of ggml have blocks of 256, which divide few widths of these models: they have rows where they can, with Q5_0 on the other layers, as llama.cpp does.",
  "",
  "## Which method to take",
  "",
  "At each size: of all rows that are not larger, those that no other beats by more than two standard errors of the difference. Of these the smallest stands here,",
  "of equal ones one that needs no text, and then the one that loses least. Zeros are compared among themselves: alone they make no file smaller.",
];

/** What is worth its bytes, and what loses least of zeros. */
function choiceOf({ name }: Model, found: readonly Found[]): readonly string[] {
  const removed = ({ row: { settings } }: Found): string | undefined => settings.sparsity ?? settings.share;
  const codes = found.filter((each) => removed(each) === undefined);
  const zeros = Map.groupBy(
    found.filter((each) => removed(each) !== undefined),
    removed,
  );
  const columns = ["bytes", "take", "", "lost", "seconds"];
  const shown = [...worthwhile(codes), ...[...zeros.values()].flatMap(worthwhile)];
  return [
    "",
    `### On ${name}`,
    "",
    line(columns),
    line(columns.map((_, i) => (i === 1 || i === 2 ? "---" : "---:"))),
    ...shown.map(({ row, result }) => {
      const { bytes, lost, lost_error, seconds } = result;
      const cells = [methods[row.method]?.title ?? row.method, shownSettings(row)];
      return line([share(bytes), ...cells, within(lost, lost_error), shownSeconds(seconds)]);
    }),
  ];
}

/** For each size that rows have, from the smallest: what to take of all that are not larger, if that is another than before. */
function worthwhile(found: readonly Found[]): readonly Found[] {
  const sizes = [...new Set(found.map(({ result }) => result.bytes.small))].sort((a, b) => a - b);
  const taken = sizes.flatMap((size) => {
    const among = found.filter(({ result }) => result.bytes.small <= size);
    const best = among.toSorted((a, b) => a.result.lost - b.result.lost)[0] as Found;
    const asGood = among.filter(({ result }) => result === best.result || !isBetter(best.result, result));
    return asGood.toSorted((a, b) => compare(ranks(a), ranks(b))).slice(0, 1);
  });
  return [...new Set(taken)];
}

/** What counts when two are as good, in order. */
const ranks = ({ row, result }: Found): readonly number[] => [
  result.bytes.small,
  Number(isCalibrated(methods[row.method] as Method)),
  result.lost,
];

/** The first of two lists with a difference. */
function compare(a: readonly number[], b: readonly number[]): number {
  return a.map((value, i) => value - (b[i] ?? Number.NaN)).find((less) => less !== 0) ?? 0;
}

function section(model: Model, found: readonly Found[]): readonly string[] {
  const { name, about, length, windows } = model;
  const [first] = found;
  if (first === undefined) return [];
  const { perplexity, perplexity_error, bytes } = first.result;
  const asked = found.flatMap(({ answers }) => answers ?? []);
  const reference = givenReference(name);
  const given = [
    `perplexity ${within(perplexity.model, perplexity_error.model)}`,
    ...(reference === undefined ? [] : [`by PyTorch ${showReference(reference, perplexity_error.model)}`]),
    showBytes(bytes.model),
    ...asked.slice(0, 1).map(givenAnswers),
  ].join(", ");
  const answerColumns = asked
    .slice(0, 1)
    .flatMap(({ row: { questions } }) => [`${questions.title}: acc`, "acc_norm", "flips"]);
  const columns = ["method", "", "bytes", "perplexity", "PyTorch", "lost", "KL", "same", "seconds", ...answerColumns];
  return [
    "",
    `## ${name}`,
    "",
    `${about}: ${windows} windows of ${length} tokens of the test text. As it is given: ${given}.`,
    "",
    line(columns),
    line(columns.map((_, i) => (i < 2 ? "---" : "---:"))),
    ...found.map((each) =>
      line([...rowCells(each), ...answerColumns.map((_, i) => answerCells(each.answers)[i] ?? "")]),
    ),
    "",
    "<details><summary>Commands</summary>",
    "",
    "```sh",
    ...found.flatMap(({ row, answers }) => [shownCommand(row), ...(answers ? [shownCommand(answers.row)] : [])]),
    "```",
    "",
    "</details>",
  ];
}

function rowCells({ row, result, isStale }: Found): readonly string[] {
  const { perplexity, perplexity_error, lost, lost_error, kl, kl_error, agreement, bytes, seconds } = result;
  const path = rowPath(row).replace("docs/", "");
  return [
    `[${methods[row.method]?.title}](${path})${isStale ? " †" : ""}`,
    shownSettings(row),
    share(bytes),
    within(perplexity.small, perplexity_error.small),
    showReference(referenceOf(row)?.perplexity, perplexity_error.small),
    within(lost, lost_error),
    within(kl, kl_error),
    percent(agreement),
    shownSeconds(seconds),
  ];
}

/** What the given model answers, which is the same in all rows. */
const givenAnswers = ({ row: { questions }, result: { items, acc, acc_norm } }: Answers): string =>
  `of ${items} questions of ${questions.title} acc ${shown(acc)}, acc_norm ${shown(acc_norm)}`;

/** What a row's model answers, and what is another answer than the given model's; nothing where it was not asked. */
function answerCells(answers: Answers | undefined): readonly string[] {
  const { row, result, isStale } = answers ?? {};
  const { against } = result ?? {};
  if (row === undefined || against === undefined) return [];
  const cell = (metric: "acc" | "acc_norm"): string => {
    const { indistinguishable, ...change } = against.change[metric];
    const more = indistinguishable ? `${shown(change)}, indistinguishable` : shown(change);
    return `${shown(against[metric])} (${more})`;
  };
  const acc = `[${cell("acc")}](${rowPath(row).replace("docs/", "")})${isStale ? " †" : ""}`;
  return [acc, cell("acc_norm"), shown(against.flips)];
}

/** `4 bits, groups of 64`, `2:4`. */
function shownSettings({ settings }: Pick<Row, "settings">): string {
  const { sparsity, share: removed, neurons, kept, width, bits, every, rank, budget } = settings;
  const shown = [
    ...[
      sparsity,
      removed,
      neurons && `${neurons} of neurons`,
      kept && `${kept} of numbers`,
      width && `${width} of width`,
      budget && `at most ${showBytes(Number(budget))}`,
    ],
    ...[bits && `${bits} bits`, every && `groups of ${every}`, rank && `rank ${rank}`],
  ];
  return shown.filter(Boolean).join(", ");
}

/** Where two methods of an order were tried at the same, and by how much the first loses less. */
function promises(found: readonly Found[]): readonly string[] {
  const at = ({ row }: Found): string => [row.model.name, shownSettings(row)].filter(Boolean).join(", ");
  const compared = orders.map((order) => {
    const { better, worse, surprise } = order;
    const others = found.filter(({ row }) => row.method === worse);
    const lines = found
      .filter(({ row }) => row.method === better)
      .flatMap((one) => {
        const other = order.at === undefined ? others.find((each) => at(each) === at(one)) : noSmaller(one, others);
        if (other === undefined) return [];
        const where = order.at === undefined ? at(one) : `${at(one)} (${shownSettings(other.row)})`;
        return [promise([better, worse], where, one.result, other.result)];
      });
    const isBroken = lines.some((each) => each.includes(broken));
    return { lines, said: isBroken ? [`* ${surprise ?? "Why is not known."}`] : [] };
  });
  const columns = ["loses less", "than", "at", "less by", ""];
  const said = compared.flatMap((each) => each.said);
  return [
    "",
    "## What papers promise",
    "",
    "By how much the loss of the one is less than that of the other, in nats, with the standard error of the differences window by window; *holds*: by more than two of",
    "them.",
    ...(said.length > 0 ? ["Where an order does not hold:", "", ...said] : []),
    "",
    line(columns),
    line(columns.map(() => "---")),
    ...compared.flatMap(({ lines }) => lines),
  ];
}

/** The smallest of those of a model that are no smaller. */
function noSmaller({ row, result }: Found, others: readonly Found[]): Found | undefined {
  const large = others.filter((each) => each.row.model === row.model && each.result.bytes.small >= result.bytes.small);
  return large.toSorted((a, b) => a.result.bytes.small - b.result.bytes.small)[0];
}

const broken = "**does not hold**";

function promise([better, worse]: readonly [string, string], at: string, one: Result, other: Result): string {
  const { less, error } = difference(one, other);
  const verdict = less > 2 * error ? "holds" : less >= -2 * error ? "within two errors" : broken;
  return line([methods[better]?.title ?? better, methods[worse]?.title ?? worse, at, within(less, error), verdict]);
}

/** Ratios of perplexities that papers have of other models, beside ours. */
function papers(found: readonly Found[]): readonly string[] {
  const columns = ["method", "at", "of", "perplexity", "ratio", "here", "ratio", "source"];
  const lines = paperFigures.flatMap(({ row: name, at, model, given, made, source }) => {
    const own = found.find(({ row }) => row.name === name);
    if (own === undefined) return [];
    const { row, result } = own;
    const { perplexity } = result;
    return [
      line([
        ...[methods[row.method]?.title ?? row.method, at, model, `${given} → ${made}`, ratio(made / given)],
        ...[`${row.model.name}, ${shownSettings(row)}`, ratio(perplexity.small / perplexity.model), source],
      ]),
    ];
  });
  return [
    "",
    "## What papers have of other models",
    "",
    "Perplexity on WikiText-2, before and after, and how many times as much that is, beside the nearest row here. Models, windows and calibration are others: of these figures",
    "only the order among methods can be compared.",
    "",
    line(columns),
    line(columns.map((_, i) => (i === 4 || i === 6 ? "---:" : "---"))),
    ...lines,
  ];
}

const ratio = (times: number): string => times.toPrecision(3);

/** With as many digits as what has that error. */
const showReference = (value: number | undefined, error: number): string =>
  value === undefined ? "" : (within(value, error).split(" ")[0] ?? "");

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;

const share = ({ model, small }: Result["bytes"]): string => percent(small / model);

const shownSeconds = (seconds: number): string => seconds.toFixed(seconds < 10 ? 1 : 0);

/** A number with its error. */
const within = (mean: number, standard_error: number): string => shown({ mean, standard_error });
