/**
 * What stages leave of each weight of a linear layer, as far as their methods' bodies say it: how many are 0, whether they are codes,
 * whether a scale was moved into them, and whether they are in another basis. Sizes, and what codes are stored as, stand in the model's type.
 */
import type { Span } from "../../grammar/source.ts";
import { implies, showZeros, type Zeros } from "../effects/zeros.ts";
import { known } from "../language/size.ts";
import { volume } from "../language/tensor.ts";
import { type Format, showFormat } from "../language/value.ts";
import { tensorName } from "../model/declared-tensor.ts";
import { matricesIn, type Selected } from "../model/selector.ts";
import { layersOf, type ModelType } from "../model/value.ts";
import type { ZerosLeft } from "./method-result.ts";

/** A stage, for messages. */
export interface StageNamed {
  readonly name: string;
  readonly span: Span;
  /** It chooses: what it does, its candidates do. */
  readonly isChoice?: true;
}

/** What holds of a weight, and which stage has made it so. */
export interface WeightState {
  readonly zeros: readonly Made[];
  /** Zeros that stages made, and others did not keep. */
  readonly lost: readonly Lost[];
  /** Null for numbers; without a stage where codes were given. */
  readonly codes: { readonly format: Format; readonly by: StageNamed | null } | null;
  readonly isFolded: boolean;
  /** The stage that has turned its inputs or outputs to another basis. */
  readonly rotated: StageNamed | null;
}

interface Made {
  readonly zeros: Zeros;
  readonly by: StageNamed;
}

/** To a stage that gave weights other values, cut columns away, or turned them. */
interface Lost extends Made {
  readonly to: StageNamed;
  readonly how: "changed" | "cut" | "turned";
}

/** By layers' keys; of those that are not there nothing is known. */
export type States = ReadonlyMap<string, WeightState>;

/** What a stage does to a weight. */
export interface Change {
  /** Null: nothing is known of zeros from then on. */
  readonly zeros: ZerosLeft | null;
  readonly format: Format | null;
  readonly isFold: boolean;
  /** Beside it, the layer gets a new bias. */
  readonly givesBias: boolean;
  /** Of how many columns the matrix of second moments is that its method makes a factor of; null of none. */
  readonly factored: number | null;
}

/** By block and name. */
export const keyOf = ({
  linear,
  layer,
}: {
  readonly linear: Pick<Selected["linear"], "name">;
  readonly layer: Selected["layer"];
}): string => `${layer ?? ""} ${linear.name}`;

/** The layer of a key. */
export function layerOf(key: string): { readonly layer: number | null; readonly name: string } {
  const [layer = "", name = ""] = key.split(" ");
  return { layer: layer === "" ? null : Number(layer), name };
}

const untouched: WeightState = { zeros: [], lost: [], codes: null, isFolded: false, rotated: null };

/** The weights of a given model, of which some may be codes. */
export const givenStates = (type: ModelType): States =>
  new Map(
    matricesIn(type).flatMap((each): [string, WeightState][] => {
      const coded = type.facts?.tensors.get(tensorName(each.linear.weight, each.layer))?.coded;
      return coded ? [[keyOf(each), { ...untouched, codes: { format: coded.format, by: null } }]] : [];
    }),
  );

/** What weights are behind a stage that changes some of them. */
export function changed(before: States, by: StageNamed, changes: ReadonlyMap<string, Change>): States {
  const after = new Map(before);
  for (const [key, change] of changes) after.set(key, changedState(before.get(key) ?? untouched, by, change));
  return after;
}

function changedState(before: WeightState, by: StageNamed, { zeros, format, isFold }: Change): WeightState {
  const made = (zeros?.makes ?? []).map((each) => ({ zeros: each, by }));
  const kept = zeros?.keeps ? before.zeros : [];
  const left = zeros && !zeros.keeps ? before.zeros.map((each) => ({ ...each, to: by, how: "changed" as const })) : [];
  const now = [...kept.filter((each) => !made.some((other) => implies(other.zeros, each.zeros))), ...made];
  const lost = [...before.lost, ...left].filter((each) => !now.some((other) => implies(other.zeros, each.zeros)));
  const codes = format ? { format, by } : null;
  return { ...before, zeros: now, lost, codes, isFolded: before.isFolded || isFold };
}

/** The same as numbers. */
export const decodedStates = (states: States): States =>
  new Map([...states].map(([key, state]) => [key, { ...state, codes: null }]));

