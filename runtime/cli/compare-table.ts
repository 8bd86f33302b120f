/** Results side by side, as their reports have them: what each takes, and how far it is from the model that it was made of. */
import { showBytes } from "../../compiler/plan/bytes.ts";
import { isJsonObject } from "../io/file.ts";
import { UserError } from "../user-error.ts";
import { blockPoints, type LossByBlock } from "./page/layers.ts";
import { front, type Line, type Offer } from "./page/pictures.ts";
import { number, percent } from "./result-table.ts";
import { duration, table } from "./table.ts";
import { lines, wrapped } from "./terminal.ts";

/** A saved model; null for what its report does not say. */
export interface ComparedResult {
  /** The result's path, with the model's name where it has several. */
  readonly result: string;
  readonly recipe: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly bytes: number;
  /** Of the given model. */
  readonly given_bytes: number | null;
  /** KL(given ‖ result), in nats per token, when it was read back. */
  readonly kl: number | null;
  /** What the recipe reports of it, by measure. */
  readonly measures: Readonly<Record<string, number>>;
  /** What it reports of the given model. */
  readonly given: Readonly<Record<string, number>>;
  readonly zeros: number | null;
  readonly seconds: number | null;
  /** What predictions lose with so many of its first blocks, and all that is behind them as given, where that was compared. */
  readonly by_block: Readonly<Record<LossByBlock, Line["points"]>>;
}

export interface Comparison {
  readonly results: readonly ComparedResult[];
  /** By what they are judged beside their size: `kl`, or a measure; null where none has a number of all. */
  readonly loss: string | null;
  /** Those that no other one is smaller and better than, by their paths, from the smallest on. */
  readonly front: readonly string[];
  readonly notes: readonly string[];
}

/** A report that has been read: whatever it may hold. */
export interface ReadReport {
  /** The path of its result, as it was given. */
  readonly path: string;
  readonly report: unknown;
}

/** What lies at the end of a path of keys. */
const at = (value: unknown, ...keys: readonly string[]): unknown =>
  keys.reduce((found, key) => (isJsonObject(found) && Object.hasOwn(found, key) ? found[key] : undefined), value);

const numberAt = (value: unknown, ...keys: readonly string[]): number | null => {
  const found = at(value, ...keys);
  return typeof found === "number" && Number.isFinite(found) ? found : null;
};

const textAt = (value: unknown, ...keys: readonly string[]): string => {
  const found = at(value, ...keys);
  return typeof found === "string" ? found : "";
};

const listAt = (value: unknown, ...keys: readonly string[]): readonly unknown[] => {
  const found = at(value, ...keys);
  return Array.isArray(found) ? found : [];
};

/** The saved models of reports, and what is to be known before they are compared. */
export function comparison(reports: readonly ReadReport[]): Comparison {
  const results = reports.flatMap(resultsOf);
  const measures = measuresOf(results);
  const isKnown = (loss: string): boolean => results.every((each) => lossOf(each, loss) !== null);
  const loss = ["kl", ...measures].find(isKnown) ?? null;
  const judged = new Set(reports.map(({ report }) => judgedOn(report)));
  const texts = "they were measured on different texts or windows: their numbers say little of one another";
  const origins = new Set(reports.flatMap(({ report }) => originsOf(report)));
  const models = "they were made of different models";
  return {
    results,
    loss,
    front: loss === null ? [] : front(offersOf(results, loss)).map(({ name }) => name),
    notes: [...(judged.size > 1 ? [texts] : []), ...(origins.size > 1 ? [models] : [])],
  };
}

function resultsOf({ path, report }: ReadReport): readonly ComparedResult[] {
  const recipe = textAt(report, "asked", "recipe", "name");
  const saves = listAt(report, "saves").filter((save) => numberAt(save, "bytes") !== null);
  if (recipe === "") throw new UserError(`${path} is no report of lcomp run: it does not say what was asked`);
  if (saves.length === 0 || at(report, "checks") === undefined)
    throw new UserError(`${path} is the report of a run that saved nothing; there is nothing to compare`);
  const settings = listAt(report, "asked", "recipe", "parameters");
  const inputs = [...listAt(report, "asked", "models"), ...listAt(report, "asked", "corpora")];
  const isInput = (name: string): boolean => inputs.some((each) => textAt(each, "name") === name);
  const parameters = settings.map((each) => [textAt(each, "name"), textAt(each, "value")] as const);
  return saves.map((save) => {
    const [model, origin] = [textAt(save, "model"), textAt(save, "origin")];
    const given = listAt(report, "asked", "models").find((each) => textAt(each, "name") === origin);
    return {
      result: saves.length > 1 ? `${path} ${model}` : path,
      recipe,
      parameters: Object.fromEntries(parameters.filter(([name]) => !isInput(name))),
      bytes: numberAt(save, "bytes") ?? 0,
      given_bytes: numberAt(given, "bytes"),
      kl: numberAt(report, "checks", model, "kl"),
      measures: measuredOf(report, model),
      given: measuredOf(report, origin),
      zeros: numberAt(report, "zeros", model, "all"),
      seconds: numberAt(report, "seconds"),
      by_block: { kl: byBlock(report, model, "kl"), loss: byBlock(report, model, "loss") },
    };
  });
}

