/** How rotary positions are stretched, from GGUF's metadata and its tensor of divisors to config.json. */
import { UserError } from "../../user-error.ts";
import type { JsonObject } from "../file.ts";
import { type Fields, shortest } from "./fields.ts";
import type { ArchitectureTable } from "./tables.ts";

/** Numbers for the frequencies of a head, by the names of their tensors. */
export type FrequencyTensors = ReadonlyMap<string, Float32Array>;

/** The names of such tensors in files of an architecture. */
export const frequencyTensors = ({ frequencies, factors }: ArchitectureTable): readonly string[] => [
  ...(frequencies ? [frequencies.tensor] : []),
  ...Object.values(factors?.tensors ?? {}),
];

/** What divides the frequencies of a head, and the kind of scaling that it comes of. */
interface Divisors {
  readonly rope_type: string;
  readonly values: Float32Array;
}

/** The `rope_scaling` of a config.json: undefined where positions are as they were trained. */
export function scalingOf(
  fields: Fields,
  {
    own,
    theta,
    context,
    table,
    tensors,
  }: {
    readonly own: (key: string) => string;
    readonly theta: number;
    readonly context: number;
    readonly table: ArchitectureTable;
    readonly tensors: FrequencyTensors;
  },
): JsonObject | undefined {
  const kind = fields.text(own("rope.scaling.type")) ?? "linear";
  const factor = fields.number(own("rope.scaling.factor")) ?? fields.number(own("rope.scale_linear")) ?? 1;
  const original = fields.number(own("rope.scaling.original_context_length")) ?? context;
  fields.flag(own("rope.scaling.finetuned"));
  const attention = own("rope.scaling.attn_factor");
  const gain = fields.number(attention) ?? 1;
  const isScaled = kind === "yarn" || (kind === "linear" && factor > 0 && factor !== 1);
  if (isScaled && tensors.size > 0)
    throw new UserError(`${fields.path} stretches positions twice, by ${kind} scaling and by divisors`);
  const factors = factorsIn(fields.path, table, tensors);
  if (factors) return { ...factors, ...gainOf(gain, context / original, original) };
  if (gain !== 1) throw fields.wrong(attention, "1, as far as lcomp can say it in config.json");
  if (isScaled)
    return { rope_type: kind, factor, ...(kind === "yarn" && { original_max_position_embeddings: original }) };
  if (!["none", "linear"].includes(kind)) throw fields.wrong(own("rope.scaling.type"), "none, linear or yarn");
  const divisors = divisorsIn(table, tensors);
  return divisors && fromDivisors(fields.path, divisors, theta);
}

function divisorsIn({ frequencies }: ArchitectureTable, tensors: FrequencyTensors): Divisors | undefined {
  const values = frequencies && tensors.get(frequencies.tensor);
  return values && { rope_type: frequencies.rope_type, values };
}

/** Lists of factors, one for each frequency, as a scaling has them. */
function factorsIn(path: string, { factors }: ArchitectureTable, tensors: FrequencyTensors): JsonObject | undefined {
  const named = Object.entries(factors?.tensors ?? {});
  if (factors === undefined || !named.some(([, tensor]) => tensors.has(tensor))) return undefined;
  const lists = named.map(([field, tensor]) => {
    const values = tensors.get(tensor);
    if (values === undefined) throw new UserError(`${path} has no tensor ${tensor}; write it again`);
    return [field, Array.from(values, shortest)] as const;
  });
  return { rope_type: factors.rope_types[0], ...Object.fromEntries(lists) };
}

/** `attention_factor`, of a scaling that has another than that which follows from `factor`, by how much the context grew. */
const gainOf = (gain: number, factor: number, original: number): JsonObject =>
  Math.fround(usualGain(factor, original)) === Math.fround(gain) ? {} : { attention_factor: gain };

/** What LongRoPE multiplies cosines and sines by (Ding et al., 2024). */
const usualGain = (factor: number, original: number): number =>
  factor > 1 ? Math.sqrt(1 + Math.log(factor) / Math.log(original)) : 1;

