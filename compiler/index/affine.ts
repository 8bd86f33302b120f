/**
 * Index expressions: sums of variables, quotients and remainders times constants. They are kept in a normal form, so that equal
 * keys are equal expressions and the split of a merge is what it was. Kernels compute them in u32: sums and products may wrap on
 * their way, what is divided or bounded is never negative.
 */
import { invariant } from "../invariant.ts";
import { hash } from "../plan/sha256.ts";

/**
 * A loop counter or a coordinate: 0 ≤ value < size. `turn` counts the variables of one dimension from 1; the coordinates of a
 * kernel have 0, so that a dimension may have any name and size.
 */
export interface Variable {
  readonly name: string;
  readonly size: number;
  readonly turn: number;
}

/** An integer that a kernel reads or computes: a scalar expression, of which only this is known here. */
export interface Datum {
  readonly id: number;
  /** Keys of the variables that it depends on. */
  readonly free: ReadonlySet<string>;
}

export type Atom =
  | { readonly kind: "variable"; readonly variable: Variable }
  | { readonly kind: "quotient"; readonly of: Index; readonly by: number }
  | { readonly kind: "remainder"; readonly of: Index; readonly by: number }
  /** `min(of, size - 1)`: a position that could lie outside. */
  | { readonly kind: "bounded"; readonly of: Index; readonly size: number }
  /** `clamp(from, 0, size - 1)`: a position that is data, or one that could be negative. */
  | { readonly kind: "loaded"; readonly from: Datum; readonly size: number };

export interface Term {
  readonly atom: Atom;
  readonly key: string;
  readonly times: number;
}

/** `constant + Σ times · atom`, with terms sorted by key; `low` and `high` bound the value. No atom is negative. */
export interface Index {
  readonly terms: readonly Term[];
  readonly constant: number;
  readonly low: number;
  readonly high: number;
  /** Of equal expressions equal; of long ones a hash, since they contain one another many times. */
  readonly key: string;
  /** The keys of the variables that the value depends on, those of loaded positions included. */
  readonly variables: ReadonlySet<string>;
}

export const number = (value: number): Index => make([], value);

export const fromVariable = (variable: Variable): Index => single({ kind: "variable", variable });

/** Identifies a variable by name, size and turn. */
export const variableKey = ({ name, size, turn }: Variable): string => `${name}.${size}.${turn}`;

/** What a kernel itself counts: it is no variable of a dimension, whatever that is called. */
export const coordinate = (name: string, size: number): Variable => ({ name, size, turn: 0 });

/** The first variable for a dimension that is not in `taken` (keys of variables). */
export function freshVariable(name: string, size: number, taken: ReadonlySet<string> = new Set()): Variable {
  for (let turn = 1; ; turn++) if (!taken.has(variableKey({ name, size, turn }))) return { name, size, turn };
}

export const plus = (a: Index, b: Index): Index => make([...a.terms, ...b.terms], a.constant + b.constant);

export const times = (a: Index, factor: number): Index =>
  make(
    a.terms.map((term) => ({ ...term, times: term.times * factor })),
    a.constant * factor,
  );

/** The greatest whole number that is not above `a / by`. */
export function quotient(a: Index, by: number): Index {
  if (by === 1) return a;
  const { exact, rest } = divide(a, by);
  return rest.high < by ? exact : plus(exact, quotientOfRest(rest, by));
}

/** `a - by · quotient(a, by)`, from 0 to `by - 1`. */
export function remainder(a: Index, by: number): Index {
  const { rest } = divide(a, by);
  if (rest.high < by) return rest;
  const step = stepOf(rest, by);
  if (step !== undefined) return plus(times(remainder(step.whole, by / step.size), step.size), step.below);
  return single({ kind: "remainder", of: natural(rest), by });
}

/** `a`, which is not negative, or the last position below `size`. */
export function bounded(a: Index, size: number): Index {
  if (natural(a).high < size) return a;
  return a.low >= size - 1 ? number(size - 1) : single({ kind: "bounded", of: a, size });
}

/** The index with another one in the place of a variable. In what is computed from data the variable stays. */
export const substituted = ({ terms, constant }: Index, variable: Variable, by: Index): Index =>
  terms.reduce((sum, term) => plus(sum, times(substitutedIn(term, variable, by), term.times)), number(constant));

function substitutedIn({ atom }: Term, variable: Variable, by: Index): Index {
  if (!variablesOf(atom).has(variableKey(variable))) return single(atom);
  switch (atom.kind) {
    case "variable":
      return by;
    case "quotient":
      return quotient(substituted(atom.of, variable, by), atom.by);
    case "remainder":
      return remainder(substituted(atom.of, variable, by), atom.by);
    case "bounded":
      return bounded(substituted(atom.of, variable, by), atom.size);
    case "loaded":
      return single(atom);
  }
}

/** A position along a dimension of `size` that is computed from data. */
export const loaded = (from: Datum, size: number): Index =>
  size === 1 ? number(0) : single({ kind: "loaded", from, size });

/** `Σ index · stride` where the last varies fastest. */
export function flatten(indices: readonly Index[], sizes: readonly number[]): Index {
  let result = number(0);
  for (const [i, index] of indices.entries()) result = plus(times(result, sizes[i] ?? 1), index);
  return result;
}

/** The inverse of `flatten`. */
export function unflatten(index: Index, sizes: readonly number[]): readonly Index[] {
  const result: Index[] = [];
  let rest = index;
  for (const [i, size] of [...sizes.entries()].reverse()) {
    result.unshift(i === 0 ? rest : remainder(rest, size));
    rest = quotient(rest, size);
  }
  return result;
}

