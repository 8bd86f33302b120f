/** What the language's own functions take: rules get operands that were evaluated, named, and checked here for their kind. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { type Context, report } from "./context.ts";
import type { Num } from "./number.ts";
import { asTensor, numeric } from "./operations.ts";
import { isWholeSize, reportSize } from "./scope.ts";
import { open, type Size } from "./size.ts";
import type { Tensor } from "./tensor.ts";
import {
  type Bound,
  type Call,
  type Callable,
  type DimensionsGiven,
  type Form,
  type Mapping,
  type ModelValue,
  type Operand,
  type Parameter,
  type Row,
  type Value,
  wrong,
  wrongType,
} from "./value.ts";

/** A kind of operand: how a call gives it, and what a rule gets; null, and a problem, for what it does not take. */
export interface Kind<T> {
  readonly parameter: (name: string) => Parameter;
  readonly check: (call: Call, bound: Bound, name: string) => T | null;
}

type Given<Kinds> = { readonly [Name in keyof Kinds]: Kinds[Name] extends Kind<infer T> ? T : never };

/** One way to call a function: its parameters in order, and its rule. */
export function form<Kinds extends Readonly<Record<string, Kind<unknown>>>>(
  kinds: Kinds,
  rule: (given: Given<Kinds>, call: Call) => Value,
): Form {
  const names = Object.keys(kinds);
  return {
    parameters: names.map((name) => (kinds[name] as Kind<unknown>).parameter(name)),
    apply: (call, bound) => {
      const given = new Map<string, unknown>();
      for (const name of names) given.set(name, kinds[name]?.check(call, bound, name));
      if ([...given.values()].includes(null)) return wrong;
      return rule(Object.fromEntries(given) as Given<Kinds>, call);
    },
  };
}

const spanOf = (text: string): Span => ({ file: { path: "", text }, start: 0, end: text.length });

function parameter(text: string, more: Partial<Parameter> = {}): Parameter {
  const span = spanOf(text);
  return { name: { text, span }, doc: "", ...more, span };
}

/** An operand whose value `take` accepts, as it gives it. */
const valued = <T>(take: (call: Call, operand: Operand) => T | null): Kind<T> => ({
  parameter,
  check: (call, { values }, name) => {
    const operand = values.get(name);
    return operand ? take(call, operand) : null;
  },
});

/** The same, of a number that may be left out. */
const optional = ({ check }: Kind<number>, fallback: number): Kind<number> => ({
  parameter: (name) => parameter(name, { value: literal(fallback) }),
  check: (call, bound, name) => (bound.values.has(name) ? check(call, bound, name) : fallback),
});

function wrongOf({ context }: Pick<Call, "context">, operand: Operand, expected: string, hint?: string): null {
  wrongType(context, operand, expected, hint);
  return null;
}

export const anything: Kind<Operand> = valued((_, operand) => operand);

export const numericOperand: Kind<Operand & { readonly value: Tensor | Num }> = valued(({ context }, operand) =>
  numeric(context, operand) ? operand : null,
);

/** A tensor and its place. */
export type Numbers = { readonly value: Tensor; readonly span: Span };

/** A tensor of numbers; a number, or truth values as 0 and 1. */
export const numbersOf: Kind<Numbers> = valued(asNumbers);

function asNumbers({ context }: Pick<Call, "context">, operand: Operand): Numbers | null {
  const { value, span } = operand;
  const isTruth = value.kind === "tensor" && value.dtype === "bool";
  if (!isTruth && !numeric(context, operand)) return null;
  const x = asTensor(context, operand, value.kind === "tensor" && value.dtype === "i32" ? "i32" : "f32");
  return x && { value: x, span };
}

/** Numbers, or codes as the weights that they stand for. */
export const numbersOrCodes: Kind<Numbers> = valued((call, { value, span }) =>
  asNumbers(call, { value: value.kind === "coded" ? value.value : value, span }),
);

/** What a model is called with. */
export const windowTokens = "tokens of windows, such as `text.windows(512)`";

const tensorAs = (expected: string): Kind<{ readonly value: Tensor; readonly span: Span }> =>
  valued((call, { value, span }) =>
    value.kind === "tensor" ? { value, span } : wrongOf(call, { value, span }, expected),
  );

