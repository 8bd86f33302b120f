/**
 * Symbolic sizes: sums of products of named sizes with rational coefficients and whole, possibly negative, powers
 * (`config.hidden_size · heads^-1`). Equal sizes have equal forms. Whether a size is whole is decided when a model is bound.
 */

export interface Size {
  /** Monomial → coefficient. The key lists atoms with powers (`in^1 lane^-1`), sorted; the constant's key is "". */
  readonly terms: ReadonlyMap<string, Ratio>;
}

interface Ratio {
  readonly over: number;
  readonly under: number;
}

/** Of numbers too large to count, 1: they are refused where a size is needed. */
const gcd = (a: number, b: number): number =>
  Number.isFinite(a) && Number.isFinite(b) ? (b === 0 ? Math.abs(a) : gcd(b, a % b)) : 1;

function ratio(over: number, under: number): Ratio {
  const common = gcd(over, under) || 1;
  const sign = under < 0 ? -1 : 1;
  return { over: (sign * over) / common, under: (sign * under) / common };
}

const size = (entries: Iterable<readonly [string, Ratio]>): Size => ({
  terms: new Map([...entries].filter(([, { over }]) => over !== 0).sort(([a], [b]) => (a < b ? -1 : 1))),
});

/** A whole number as a size. */
export const fixed = (value: number): Size => size([["", ratio(value, 1)]]);

/** A number as the fraction that its decimals say (0.29 is 29/100), null where they are too many to be counted. */
export function rational(value: number): Size | null {
  const [digits = "", power] = value.toExponential().split("e");
  const exponent = Number(power) - (digits.split(".")[1]?.length ?? 0);
  const over = Number(digits.replace(".", "")) * 10 ** Math.max(exponent, 0);
  const exact = size([["", ratio(over, 10 ** Math.max(-exponent, 0))]]);
  return Number.isSafeInteger(over) && isExact(exact) ? exact : null;
}

/** Whether it is told in full, and every coefficient is a fraction of numbers that were counted exactly. */
export const isExact = ({ terms }: Size): boolean =>
  ![...terms.keys()].some((key) => key.includes("…")) &&
  [...terms.values()].every(({ over, under }) => Number.isSafeInteger(over) && Number.isSafeInteger(under));

/** A size known by name alone, which may be any: what is said of it must hold for all. */
export const atom = (name: string): Size => size([[`${name}^1`, ratio(1, 1)]]);

/** What names that a model gives a number to begin with; a declared name cannot. */
const openMark = "?";

/** A size that a model decides: while none is bound, it may be whatever a program needs. */
export const open = (name: string): Size => atom(`${openMark}${name}`);

/** Whether two sizes are equal, or may become so by what a model decides. */
export function mayBeSame(a: Size, b: Size): boolean {
  const terms = [...minus(a, b).terms];
  const isOpen = terms.some(([key]) => powers(key).some(([name]) => name.startsWith(openMark)));
  return terms.length === 0 || (isOpen && canBeEqual(a, b));
}

/** Whether two sizes are equal for some numbers of all their names, which are 1 or more. */
export function canBeEqual(a: Size, b: Size): boolean {
  const signs = [...minus(a, b).terms.values()].map(({ over }) => Math.sign(over));
  return new Set(signs).size !== 1;
}

/** Products of sums of names grow without bound; one of more terms is left to the model. */
const mostTerms = 64;
const untold = open("…");

/** The number that a size is, where it depends on no name; a fraction if it is not whole. */
export function known({ terms }: Size): number | undefined {
  if (terms.size === 0) return 0;
  const constant = terms.get("");
  return terms.size === 1 && constant ? constant.over / constant.under : undefined;
}

export const plus = (a: Size, b: Size): Size =>
  a.terms.size + b.terms.size > mostTerms ? untold : total([...a.terms, ...b.terms]);

/** The sum of terms, of which several may have the same names. */
function total(all: readonly (readonly [string, Ratio])[]): Size {
  const terms = new Map<string, Ratio>();
  for (const [key, { over, under }] of all) {
    const old = terms.get(key) ?? { over: 0, under: 1 };
    terms.set(key, ratio(old.over * under + over * old.under, old.under * under));
  }
  return size(terms);
}

export const minus = (a: Size, b: Size): Size => plus(a, times(b, fixed(-1)));

export function times(a: Size, b: Size): Size {
  if (a.terms.size * b.terms.size > mostTerms) return untold;
  const products = [...a.terms].flatMap(([x, p]) =>
    [...b.terms].map(([y, q]) => [product(x, y), ratio(p.over * q.over, p.under * q.under)] as const),
  );
  return total(products);
}

/** The quotient, if the divisor is one term (else undefined: too complex until a model is bound). */
export function divided(a: Size, b: Size): Size | undefined {
  const [term, ...more] = b.terms;
  if (!term || more.length > 0) return undefined;
  const [key, { over, under }] = term;
  const inverse = powers(key).map(([name, power]): readonly [string, number] => [name, -power]);
  return times(a, size([[monomial(inverse), ratio(under, over)]]));
}

/** Whether a size is whole whatever its names are. */
export const isIntegral = ({ terms }: Size): boolean =>
  [...terms].every(([key, { under }]) => under === 1 && powers(key).every(([, power]) => power > 0));

export const same = (a: Size, b: Size): boolean => minus(a, b).terms.size === 0;

/** `3`, `in`, `in / 128`, `hidden · heads⁻¹` as people write it: `hidden / heads`. */
export function showSize({ terms }: Size): string {
  if (terms.size === 0) return "0";
  return [...terms].map(([key, coefficient]) => showTerm(powers(key), coefficient)).join(" + ");
}

function showTerm(factors: readonly (readonly [string, number])[], { over, under }: Ratio): string {
  const show = ([name, power]: readonly [string, number]) =>
    Math.abs(power) === 1 ? name.replace(openMark, "") : `${name.replace(openMark, "")}^${Math.abs(power)}`;
  const above = factors.filter(([, power]) => power > 0).map(show);
  const below = factors.filter(([, power]) => power < 0).map(show);
  if (over !== 1 || above.length === 0) above.unshift(`${over}`);
  if (under !== 1) below.push(`${under}`);
  return below.length === 0 ? above.join(" * ") : `${above.join(" * ")} / ${below.join(" / ")}`;
}

const powers = (key: string): (readonly [string, number])[] =>
  key === ""
    ? []
    : key
        .split(" ")
        .map((part) => [part.slice(0, part.lastIndexOf("^")), Number(part.slice(part.lastIndexOf("^") + 1))]);

const monomial = (factors: readonly (readonly [string, number])[]): string =>
  factors
    .filter(([, power]) => power !== 0)
    .map(([name, power]) => `${name}^${power}`)
    .sort()
    .join(" ");

function product(a: string, b: string): string {
  const sum = new Map<string, number>();
  for (const [name, power] of [...powers(a), ...powers(b)]) sum.set(name, (sum.get(name) ?? 0) + power);
  return monomial([...sum]);
}