/** The keys of the variables that the atom depends on. */
export function variablesOf(atom: Atom): ReadonlySet<string> {
  if (atom.kind === "variable") return new Set([variableKey(atom.variable)]);
  return atom.kind === "loaded" ? atom.from.free : atom.of.variables;
}

/** The coefficient of the variable, if it occurs in no other form. */
export function strideOf({ terms }: Index, variable: Variable): number | undefined {
  const key = variableKey(variable);
  let stride = 0;
  for (const { atom, times } of terms) {
    if (atom.kind === "variable" && variableKey(atom.variable) === key) stride = times;
    else if (variablesOf(atom).has(key)) return undefined;
  }
  return stride;
}

const atomKey = (atom: Atom): string => {
  switch (atom.kind) {
    case "variable":
      return variableKey(atom.variable);
    case "quotient":
      return `(${atom.of.key})/${atom.by}`;
    case "remainder":
      return `(${atom.of.key})%${atom.by}`;
    case "bounded":
      return `(${atom.of.key})^${atom.size}`;
    case "loaded":
      return `#${atom.from.id}^${atom.size}`;
  }
};

const greatest = (atom: Atom): number => {
  switch (atom.kind) {
    case "variable":
      return atom.variable.size - 1;
    case "quotient":
      return Math.floor(atom.of.high / atom.by);
    case "remainder":
      return atom.by - 1;
    case "bounded":
    case "loaded":
      return atom.size - 1;
  }
};

/** Keys longer than this are replaced. */
const longest = 400;

const shortened = (key: string): string => (key.length > longest ? `~${hash(key)}` : key);

const single = (atom: Atom): Index => make([{ atom, key: atomKey(atom), times: 1 }], 0);

/** Adds up equal atoms and puts quotients and remainders of one expression together again. */
function make(terms: readonly Term[], constant: number): Index {
  const byKey = new Map<string, Term>();
  for (const term of terms) {
    if (greatest(term.atom) === 0) continue;
    const known = byKey.get(term.key);
    byKey.set(term.key, known === undefined ? term : { ...term, times: term.times + known.times });
  }
  for (const [key, term] of byKey) if (term.times === 0) byKey.delete(key);
  for (const remainder of byKey.values()) {
    const whole = reunite(remainder, byKey);
    if (whole !== undefined) return make([...byKey.values(), ...whole.terms], constant + whole.constant);
  }
  const sorted = [...byKey.values()].sort((a, b) => Math.abs(b.times) - Math.abs(a.times) || (a.key < b.key ? -1 : 1));
  const low = sorted.reduce((sum, { atom, times }) => sum + (times < 0 ? times * greatest(atom) : 0), constant);
  const high = sorted.reduce((sum, { atom, times }) => sum + (times > 0 ? times * greatest(atom) : 0), constant);
  return {
    terms: sorted,
    constant,
    low,
    high,
    key: shortened(`${sorted.map(({ key, times }) => `${times}*${key}`).join("+")}+${constant}`),
    variables: new Set(sorted.flatMap(({ atom }) => [...variablesOf(atom)])),
  };
}

/** `x / n · n · t + x % n · t = x · t`: takes both out of the map and returns `x · t`. */
function reunite({ atom, key, times: factor }: Term, terms: Map<string, Term>): Index | undefined {
  if (atom.kind !== "remainder") return undefined;
  const step = atom.by * factor;
  if (![...terms.values()].some((term) => term.key !== key && term.times % step === 0)) return undefined;
  const high = quotient(atom.of, atom.by);
  const [only] = high.terms;
  if (only === undefined || high.terms.length !== 1 || high.constant !== 0) return undefined;
  const found = terms.get(only.key);
  if (found === undefined || found.times !== only.times * atom.by * factor) return undefined;
  terms.delete(only.key);
  terms.delete(key);
  return times(atom.of, factor);
}

/** `a = by · exact + rest`, exactly, with as much as possible in `exact`; the least value that `rest` can have is from 0 to `by - 1`. */
function divide(a: Index, by: number): { readonly exact: Index; readonly rest: Index } {
  const isWhole = ({ times }: Term): boolean => times % by === 0;
  const whole = a.terms.filter(isWhole).map((term) => ({ ...term, times: term.times / by }));
  const rest = make(
    a.terms.filter((term) => !isWhole(term)),
    a.constant,
  );
  const over = Math.floor(rest.low / by);
  return { exact: make(whole, over), rest: plus(rest, number(-by * over)) };
}

/** `a = size · whole + below` with 0 ≤ below < size, where size divides `by`: then only `whole` matters for the quotient. */
function stepOf(
  a: Index,
  by: number,
): { readonly size: number; readonly whole: Index; readonly below: Index } | undefined {
  const sizes = new Set(a.terms.map(({ times }) => gcd(Math.abs(times), by)));
  for (const size of [...sizes].sort((x, y) => y - x)) {
    if (size === 1) continue;
    const { exact, rest } = divide(a, size);
    if (rest.high < size) return { size, whole: exact, below: rest };
  }
  return undefined;
}

function quotientOfRest(rest: Index, by: number): Index {
  const step = stepOf(rest, by);
  if (step !== undefined) return quotient(step.whole, by / step.size);
  const [term] = rest.terms;
  if (rest.terms.length === 1 && rest.constant === 0 && term?.times === 1 && term.atom.kind === "quotient")
    return quotient(term.atom.of, term.atom.by * by);
  return single({ kind: "quotient", of: natural(rest), by });
}

/** The index, of which u32 has the very value. */
function natural(a: Index): Index {
  invariant(a.low >= 0 && a.high < 2 ** 32, `${a.key} can be ${a.low} to ${a.high}`);
  return a;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
