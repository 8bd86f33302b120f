/** Random numbers for the differential cases: every draw follows from the seed and the name of the case. */

export interface Random {
  /** In [0, 1). */
  readonly unit: () => number;
  /** Whole, both ends included. */
  readonly integer: (from: number, to: number) => number;
  readonly pick: <T>(items: readonly T[]) => T;
  readonly shuffle: <T>(items: readonly T[]) => readonly T[];
}

/** `LCOMP_SEED`, or drawn afresh; tests print it, so that a failure can be repeated. */
export const seed = Number(process.env["LCOMP_SEED"] ?? Math.floor(Math.random() * 1e9));

/** How often a test draws: `LCOMP_DRAWS` times as often as by itself. */
export const drawing = (often: number): number => often * Number(process.env["LCOMP_DRAWS"] ?? 1);

/** The random numbers of the case with this name in this round. */
export function randomOf(name: string, round = 0): Random {
  const unit = generator(`${seed} ${name} ${round}`);
  const integer = (from: number, to: number): number => from + Math.floor(unit() * (to - from + 1));
  const pick = <T>(items: readonly T[]): T => items[integer(0, items.length - 1)] as T;
  const shuffle = <T>(items: readonly T[]): readonly T[] =>
    items
      .map((item) => [unit(), item] as const)
      .sort(([a], [b]) => a - b)
      .map(([, item]) => item);
  return { unit, integer, pick, shuffle };
}

/** SplitMix32 on a hash of the text. */
function generator(text: string): () => number {
  let state = 0x811c9dc5;
  for (const character of text) state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** Sizes that meet the edges of tiles, vectors and subgroups: 1, primes, powers of two and their neighbours. */
const sizes = [1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 32, 33, 47, 63, 64, 65, 96, 127, 128, 129, 250, 257];

/** A size for each name, now and then the same, such that there are at most `limit` elements. */
export function shape<Name extends string>(
  random: Random,
  names: readonly Name[],
  limit = 20_000,
): Record<Name, number> {
  for (;;) {
    const [isSquare, side] = [random.unit() < 0.15, random.pick(sizes)];
    const drawn = names.map((name) => [name, isSquare ? side : random.pick(sizes)] as const);
    if (drawn.reduce((n, [, size]) => n * size, 1) <= limit) return Object.fromEntries(drawn) as Record<Name, number>;
  }
}

/** How the values of an input are drawn. */
export type Draw = (random: Random) => number;

const sign = ({ unit }: Random): number => (unit() < 0.5 ? -1 : 1);

export const draws = {
  /** Mean 0, deviation 1, now and then 0. */
  normal: (random) => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.unit()));
    return random.unit() < 0.03 ? 0 : radius * Math.cos(2 * Math.PI * random.unit());
  },
  /** Both signs, magnitudes from 1e-6 to 1e6, and 0. */
  wide: (random) => (random.unit() < 0.05 ? 0 : sign(random) * 10 ** (12 * random.unit() - 6)),
  positive: ({ unit }) => 10 ** (6 * unit() - 3),
  /** Both signs, never near 0. */
  divisor: (random) => sign(random) * 10 ** (4 * random.unit() - 2),
  /** Few values, so that many are equal; all exact in any dtype. */
  few: ({ integer }) => integer(-4, 4) / 2,
  whole: ({ integer }) => integer(-1000, 1000),
  natural: ({ integer }) => integer(0, 1000),
  truth: ({ integer }) => integer(0, 1),
} satisfies Record<string, Draw>;

/** Now and then NaN, or nearly always. */
export const orNaN =
  (draw: Draw, share = 0.1): Draw =>
  (random) =>
    random.unit() < share ? Number.NaN : draw(random);

/** Few magnitudes of many orders, of either sign, so that terms cancel and what is left is small beside them. */
export function cancelling({ unit }: Random): Draw {
  const magnitudes = Array.from({ length: 4 }, () => Math.fround(10 ** (24 * unit() - 12)));
  return (random) => sign(random) * random.pick(magnitudes);
}

/** Evenly from `from` to `to`. */
export const between =
  (from: number, to: number): Draw =>
  ({ unit }) =>
    from + (to - from) * unit();
