/** Methods as strangers may write them, each with what it must give, in plain float64. No line of TypeScript belongs to any. */

/** A matrix, row by row. */
export type Matrix = readonly Float64Array[];

/** What a method makes of a layer's matrix and of what went into the layer, a matrix of tokens per window. */
export type Model = (w: Matrix, windows: readonly Matrix[]) => Matrix;

export interface Specimen {
  /** Declares `mine`, and what it needs. */
  readonly method: string;
  /** How the recipe calls it, if not `mine()`. */
  readonly call?: string;
  readonly gives: Model;
}

const columns = (w: Matrix): number => w[0]?.length ?? 0;
const at = (w: Matrix, o: number, i: number): number => w[o]?.[i] ?? NaN;
const map = (w: Matrix, f: (value: number, o: number, i: number) => number): Matrix =>
  w.map((row, o) => row.map((value, i) => f(value, o, i)));

/** A number per column of the inputs, from all of its values. */
const each = (windows: readonly Matrix[], f: (values: readonly number[], window: readonly Matrix[]) => number) =>
  Float64Array.from({ length: columns(windows[0] ?? []) }, (_, i) =>
    f(
      windows.flatMap((window) => window.map((row) => row[i] ?? NaN)),
      windows,
    ),
  );
/** A number per window and column, brought together. */
const nested = (windows: readonly Matrix[], f: (values: readonly number[]) => number, all: typeof mean) =>
  Float64Array.from({ length: columns(windows[0] ?? []) }, (_, i) =>
    all(windows.map((window) => f(window.map((row) => row[i] ?? NaN)))),
  );

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;
const power = (values: readonly number[]): number => sum(values.map((x) => x * x));
const spread = (values: readonly number[]): number => power(values.map((x) => x - mean(values))) / values.length;
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((total, x, i) => total + x * (b[i] ?? NaN), 0);
const most = (values: readonly number[]): number => Math.max(...values);
const abs = Math.abs;

/** The best-scored of the places that share a cell stay; of equals the later. */
export function keep(w: Matrix, score: Matrix, cellOf: (o: number, i: number) => number, staying: number): Matrix {
  const cells = new Map<number, (readonly [o: number, i: number])[]>();
  for (const [o, row] of w.entries())
    for (const i of row.keys()) cells.set(cellOf(o, i), [...(cells.get(cellOf(o, i)) ?? []), [o, i]]);
  const kept = map(w, () => 0) as Float64Array[];
  for (const places of cells.values()) {
    const order = places.toReversed().sort(([a, b], [c, d]) => at(score, c, d) - at(score, a, b));
    for (const [o, i] of order.slice(0, staying)) (kept[o] as Float64Array)[i] = at(w, o, i);
  }
  return kept;
}

/** Half of each row stays. */
const halfOfRows = (w: Matrix, score: (value: number, o: number, i: number) => number): Matrix =>
  keep(w, map(w, score), (o) => o, columns(w) / 2);

const byColumn =
  (statistic: (windows: readonly Matrix[]) => Float64Array): Model =>
  (w, windows) => {
    const weights = statistic(windows);
    return halfOfRows(w, (value, _, i) => abs(value) * (weights[i] ?? NaN));
  };

const scaled =
  (statistic: (windows: readonly Matrix[]) => Float64Array): Model =>
  (w, windows) => {
    const factors = statistic(windows);
    return map(w, (value, _, i) => value * (factors[i] ?? NaN));
  };

const lastOf = (values: readonly number[]): number => values.at(-1) ?? NaN;

