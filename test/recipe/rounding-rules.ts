/** What the library's rounding methods leave of numbers, written anew from their papers: each step of its arithmetic in f32. */

const { fround, f16round, min, max, abs } = Math;

/** What is left of a run of numbers; `most` is the greatest magnitude of the whole matrix. */
type Rule = (run: Float32Array, most: number) => readonly number[];

/** Applies a rule to each run of `every` numbers. */
const byRuns =
  (every: number, rule: Rule) =>
  (w: Float32Array): Float32Array => {
    const most = greatest(w);
    const starts = Array.from({ length: w.length / every }, (_, run) => run * every);
    return Float32Array.from(starts.flatMap((start) => rule(w.subarray(start, start + every), most)));
  };

const greatest = (w: Float32Array): number => w.reduce((most, x) => max(most, abs(x)), 0);

const even = (x: number): number => (abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

/** The nearest of the ascending magnitudes of a small float, with the sign; between two, the one whose last bit is 0. */
function nearest(magnitudes: readonly number[], x: number): number {
  const after = magnitudes.findIndex((magnitude) => magnitude >= abs(x));
  if (after <= 0) return Math.sign(x) * (magnitudes.at(after) ?? NaN);
  const [low = NaN, high = NaN] = magnitudes.slice(after - 1);
  const isLow = abs(x) - low === high - abs(x) ? after % 2 === 1 : abs(x) - low < high - abs(x);
  return Math.sign(x) * (isLow ? low : high);
}

const e2m1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6];

const e4m3 = Array.from({ length: 127 }, (_, code) =>
  code < 8 ? code * 2 ** -9 : (8 + (code % 8)) * 2 ** ((code >> 3) - 10),
);

const quantiles = [
  ...[-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334],
  ...[-0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224],
  ...[0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1],
].map(fround);

/** Whole numbers of so many bits with a zero point, which is in the middle of those that are symmetric. */
export const affine = (bits: number, every: number, isSymmetric = false) =>
  byRuns(every, (run) => {
    const most = 2 ** bits - 1;
    const far = greatest(run);
    const [low, high] = isSymmetric ? [-far, far] : [min(0, ...run), max(0, ...run)];
    if (low === high) return [...run];
    const scale = f16round(fround(fround(high - low) / most));
    const zero = isSymmetric ? 2 ** (bits - 1) : even(fround(-low / scale));
    return [...run].map((x) => scale * (min(max(even(fround(x / scale)) + zero, 0), most) - zero));
  });

export const mxfp4 = byRuns(32, (run) => {
  const scale = 2 ** max(Math.floor(Math.log2(greatest(run))) - 2, -126);
  return [...run].map((x) => scale * nearest(e2m1, x / scale));
});

export const nvfp4 = byRuns(16, (run, most) => {
  const whole = fround(most / 2688);
  const scale = fround(whole * nearest(e4m3, max(fround(greatest(run) / fround(6 * whole)), 2 ** -9)));
  return [...run].map((x) => scale * nearest(e2m1, fround(x / scale)));
});

export const nf4 = (every: number) =>
  byRuns(every, (run) => {
    const scale = greatest(run);
    const y = [...run].map((x) => (scale > 0 ? fround(x / scale) : 0));
    const isAbove = (x: number, i: number): boolean =>
      x > fround(fround((quantiles[i] ?? NaN) + (quantiles[i + 1] ?? NaN)) / 2);
    return y.map((x) => scale * (quantiles[quantiles.slice(1).filter((_, i) => isAbove(x, i)).length] ?? NaN));
  });

/** Halves go away from 0. */
export const q8 = byRuns(32, (run) => {
  const scale = fround(greatest(run) / 127);
  const inverse = scale > 0 ? fround(1 / scale) : 0;
  return [...run].map((x) => f16round(scale) * Math.sign(x) * Math.round(abs(fround(x * inverse))));
});

/** The first number of greatest magnitude becomes the least whole number. */
const signed = (half: number) =>
  byRuns(32, (run) => {
    const scale = fround((run.find((x) => abs(x) === greatest(run)) ?? NaN) / -half);
    const inverse = scale === 0 ? 0 : fround(1 / scale);
    const code = (x: number): number => min(2 * half - 1, Math.trunc(fround(fround(x * inverse) + half + 0.5)));
    return [...run].map((x) => f16round(scale) * (code(x) - half));
  });

export const q4 = signed(8);
export const q5 = signed(16);

/** Steps from the least number to the greatest. */
const ranged = (most: number) =>
  byRuns(32, (run) => {
    const least = min(...run);
    const scale = fround(fround(max(...run) - least) / most);
    const inverse = scale > 0 ? fround(1 / scale) : 0;
    const code = (x: number): number => min(most, Math.floor(fround(fround(fround(x - least) * inverse) + 0.5)));
    return [...run].map((x) => fround(fround(f16round(scale) * code(x)) + f16round(least)));
  });

export const q4WithLeast = ranged(15);
export const q5WithLeast = ranged(31);

/** Three bits and a sign, of thirds and quarters. */
export const fp4 = (every: number) =>
  byRuns(every, (run) => {
    const magnitudes = [0, 1 / 192, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1].map(fround);
    const scale = greatest(run);
    const isAbove = (x: number, i: number): boolean =>
      abs(x) > fround(fround((magnitudes[i] ?? NaN) + (magnitudes[i + 1] ?? NaN)) / 2);
    const size = (x: number): number => magnitudes[[0, 1, 2, 3, 4, 5, 6].filter((i) => isAbove(x, i)).length] ?? NaN;
    return [...run].map((x) => scale * Math.sign(x) * size(scale > 0 ? fround(x / scale) : 0));
  });

/** NF4 whose scales are codes of eight bits, in runs: their mean, and how far they are from it. */
export function doubleNf4(every: number, runs: number): (w: Float32Array) => Float32Array {
  const positive = [0, 1, 2, 3, 4, 5, 6].flatMap((i) =>
    Array.from({ length: 2 ** i }, (_, j) => (0.1 + (0.9 * (j + 0.5)) / 2 ** i) * 10 ** (i - 6)),
  );
  const levels = [...positive.map((x) => -x), 0, ...positive, 1].sort((a, b) => a - b);
  const nearestLevel = (x: number): number =>
    levels.reduce((best, level) => (abs(level - x) < abs(best - x) ? level : best));
  return (w) => {
    const starts = Array.from({ length: w.length / every }, (_, i) => i * every);
    const scales = starts.map((start) => greatest(w.subarray(start, start + every)));
    const middle = scales.reduce((sum, scale) => sum + scale, 0) / scales.length;
    const found = scales.map((scale, i) => {
      const start = i - (i % runs);
      const farthest = max(...scales.slice(start, start + runs).map((each) => abs(each - middle)));
      return middle + farthest * nearestLevel((scale - middle) / farthest);
    });
    const rounded = nf4(every)(w);
    return rounded.map((x, i) => {
      const run = Math.floor(i / every);
      return scales[run] === 0 ? 0 : (x / (scales[run] ?? NaN)) * (found[run] ?? NaN);
    });
  };
}