/** What weights are behind a stage that keeps blocks, or parts of dimensions: which blocks stay, data decide. */
export function narrowedStates(before: States, by: StageNamed, from: ModelType, to: ModelType): States {
  const isSame = layersOf(from) === layersOf(to);
  const old = matricesIn(from).filter((each) => before.has(keyOf(each)));
  return new Map(
    matricesIn(to).flatMap((now): [string, WeightState][] => {
      const isLike = ({ linear, layer }: Selected): boolean =>
        linear.name === now.linear.name && (!isSame || layer === now.layer);
      const states = old.filter(isLike).map((each) => cutState(before.get(keyOf(each)) ?? untouched, by, each, now));
      return states.length > 0 ? [[keyOf(now), states.reduce(common)]] : [];
    }),
  );
}

/** Rows that are gone take none of the zeros of others with them, columns do. */
function cutState(
  before: WeightState,
  by: StageNamed,
  { linear: from }: Selected,
  { linear: to }: Selected,
): WeightState {
  const size = (dims: typeof from.to): number => known(volume(dims)) ?? Number.NaN;
  const isAsWide = size(from.from) === size(to.from);
  const isAsTall = size(from.to) === size(to.to);
  const stays = ({ zeros }: Made): boolean => isAsWide && (isAsTall || zeros.in !== "rows");
  const lost = before.zeros.filter((each) => !stays(each)).map((each) => ({ ...each, to: by, how: "cut" as const }));
  return { ...before, zeros: before.zeros.filter(stays), lost: [...before.lost, ...lost] };
}

/** What holds of both. */
const common = (a: WeightState, b: WeightState): WeightState => ({
  zeros: a.zeros.filter(({ zeros }) => b.zeros.some((other) => implies(other.zeros, zeros))),
  lost: a.lost.length > 0 ? a.lost : b.lost,
  codes: a.codes ?? b.codes,
  isFolded: a.isFolded || b.isFolded,
  rotated: a.rotated ?? b.rotated,
});

/** What holds of weights whichever of several ways was taken, each of which stages of these names are; all that they did one stage has done. */
export function whichever(ways: readonly States[], names: ReadonlySet<string>, by: StageNamed): States {
  const byOf = (stage: StageNamed): StageNamed => (names.has(stage.name) ? by : stage);
  const keys = [...(ways[0]?.keys() ?? [])].filter((key) => ways.every((way) => way.has(key)));
  return new Map(
    keys.map((key) => {
      const states = ways.map((way) => way.get(key) ?? untouched);
      const { zeros, lost, codes, isFolded, rotated } = states.reduce(common);
      const areCodes = states.every((state) => state.codes);
      return [
        key,
        {
          zeros: zeros.map((each) => ({ ...each, by: byOf(each.by) })),
          lost: lost.map((each) => ({ ...each, by: byOf(each.by), to: byOf(each.to) })),
          codes: codes && areCodes ? { ...codes, by: codes.by && byOf(codes.by) } : null,
          isFolded,
          rotated: rotated && byOf(rotated),
        },
      ];
    }),
  );
}

/** What weights are behind a stage that turns some of the stored tensors. */
export function rotatedStates(before: States, by: StageNamed, type: ModelType, tensors: ReadonlySet<string>): States {
  const after = new Map(before);
  for (const each of matricesIn(type)) {
    if (!tensors.has(tensorName(each.linear.weight, each.layer))) continue;
    const state = before.get(keyOf(each)) ?? untouched;
    const lost = state.zeros.map((zeros) => ({ ...zeros, to: by, how: "turned" as const }));
    after.set(keyOf(each), { ...state, zeros: [], lost: [...state.lost, ...lost], rotated: by });
  }
  return after;
}

/** Zeros that a stage has made and a later one has not kept, where none are left, or none of that pattern. */
export function lostIn(states: States, keys: Iterable<string>, pattern: Zeros | null): Lost | null {
  for (const key of keys) {
    const { zeros, lost } = states.get(key) ?? untouched;
    const isThere = zeros.some((each) => !pattern || implies(each.zeros, pattern));
    const gone = lost.find((each) => !pattern || implies(each.zeros, pattern));
    if (!isThere && gone) return gone;
  }
  return null;
}

/** `zeros 2:4 · stored Affine(bits: 4, every: 128, symmetric: true)`; empty of a weight of which nothing is to be said. */
export const showState = ({ zeros, codes, isFolded, rotated }: WeightState): string =>
  [
    ...(zeros.length > 0 ? [`zeros ${zeros.map((each) => showZeros(each.zeros)).join(", ")}`] : []),
    ...(codes ? [`stored ${showFormat(codes.format)}`] : []),
    ...(isFolded ? ["folded"] : []),
    ...(rotated ? ["rotated"] : []),
  ].join(" · ");