/** What may be left out; then it is undefined. */
export const perhaps = <T>({ parameter: one, check }: Kind<T>): Kind<T | undefined> => ({
  parameter: (name) => ({ ...one(name), isOptional: true }),
  check: (call, bound, name) => (bound.values.has(name) ? check(call, bound, name) : undefined),
});

/** A truth value for each of something. */
export const conditions: Kind<Numbers> = valued((call, { value, span }) =>
  value.kind === "tensor" && value.dtype === "bool"
    ? { value, span }
    : wrongOf(call, { value, span }, "a condition of each token, such as `best(score, 2, over expert)`"),
);

export const tensorOperand = tensorAs("a tensor");
export const activations = tensorAs("activations");

/** Known before the run, or not yet. */
export const knownNumber: Kind<{ readonly value: Num; readonly span: Span }> = valued(takeNumber);

/** A whole number from `least`; 0 while it is unknown. */
export function whole(what: string, least: number, fallback?: number): Kind<number> {
  const kind = valued((call, operand) => {
    const real = takeNumber(call, operand)?.value.real;
    if (real === undefined) return null;
    if (real === null) return 0;
    if (Number.isInteger(real) && real >= least && real <= 2 ** 31) return real;
    const range = `a whole number from ${least}`;
    report(call.context, { kind: "out-of-range", span: operand.span, what, value: String(real), range });
    return null;
  });
  return fallback === undefined ? kind : optional(kind, fallback);
}

const literal = (value: number): Ast.Expression => ({
  kind: "number",
  value,
  text: `${value}`,
  span: spanOf(`${value}`),
});

/** A number that is known before the run, or not yet. */
export function takeNumber(
  call: Pick<Call, "context">,
  { value, span }: Operand,
): { readonly value: Num; readonly span: Span } | null {
  if (value.kind === "number") return { value, span };
  const hint =
    value.kind === "sparsity"
      ? "a range is written `0 .. 4`; `sparsity.keep(d)` is how many of a cell along `d` stay"
      : "";
  return wrongOf(call, { value, span }, "a number known before the run", hint);
}

/** As `knownNumber`, for what is no argument of a call. */
export const compileTimeNumber = (context: Context, operand: Operand): Num | null =>
  takeNumber({ context }, operand)?.value ?? null;

/** The size that a new dimension is given; null, and a problem, if it is none. */
export function givenSize(context: Context, name: string, operand: Operand): Size | null {
  const value = compileTimeNumber(context, operand);
  if (!value) return null;
  const size = value.size ?? (value.real === null ? open(name) : null);
  if (!size) reportSize(context, operand.span, name, value.real ?? Number.NaN);
  return size && isWholeSize(context, size, operand.span, name) ? size : null;
}

export const textOperand: Kind<string> = valued((call, operand) =>
  operand.value.kind === "string" ? (operand.value.value ?? "") : wrongOf(call, operand, "a text in quotes"),
);

export const modelOperand: Kind<ModelValue> = valued((call, operand) =>
  operand.value.kind === "model" ? operand.value : wrongOf(call, operand, "a model"),
);

/** What is no value: as the call gives it. */
const apart = <T>(more: Partial<Parameter>, of: (bound: Bound) => ReadonlyMap<string, T>): Kind<T> => ({
  parameter: (name) => parameter(name, more),
  check: (_, bound, name) => of(bound).get(name) ?? null,
});

/** `over d` */
export const over: Kind<DimensionsGiven> = apart({ label: "over" }, ({ dims }) => dims);

/** The name of a dimension. */
export const dimension: Kind<DimensionsGiven> = apart({ takes: "dimension" }, ({ dims }) => dims);

/** `a -> b` */
export const mapping: Kind<Mapping> = apart({ takes: "mapping" }, ({ mappings }) => mappings);

/** `half: a, b` */
export const row: Kind<Row> = apart({ takes: "row" }, ({ rows }) => rows);

const tokens = tensorAs(windowTokens);

/** A model as the function that it is, of tokens. */
export const modelFunction = (model: ModelValue): Callable => ({
  kind: "callable",
  name: model.name,
  form: () => form({ tokens }, (given, call) => model.apply(call, model, given.tokens)),
});
