/** What became of each layer, as pages show it. */
import { showBytes } from "../../../compiler/plan/bytes.ts";
import { percent, type RunReport } from "../result-table.ts";
import type { ChangedLayer, Compared } from "../run-record.ts";
import { duration } from "../table.ts";
import { counted } from "../terminal.ts";
import { folded, type Html, table } from "./html.ts";
import { type Line, layerMap, linesThrough, type Picture, short } from "./pictures.ts";

const bitsOf = ({ bytes_after, elements }: ChangedLayer): number | null =>
  elements === null ? null : (8 * bytes_after) / elements;

const zerosOf = ({ zeros, elements }: ChangedLayer): number | null =>
  zeros === null || elements === null ? null : zeros / elements;

const errorOf = ({ output_error }: ChangedLayer): number | null => output_error;

/** All that a stage changes, in numbers. */
export function layerTable(stage: string, layers: readonly ChangedLayer[]): Html | null {
  const isCompared = layers.some((each) => errorOf(each) !== null);
  const rows = layers.map((each) => {
    const [bits, error] = [bitsOf(each), errorOf(each)];
    return [
      ...[each.tensor, each.what, each.layer === null ? "" : String(each.layer)],
      ...[each.elements === null ? "" : String(each.elements), percent(zerosOf(each) ?? undefined)],
      ...[each.bytes_before === null ? "" : showBytes(each.bytes_before), showBytes(each.bytes_after)],
      ...[bits === null ? "" : short(bits), ...(isCompared ? [error === null ? "" : `${short(100 * error)} %`] : [])],
      duration(each.seconds),
    ];
  });
  const sizes = ["elements", "zeros", "before", "after", "bits per weight"];
  const head = ["weight", "layer", "block", ...sizes, ...(isCompared ? ["error of outputs"] : []), "time"];
  const title = `${counted(layers.length, "weight")} that ${stage} changes`;
  return folded(title, table(title, head, rows, { words: 2 }));
}

/** Maps of the layers of what is saved, or of the last stage, for each number that is not the same in all of them. */
export function layerMaps({ asked: { stages }, saves, layers }: RunReport): readonly Picture[] {
  const ends = saves.length > 0 ? saves.map(({ model }) => model) : stages.slice(-1).map(({ name }) => name);
  const states = ends.flatMap((model) => {
    const own = lastChanges(chainOf(stages, model), layers);
    return [...map(`bits per weight in ${model}`, own, bitsOf), ...map(`share of zeros in ${model}`, own, zerosOf)];
  });
  const most = Math.max(...layers.map((each) => errorOf(each) ?? 0));
  const errors = stages.flatMap(({ name }) => {
    const own = layers.filter(({ stage }) => stage === name);
    return map(`error of outputs in ${name}`, own, errorOf, most);
  });
  return [...states, ...errors];
}

/** What predictions lose with so many of the first blocks of a result. */
export type LossByBlock = "kl" | "loss";

/** A line for each result. */
export function blockCurves(linesOf: (loss: LossByBlock) => readonly Line[]): readonly Picture[] {
  const drawn = (title: string, lines: readonly Line[]): readonly Picture[] =>
    lines.some(({ points }) => points.length > 0) ? [linesThrough(title, "blocks of the result", lines)] : [];
  return [...drawn("KL by block", linesOf("kl")), ...drawn("Loss by block", linesOf("loss"))];
}

/** How many blocks are those of the result, and what that loses, where it is a number. */
export const blockPoints = ({ at, values }: Pick<Compared, "at" | "values">): Line["points"] =>
  at.flatMap(({ layer }, i) => {
    const number = values[i] ?? null;
    return number === null ? [] : [{ at: layer === null ? 0 : layer + 1, number }];
  });

/** What the curves show, of each result. */
export const saysOfBlocks = ({ compared }: RunReport): readonly string[] =>
  compared.flatMap((each) => {
    const { measure, model, with: other } = each;
    if (measure !== "kl") return [];
    const what = `So many of the first blocks are those of ${model}, and all that is behind them is ${other}'s`;
    return [
      `${what}: KL from the predictions of ${other}, and loss, in nats per token, on ${windowsOf(each)}. On the right stands ${model} as a whole.`,
    ];
  });

/** What the errors of outputs are; the same for stages that are compared with one model. */
export const saysOfErrors = ({ compared }: RunReport): readonly string[] => {
  const found = compared.filter(({ measure }) => measure === "output_error");
  const what = (other: string): string =>
    `y is what a layer makes in ${other}, and y′ what it makes of the same after the stage`;
  return [
    ...new Set(
      found.map((each) => `Error of outputs: ‖y′ − y‖² / ‖y‖², where ${what(each.with)}, on ${windowsOf(each)}.`),
    ),
  ];
};

const windowsOf = ({ windows: { count, length, corpus, split } }: Compared): string =>
  `${counted(count, "window")} of ${counted(length, "token")} of ${corpus}.${split}`;

/** The stages that have made a model, the first first. */
function chainOf(stages: RunReport["asked"]["stages"], model: string): readonly string[] {
  const stage = stages.find(({ name }) => name === model);
  return stage === undefined ? [] : [...chainOf(stages, stage.of), stage.name];
}

/** Of each tensor, what the last of the stages that change it has made. */
function lastChanges(chain: readonly string[], layers: readonly ChangedLayer[]): readonly ChangedLayer[] {
  const last = new Map<string, string>();
  for (const stage of chain) for (const each of layers) if (each.stage === stage) last.set(each.tensor, stage);
  return layers.filter(({ tensor, stage }) => last.get(tensor) === stage);
}

function map(
  title: string,
  layers: readonly ChangedLayer[],
  of: (layer: ChangedLayer) => number | null,
  most?: number,
): readonly Picture[] {
  const numbers = layers.flatMap((each) => {
    const found = of(each);
    return each.layer === null || found === null ? [] : [{ layer: each.layer, what: each.what, number: found }];
  });
  // What a block's stage cuts has one name for all tensors.
  const isAlone = ({ layer, what }: (typeof numbers)[0]): boolean =>
    numbers.filter((other) => other.layer === layer && other.what === what).length === 1;
  const named = numbers.filter(isAlone);
  const isSame = new Set(named.map(({ number }) => short(number))).size < 2;
  return isSame ? [] : [layerMap(title, named, most)];
}
