/** How rotary positions are stretched, from GGUF's metadata and its tensor of divisors to config.json. */
import { UserError } from "../../user-error.ts";
import type { JsonObject } from "../file.ts";
import type { Fields } from "./fields.ts";

/** What divides the frequencies of a head, and the kind of scaling that it comes of. */
export interface Divisors {
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
    divisors,
  }: {
    readonly own: (key: string) => string;
    readonly theta: number;
    readonly context: number;
    readonly divisors: Divisors | undefined;
  },
): JsonObject | undefined {
  const kind = fields.text(own("rope.scaling.type")) ?? "linear";
  const factor = fields.number(own("rope.scaling.factor")) ?? fields.number(own("rope.scale_linear")) ?? 1;
  const original = fields.number(own("rope.scaling.original_context_length")) ?? context;
  fields.flag(own("rope.scaling.finetuned"));
  const attention = own("rope.scaling.attn_factor");
  if ((fields.number(attention) ?? 1) !== 1)
    throw fields.wrong(attention, "1, as far as lcomp can say it in config.json");
  const isScaled = kind === "yarn" || (kind === "linear" && factor > 0 && factor !== 1);
  if (!isScaled && !["none", "linear"].includes(kind))
    throw fields.wrong(own("rope.scaling.type"), "none, linear or yarn");
  if (divisors === undefined) {
    if (!isScaled) return undefined;
    return { rope_type: kind, factor, ...(kind === "yarn" && { original_max_position_embeddings: original }) };
  }
  if (isScaled) throw new UserError(`${fields.path} stretches positions twice, by ${kind} scaling and by divisors`);
  return fromDivisors(fields.path, divisors, theta);
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
