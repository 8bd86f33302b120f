/** What ggml's reference code leaves of blocks of 256 numbers, written anew from a description of its searches. */

const { f16round, min, max, abs, sqrt } = Math;

type Numbers = ArrayLike<number>;

const even = (x: number): number => (abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
const clamped = (x: number, low: number, high: number): number => min(max(even(x), low), high);
const sumOf = (n: number, term: (i: number) => number): number => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += term(i);
  return sum;
};
const at = (x: Numbers, i: number): number => x[i] ?? NaN;

/** The one of greatest magnitude, the first of equals. */
const farthest = (x: Numbers): number => Array.from(x).reduce((far, each) => (abs(each) > abs(far) ? each : far), 0);

/** Multiples from -half to half - 1: of 19 scales the one with the greatest (Σ v x l)² / Σ v l². */
function multiples(
  x: Numbers,
  half: number,
  weight: Numbers,
): { readonly scale: number; readonly codes: readonly number[] } {
  const far = farthest(x);
  const none = { scale: 0, codes: Array.from(x, () => 0) };
  if (abs(far) < 1e-15) return none;
  let best = { ...none, gain: 0 };
  for (const i of [0, -9, -8, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
    const codes = Array.from(x, (each) => clamped((-(half + 0.1 * i) / far) * each, -half, half - 1));
    const product = sumOf(x.length, (j) => at(weight, j) * at(x, j) * at(codes, j));
    const square = sumOf(x.length, (j) => at(weight, j) * at(codes, j) ** 2);
    if (square > 0 && product ** 2 / square > best.gain)
      best = { scale: product / square, codes, gain: product ** 2 / square };
  }
  return best;
}

/** Steps from a least number that is at most 0: of some scales the fit that costs least. */
function steps(
  x: Numbers,
  most: number,
  weight: Numbers,
  [first, by, count]: readonly [number, number, number],
  cost: (x: number) => number = (error) => error ** 2,
): { readonly scale: number; readonly least: number } {
  const [low, high] = [min(0, ...Array.from(x)), max(...Array.from(x))];
  if (high <= low) return { scale: 0, least: low };
  const costOf = (scale: number, least: number, codes: Numbers): number =>
    sumOf(x.length, (j) => at(weight, j) * cost(scale * at(codes, j) + least - at(x, j)));
  const codesBy = (inverse: number): number[] => Array.from(x, (each) => clamped(inverse * (each - low), 0, most));
  const naive = (high - low) / most;
  let best = { scale: naive, least: low, cost: costOf(naive, low, codesBy(1 / naive)) };
  for (let i = 0; i <= count; i++) {
    const codes = codesBy((first + by * i + most) / (high - low));
    const sum = (of: (j: number) => number): number => sumOf(x.length, (j) => at(weight, j) * of(j));
    const [all, line, plain] = [sum(() => 1), sum((j) => at(x, j)), sum((j) => at(codes, j))];
    const [square, product] = [sum((j) => at(codes, j) ** 2), sum((j) => at(x, j) * at(codes, j))];
    const spread = all * square - plain ** 2;
    if (spread <= 0) continue;
    let [scale, least] = [(all * product - line * plain) / spread, (square * line - plain * product) / spread];
    if (least > 0) [scale, least] = [product / square, 0];
    const found = costOf(scale, least, codes);
    if (found < best.cost) best = { scale, least, cost: found };
  }
  return best;
}

/** Multiples from 0 to `most`, of numbers that are not negative: nine scales, then up to five passes that move one code each. */
function naturals(
  x: Numbers,
  most: number,
  weight: Numbers,
): { readonly scale: number; readonly codes: readonly number[] } {
  const far = max(...Array.from(x));
  if (far <= 0) return { scale: 0, codes: Array.from(x, () => 0) };
  const codesBy = (inverse: number): number[] => Array.from(x, (each) => min(most, even(inverse * each)));
  const costOf = (inverse: number): number =>
    sumOf(x.length, (j) => at(weight, j) * (at(x, j) - at(codesBy(inverse), j) / inverse) ** 2);
  const inverses = [0, -4, -3, -2, -1, 1, 2, 3, 4].map((i) => (0.1 * i + most) / far);
  const inverse = inverses.reduce((best, each) => (costOf(each) < costOf(best) ? each : best));
  const codes = codesBy(inverse);
  const product = (): number => sumOf(x.length, (j) => at(weight, j) * at(x, j) * at(codes, j));
  const square = (): number => sumOf(x.length, (j) => at(weight, j) * at(codes, j) ** 2);
  for (let pass = 0; pass < 5; pass++)
    for (let i = 0; i < x.length; i++) {
      const [v, code] = [at(weight, i), at(codes, i)];
      const [p, s] = [product() - v * at(x, i) * code, square() - v * code ** 2];
      if (!(p > 0 && s > 0)) continue;
      const other = min(most, even((at(x, i) * s) / p));
      const [p2, s2] = [p + v * at(x, i) * other, s + v * other ** 2];
      if (other !== code && p2 ** 2 * square() > product() ** 2 * s2) codes[i] = other;
    }
  return { scale: product() / square(), codes };
}

/** Of a block: its numbers, how important their inputs are (null without), and what is left of them. */
type Rule = (x: Numbers, importance: Numbers | null) => readonly number[];

const runsOf = (x: Numbers, every: number): readonly number[][] =>
  Array.from({ length: x.length / every }, (_, run) => Array.from(x).slice(run * every, (run + 1) * every));

const meanSquare = (x: Numbers): number => sumOf(x.length, (i) => at(x, i) ** 2) / x.length;

interface Shifted {
  readonly every: number;
  readonly most: number;
  readonly levels: number;
  /** Without importance. */
  readonly weight: (run: Numbers) => readonly number[];
  readonly tries: readonly [number, number, number];
  readonly cost?: (x: number) => number;
  readonly share: number;
}

/** Runs with a scale and what is taken off, which are multiples of two numbers. */
const shifted =
  ({ every, most, levels, weight, tries, cost, share }: Shifted): Rule =>
  (x, importance) => {
    const runs = runsOf(x, every);
    const square = share * meanSquare(x);
    const weights = runs.map((run, r) =>
      importance ? run.map((each, i) => at(importance, r * every + i) * sqrt(square + each ** 2)) : weight(run),
    );
    const fits = runs.map((run, r) =>
      importance
        ? steps(run, most, weights[r] ?? [], [-0.9, 0.05, 36])
        : steps(run, most, weights[r] ?? [], tries, cost),
    );
    const levelsOf = (sizes: readonly number[]): { readonly scale: number; readonly codes: readonly number[] } => {
      if (importance)
        return naturals(
          sizes,
          levels,
          weights.map((each) => sumOf(each.length, (i) => at(each, i))),
        );
      const far = max(...sizes);
      return {
        scale: far / levels,
        codes: sizes.map((size) => (far > 0 ? min(levels, even((levels / far) * size)) : 0)),
      };
    };
    const scales = levelsOf(fits.map(({ scale }) => scale));
    const shifts = levelsOf(fits.map(({ least }) => -least));
    return runs.flatMap((run, r) => {
      const step = f16round(scales.scale) * at(scales.codes, r);
      const shift = f16round(shifts.scale) * at(shifts.codes, r);
      return run.map((each) => (step > 0 ? step * clamped((each + shift) / step, 0, most) : 0) - shift);
    });
  };

interface Scaled {
  readonly half: number;
  readonly levels: number;
  readonly weight: (run: readonly number[], square: number, importance: Numbers | null) => readonly number[];
}

/** Runs of 16 whose scales are multiples of one number. */
const scaled =
  ({ half, levels, weight }: Scaled): Rule =>
  (x, importance) => {
    const runs = runsOf(x, 16);
    const square = meanSquare(x);
    const weights = runs.map((run, r) =>
      weight(run, square, importance && Array.from(importance).slice(16 * r, 16 * r + 16)),
    );
    const scales = runs.map((run, r) => multiples(run, half, weights[r] ?? []).scale);
    const far = farthest(scales);
    const bySum = multiples(
      scales,
      levels,
      weights.map((each) => sumOf(16, (i) => at(each, i))),
    );
    const isFitted = importance !== null && half === 4;
    const scale = f16round(isFitted ? bySum.scale : -far / levels);
    return runs.flatMap((run, r) => {
      const level = isFitted ? at(bySum.codes, r) : clamped((-levels / far) * at(scales, r), -levels, levels - 1);
      const step = scale * level;
      return run.map((each) => (step === 0 ? 0 : step * clamped(each / step, -half, half - 1)));
    });
  };

const loudness = (run: Numbers): readonly number[] => Array.from(run, (each) => sqrt(meanSquare(run)) + abs(each));

/** For each format what is left of a block. */
export const blockRules: Readonly<Record<string, Rule>> = {
  q2_k: shifted({
    ...{ every: 16, most: 3, levels: 15, tries: [-0.5, 0.1, 15], share: 1 },
    ...{ weight: (run) => Array.from(run, abs), cost: abs },
  }),
  q3_k: scaled({
    ...{ half: 4, levels: 32 },
    weight: (run, square, importance) =>
      run.map((each, i) => (importance ? at(importance, i) * sqrt(2 * square + each ** 2) : each ** 2)),
  }),
  q4_k: shifted({ ...{ every: 32, most: 15, levels: 63, weight: loudness, tries: [-1, 0.1, 20], share: 2 } }),
  q5_k: shifted({ ...{ every: 32, most: 31, levels: 63, weight: loudness, tries: [-0.5, 0.1, 15], share: 2 } }),
  q6_k: scaled({
    ...{ half: 32, levels: 128 },
    weight: (run, _, importance) => run.map((each, i) => (importance ? at(importance, i) : each ** 2)),
  }),
};

/** What each costs: by importance where it is known, and otherwise as it is. */
export const costOf = (x: Numbers, left: Numbers, importance: Numbers | null): number =>
  sumOf(x.length, (i) => (importance ? at(importance, i) : 1) * (at(x, i) - at(left, i)) ** 2);
