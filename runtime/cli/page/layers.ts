/** What became of each layer, as pages show it. */
import { showBytes } from "../../../compiler/plan/bytes.ts";
import { percent, type RunReport } from "../result-table.ts";
import type { ChangedLayer } from "../run-record.ts";
import { duration } from "../table.ts";
import { counted } from "../terminal.ts";
import { folded, type Html, table } from "./html.ts";
import { layerMap, type Picture, short } from "./pictures.ts";

const bitsOf = ({ bytes_after, elements }: ChangedLayer): number | null =>
  elements === null ? null : (8 * bytes_after) / elements;

const zerosOf = ({ zeros, elements }: ChangedLayer): number | null =>
  zeros === null || elements === null ? null : zeros / elements;

/** All that a stage changes, in numbers. */
export function layerTable(stage: string, layers: readonly ChangedLayer[]): Html | null {
  const rows = layers.map((each) => {
    const bits = bitsOf(each);
    return [
      ...[each.tensor, each.what, each.layer === null ? "" : String(each.layer)],
      ...[each.elements === null ? "" : String(each.elements), percent(zerosOf(each) ?? undefined)],
      ...[each.bytes_before === null ? "" : showBytes(each.bytes_before), showBytes(each.bytes_after)],
      ...[bits === null ? "" : short(bits), duration(each.seconds)],
    ];
  });
  const head = ["weight", "layer", "block", "elements", "zeros", "before", "after", "bits per weight", "time"];
  const title = `${counted(layers.length, "weight")} that ${stage} changes`;
  return folded(title, table(title, head, rows, { words: 2 }));
}

/** Maps of the layers of what is saved, or of the last stage, for each number that is not the same in all of them. */
export function layerMaps({ asked: { stages }, saves, layers }: RunReport): readonly Picture[] {
  const ends = saves.length > 0 ? saves.map(({ model }) => model) : stages.slice(-1).map(({ name }) => name);
  return ends.flatMap((model) => {
    const own = lastChanges(chainOf(stages, model), layers);
    return [...map(`bits per weight in ${model}`, own, bitsOf), ...map(`share of zeros in ${model}`, own, zerosOf)];
  });
}

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
  return isSame ? [] : [layerMap(title, named)];
}