/** A scaling by lists of factors as it is read again, in a model for `context` tokens, of which `original` were not stretched. */
export function withFactors(
  scaling: JsonObject,
  { rope_types: [kind], tensors }: NonNullable<ArchitectureTable["factors"]>,
  context: number,
  original: number,
): { readonly scaling: JsonObject; readonly tensors: FrequencyTensors; readonly gain: number } {
  const lists = Object.entries(tensors).map(([field, tensor]) => {
    const list = scaling[field];
    if (!Array.isArray(list)) throw new UserError(`"gguf" does not hold positions stretched without ${field}`);
    return [field, tensor, list.map(Number)] as const;
  });
  const [factor, given] = [scaling["factor"], scaling["attention_factor"]].map((each) => each ?? undefined);
  const gain = Number(given ?? usualGain(Number(factor ?? context / original), original));
  return {
    scaling: {
      rope_type: kind,
      ...Object.fromEntries(lists.map(([field, , list]) => [field, list])),
      ...gainOf(gain, context / original, original),
    },
    tensors: new Map(lists.map(([, tensor, list]) => [tensor, Float32Array.from(list)])),
    gain,
  };
}

/**
 * The numbers of a scaling that divides low frequencies by a factor, keeps high ones, and interpolates in between (Dubey et al.,
 * 2024), of what it divides by: 1 / divisor is a line over the turns in the original context, of which any multiple is as good, so
 * that the low factor may be 1, as it is in all models that are known.
 */
function fromDivisors(path: string, { rope_type, values }: Divisors, theta: number): JsonObject | undefined {
  const factor = values.reduce((most, value) => Math.max(most, value), 1);
  if (factor === 1) return undefined;
  const turns = Array.from(values, (_, i) => theta ** (-i / values.length) / (2 * Math.PI));
  const share = (at: number): number => (1 / (values[at] ?? 1) - 1 / factor) / (1 - 1 / factor);
  const between = turns.flatMap((_, at) => (share(at) > 1e-6 && share(at) < 1 - 1e-6 ? [at] : []));
  const [first, last] = [between[0], between.at(-1)];
  const found = first === undefined || last === undefined || first === last ? usual : line(first, last);
  const scaling = { factor, ...found };
  if (values.every((value, at) => Math.abs(value / divisor(turns[at] ?? 0, scaling) - 1) < 1e-5))
    return {
      rope_type,
      factor,
      low_freq_factor: 1,
      high_freq_factor: found.high,
      original_max_position_embeddings: found.original,
    };
  throw new UserError(
    `${path} divides the frequencies of positions by numbers that come of no scaling that config.json can name; give the Hugging Face folder that it was made from`,
  );

  function line(one: number, other: number): typeof usual {
    const slope = (share(one) - share(other)) / ((turns[one] ?? 0) - (turns[other] ?? 0));
    const start = slope * (turns[one] ?? 0) - share(one);
    return { high: rounded(1 + 1 / start, 64), original: Math.round(slope / start) };
  }
}

/** Of too few frequencies between, what all models have that are known. */
const usual = { high: 4, original: 8192 };

const rounded = (value: number, steps: number): number => Math.round(value * steps) / steps;

function divisor(turns: number, { factor, high, original }: typeof usual & { readonly factor: number }): number {
  const smooth = Math.min(1, Math.max(0, (turns * original - 1) / (high - 1)));
  return 1 / ((1 - smooth) / factor + smooth);
}

/** What such a scaling of a config.json divides frequencies by, `count` of them. */
export function divisorsFor(scaling: JsonObject, theta: number, count: number): Float32Array {
  const number = (key: string): number => Number(scaling[key] ?? Number.NaN);
  const low = number("low_freq_factor");
  const found = {
    factor: number("factor"),
    high: number("high_freq_factor") / low,
    original: number("original_max_position_embeddings") / low,
  };
  return Float32Array.from({ length: count }, (_, i) => divisor(theta ** (-i / count) / (2 * Math.PI), found));
}