function byBlock(report: unknown, model: string, loss: LossByBlock): Line["points"] {
  const isIt = (each: unknown): boolean => textAt(each, "measure") === loss && textAt(each, "model") === model;
  const found = listAt(report, "compared").find(isIt);
  const values = listAt(found, "values");
  return blockPoints({
    at: listAt(found, "at").map((each) => ({ layer: numberAt(each, "layer"), what: textAt(each, "what") })),
    values: values.map((each) => (typeof each === "number" ? each : null)),
  });
}

function measuredOf(report: unknown, model: string): Readonly<Record<string, number>> {
  const measures = at(report, "measures");
  const names = isJsonObject(measures) ? Object.keys(measures) : [];
  return Object.fromEntries(
    names.flatMap((name) => {
      const found = numberAt(measures, name, model);
      return found === null ? [] : [[name, found]];
    }),
  );
}

/** The text, by its hash, and the windows that it was read back on, or else the last of all. */
function judgedOn(report: unknown): string {
  const windows = listAt(report, "asked", "windows").at(-1);
  const text = listAt(report, "asked", "corpora").find((each) => textAt(each, "name") === textAt(windows, "corpus"));
  const split = listAt(text, "splits").find((each) => textAt(each, "split") === textAt(windows, "split"));
  return JSON.stringify([textAt(split, "sha256"), numberAt(windows, "length"), numberAt(windows, "count")]);
}

const originsOf = (report: unknown): readonly string[] => {
  const names = listAt(report, "saves").map((save) => textAt(save, "origin"));
  return listAt(report, "asked", "models").flatMap((model) =>
    names.includes(textAt(model, "name")) ? [textAt(model, "headers")] : [],
  );
};

/** Those that any of them has, but for what is a size. */
const measuresOf = (results: readonly ComparedResult[]): readonly string[] =>
  [...new Set(results.flatMap(({ measures }) => Object.keys(measures)))].filter((name) => name !== "bytes");

const lossOf = ({ kl, measures }: ComparedResult, loss: string): number | null =>
  loss === "kl" ? kl : (measures[loss] ?? null);

/** What each is for its bytes. */
export const offersOf = (results: readonly ComparedResult[], loss: string): readonly Offer[] =>
  results.map((each) => ({ name: each.result, bytes: each.bytes, loss: lossOf(each, loss) ?? Number.NaN }));

interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Of each given model, then of each result; without columns in which nothing would stand. */
export function comparedTable({ results }: Comparison): Table {
  const measures = measuresOf(results);
  const shown = (numbers: ComparedResult["measures"]): readonly string[] =>
    measures.map((name) => number(numbers[name]));
  const givens = new Map(results.map((each) => [JSON.stringify([each.given_bytes, each.given]), each]));
  const sizeOf = (bytes: number | null): string => (bytes === null ? "" : showBytes(bytes));
  const head = ["result", "recipe", "size", "of given", "KL", ...measures, "zeros", "time"];
  const rows = [
    ...[...givens.values()].map(({ given_bytes, given }) => [
      ...["given", "", sizeOf(given_bytes), "", ""],
      ...[...shown(given), "", ""],
    ]),
    ...results.map(({ result, recipe, bytes, given_bytes, kl, measures: own, zeros, seconds }) => [
      ...[result, recipe, showBytes(bytes), given_bytes === null ? "" : percent(bytes / given_bytes)],
      ...[number(kl ?? undefined), ...shown(own), percent(zeros ?? undefined)],
      seconds === null ? "" : duration(seconds),
    ]),
  ];
  const isUsed = (_: string, column: number): boolean => rows.some((row) => row[column] !== "");
  return { head: head.filter(isUsed), rows: rows.map((row) => row.filter(isUsed)) };
}

/** For people, in lines of that width. */
export function showComparison(found: Comparison, width: number): string {
  const { head, rows } = comparedTable(found);
  return lines(
    ...table(head, rows, { left: 2, width }),
    "",
    ...remarks(found).flatMap((line) => wrapped(line, width, "  ")),
  );
}

/** What follows from the numbers, and what is to be known of them. */
export const remarks = ({ loss, front: best, notes }: Comparison): readonly string[] => [
  ...(loss === null
    ? ["no number is known of all of them, so that none is better than another"]
    : [`nothing here is both smaller and of less ${loss === "kl" ? "KL" : loss} than ${best.join(", ")}`]),
  ...notes,
];