const even = (x: number): number => (abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
const clamp = (x: number, low: number, high: number): number => Math.min(high, Math.max(low, x));
const f32 = Math.fround;
/** Groups of 8 neighbours of a row, each replaced. */
const grouped = (w: Matrix, f: (group: readonly number[], o: number, first: number) => readonly number[]): Matrix =>
  w.map((row, o) =>
    Float64Array.from(
      Array.from({ length: row.length / 8 }, (_, g) => f([...row.slice(8 * g, 8 * g + 8)], o, 8 * g)).flat(),
    ),
  );

const header = 'import { keep_best } from "std/prune/mask"\n';
const onWeights = "on linear(w: f32[out, in])";
const onBoth = "on linear(w: f32[out, in], x: f32[sample, token, in]) from compressed";
const scored = (observe: string, score: string): string =>
  `${header}method mine(sparsity: Sparsity = 50%) ${onBoth} {\n  ${observe}\n  keep_best(w, ${score}, sparsity, over in)\n}\n`;

const observing = (body: string): string => `method mine() ${onBoth} {\n  ${body}\n}\n`;
const centre = "observe centre = mean(x, over (sample, token))";

/** By the sentence that the test is called. */
export const zoo: Readonly<Record<string, Specimen>> = {
  "signal to noise, from two observations": {
    method: scored(
      "observe m = mean(x, over (sample, token))\n  observe s = mean(x^2, over (sample, token))",
      "w^2 / (s - m^2)",
    ),
    gives: (w, windows) => {
      const noise = each(windows, spread);
      return halfOfRows(w, (value, _, i) => value ** 2 / (noise[i] ?? NaN));
    },
  },
  "mean absolute activation": {
    method: scored("observe a = mean(abs(x), over (sample, token))", "abs(w) * a"),
    gives: byColumn((windows) => each(windows, (values) => mean(values.map(abs)))),
  },
  "greatest absolute activation": {
    method: scored("observe a = max(abs(x), over (sample, token))", "abs(w) * a"),
    gives: byColumn((windows) => each(windows, (values) => most(values.map(abs)))),
  },
  "range of the activations": {
    method: scored(
      "observe low = min(x, over (token, sample))\n  observe high = max(x, over (sample, token))",
      "abs(w) * (high - low)",
    ),
    gives: byColumn((windows) => each(windows, (values) => most(values) + most(values.map((x) => -x)))),
  },
  "norm over the tokens, mean over the samples": {
    method: scored("observe a = mean(norm(x, over token), over sample)", "abs(w) * a"),
    gives: byColumn((windows) => nested(windows, (values) => Math.sqrt(power(values)), mean)),
  },
  "variance within a sample, greatest of the samples": {
    method: scored("observe v = max(mean((x - mean(x, over token))^2, over token), over sample)", "abs(w) * sqrt(v)"),
    gives: byColumn((windows) =>
      nested(
        windows,
        (values) => Math.sqrt(spread(values)),
        (all) => most(all),
      ),
    ),
  },
  "interaction with all other weights of the row": {
    method: scored(
      "observe h = mean(x * rename(x, in -> in'), over (sample, token))",
      "abs(w * sum(h * rename(w, in -> in'), over in'))",
    ),
    gives: (w, windows) => {
      const tokens = windows.flat();
      const answers = w.map((row) => tokens.map((x) => sum([...row].map((value, i) => value * (x[i] ?? NaN)))));
      const pull = (o: number, i: number): number =>
        mean(tokens.map((x, t) => (x[i] ?? NaN) * (answers[o]?.[t] ?? NaN)));
      return halfOfRows(w, (value, o, i) => abs(value * pull(o, i)));
    },
  },
  "variance in a second pass": {
    method: observing(`${centre}
  observe spread = mean((x - centre)^2, over (sample, token))
  w * spread`),
    gives: scaled((windows) => each(windows, (values) => mean(values.map((x) => x * x)) - mean(values) ** 2)),
  },
  "third moment in a third pass, with what lies between": {
    method: observing(`${centre}
  observe spread = mean((x - centre)^2, over (sample, token))
  let scale = 1 / sqrt(spread)
  observe skew = mean(((x - centre) * scale)^3, over (sample, token))
  w * skew`),
    gives: scaled((windows) =>
      each(windows, (values) => mean(values.map((x) => ((x - mean(values)) / Math.sqrt(spread(values))) ** 3))),
    ),
  },
  "energy of what the layer makes": {
    method: observing(`observe energy = norm(sum(w * x, over in), over (sample, token))
  w * energy`),
    gives: (w, windows) => {
      const energy = w.map((row) => Math.sqrt(power(windows.flat().map((x) => dot(row, x)))));
      return map(w, (value, o) => value * (energy[o] ?? NaN));
    },
  },
  "error of rounded weights on centred inputs, in a second pass": {
    method: observing(`${centre}
  let rest = w - round(8 * w) / 8
  observe error = mean(sum(rest * (x - centre), over in)^2, over (sample, token))
  w * error`),
    gives: (w, windows) => {
      const middle = each(windows, mean);
      const centred = windows.flat().map((x) => x.map((value, i) => value - (middle[i] ?? NaN)));
      const rest = map(w, (value) => value - even(8 * value) / 8);
      const error = rest.map((row) => mean(centred.map((x) => dot(row, x) ** 2)));
      return map(w, (value, o) => value * (error[o] ?? NaN));
    },
  },
  "how far the last tokens of the windows are apart, kept of each": {
    method: observing(
      "observe last = x[token: size(token) - 1]\n  w * norm(last - mean(last, over sample), over sample)",
    ),
    gives: scaled((windows) =>
      nested(windows, lastOf, (lasts) => Math.sqrt(power(lasts.map((last) => last - mean(lasts))))),
    ),
  },
  "each window beside all that were kept, in a second pass": {
    method: observing(`observe last = x[token: size(token) - 1]
  observe both = max(sum(x, over token) * rename(last, sample -> other), over sample)
  w * max(both, over other)`),
    gives: scaled((windows) => {
      const [sums, lasts] = [sum, lastOf].map((f) => windows.map((window) => nested([window], f, most)));
      return each(windows, mean).map((_, i) =>
        most((sums ?? []).flatMap((a) => (lasts ?? []).map((b) => (a[i] ?? NaN) * (b[i] ?? NaN)))),
      );
    }),
  },
  "observations in a function, of an activation that another one has changed": {
    method: `fn doubled(x) {
  let twice = 2 * x
  twice
}
fn deviation(x: f32[sample, token, in]) {
  ${centre}
  observe spread = mean((x - centre)^2, over (sample, token))
  sqrt(spread)
}
${observing("observe wide = deviation(doubled(x))\n  w * wide")}`,
    gives: scaled((windows) => each(windows, (values) => 2 * Math.sqrt(spread(values)))),
  },
  "observations that nothing reads": {
    method: observing(`${centre}
  observe spread = mean((x - centre)^2, over (sample, token))
  observe most = max(x, over (sample, token))
  w * most`),
    gives: scaled((windows) => each(windows, most)),
  },
  "distance from the row's mean in standard deviations": {
    method: `${header}fn deviation(w, over d: Dim) {
  let centred = w - mean(w, over d)
  centred / sqrt(mean(centred^2, over d))
}
method mine() ${onWeights} { keep_best(w, abs(deviation(w, over in)), 50%, over in) }\n`,
    gives: (w) => halfOfRows(w, (value, o) => abs(value - mean([...(w[o] ?? [])]))),
  },
  "columns instead of rows": {
    method:
      `${header}method mine(sparsity: Sparsity) ${onWeights} = keep_best(w, abs(w), sparsity, over out)\n`.replace(
        /= (keep.*)\n/,
        "{ $1 }\n",
      ),
    call: "mine(sparsity: 25%)",
    gives: (w) => keep(w, map(w, abs), (_, i) => i, w.length - Math.floor(w.length / 4)),
  },
  "one threshold for the whole matrix, by both dimensions at once": {
    method: `method mine() ${onWeights} { w where best(abs(w), size(out) * size(in) / 2, over (out, in)) }\n`,
    gives: (w) => keep(w, map(w, abs), () => 0, (w.length * columns(w)) / 2),
  },
  "4 of 8, a default that reads an earlier one": {
    method: `method mine(of: Int, staying: Int = of / 2) ${onWeights} {
  let cells = split(w, in -> (cell, lane: of))
  merge(cells where best(abs(cells), staying, over lane), (cell, lane) -> in)
}\n`,
    call: "mine(8)",
    gives: (w) => keep(w, map(w, abs), (o, i) => o * columns(w) + Math.floor(i / 8), 4),
  },
  "blocks of columns, with a share, a range and a truth value": {
    method: `method mine(share: Fraction = 25%, every: Int in 1 to 64 = 4, largest: Bool = false) ${onWeights} {
  let blocks = split(w, in -> (block, lane: every))
  let size_of = norm(blocks, over lane)
  merge(blocks where best(size_of where not largest else -size_of, size(block) * (1 - share), over block), (block, lane) -> in)
}\n`,
    call: "mine(every: 2, largest: true)",
    gives: (w) => {
      const score = map(w, (_, o, i) => -Math.hypot(at(w, o, i - (i % 2)), at(w, o, i - (i % 2) + 1)));
      return keep(w, score, (o, i) => 2 * o + (i % 2), (0.75 * columns(w)) / 2);
    },
  },
  "weights below a multiple of the mean": {
    method: `method mine(alpha: Float = 0.5) ${onWeights} { w where abs(w) >= alpha * mean(abs(w), over (out, in)) }\n`,
    gives: (w) => {
      const level = 0.5 * mean(w.flatMap((row) => [...row].map(abs)));
      return map(w, (value) => (abs(value) >= level ? value : 0));
    },
  },
  "soft thresholds": {
    method: `method mine(level: Float = 0.05) ${onWeights} { w - level where w > level else w + level where w < -level }\n`,
    gives: (w) => map(w, (value) => (value > 0.05 ? value - 0.05 : value < -0.05 ? value + 0.05 : 0)),
  },
  "rounding to a grid per group of weights": {
    method: `method mine(bits: Int in 2 to 8 = 4, every: Int = 8) ${onWeights} {
  let b = split(w, in -> (block, lane: every))
  let low = min(0, min(b, over lane))
  let high = max(0, max(b, over lane))
  let scale = (high - low) / (2^bits - 1)
  let zero = round(-low / scale)
  merge(scale * (clamp(round(b / scale) + zero, 0, 2^bits - 1) - zero), (block, lane) -> in)
}\n`,
    gives: (w) =>
      grouped(w, (group) => {
        const [low, high] = [Math.min(0, ...group), Math.max(0, ...group)];
        const scale = f32(f32(high - low) / 15);
        const zero = even(-low / scale);
        return group.map((value) => scale * (clamp(even(f32(value / scale)) + zero, 0, 15) - zero));
      }),
  },
  "three bits with a scale in f16": {
    method: `method mine(bits: Int = 3) ${onWeights} {
  let b = split(w, in -> (block, lane: 8))
  let scale = f16(max(abs(b), over lane) / (2^(bits - 1) - 1))
  merge(scale * clamp(round(b / scale), -2^(bits - 1), 2^(bits - 1) - 1), (block, lane) -> in)
}\n`,
    gives: (w) =>
      grouped(w, (group) => {
        const scale = Math.f16round(f32(most(group.map(abs)) / 3));
        return group.map((value) => scale * clamp(even(f32(value / scale)), -4, 3));
      }),
  },
  "a scale that is searched for, weighted by the activations": {
    method: `method mine() ${onBoth} {
  observe power = mean(x^2, over (sample, token))
  let b = split(w, in -> (block, lane: 8))
  let scale = (1 - index(try: 10) / 20) * max(abs(b), over lane) / 7
  let coded = scale * clamp(round(b / scale), -8, 7)
  let loss = sum(split(power, in -> (block, lane: 8)) * (coded - b)^2, over lane)
  merge(coded[try: argmin(loss, over try)], (block, lane) -> in)
}\n`,
    gives: (w, windows) => {
      const weights = each(windows, (values) => power(values) / values.length);
      return grouped(w, (group, _, first) => {
        const tried = Array.from({ length: 10 }, (_unused, k) => {
          const scale = f32(f32((1 - k / 20) * most(group.map(abs))) / 7);
          return group.map((value) => scale * clamp(even(f32(value / scale)), -8, 7));
        });
        const loss = tried.map((coded) =>
          sum(coded.map((c, i) => (weights[first + i] ?? NaN) * (c - (group[i] ?? NaN)) ** 2)),
        );
        return tried[loss.indexOf(Math.min(...loss))] ?? [];
      });
    },
  },
  "three values per row": {
    method: `method mine() ${onWeights} {
  let delta = 0.7 * mean(abs(w), over in)
  let large = abs(w) > delta
  let alpha = sum(abs(w) where large, over in) / max(1, sum(1 where large, over in))
  alpha where w > delta else -alpha where w < -delta
}\n`,
    gives: (w) =>
      w.map((row) => {
        const delta = 0.7 * mean([...row].map(abs));
        const alpha = mean([...row].map(abs).filter((value) => value > delta));
        return row.map((value) => (value > delta ? alpha : value < -delta ? -alpha : 0));
      }),
  },
};
