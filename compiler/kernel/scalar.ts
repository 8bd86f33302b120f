/**
 * What a kernel computes for one element: expressions over named indices. Equal expressions made by one maker are one object, so
 * that a printer needs a name for each that is used twice.
 */
import { elementOf, roundTo } from "../graph/interpret.ts";
import type { BinaryOp, UnaryOp } from "../graph/ops.ts";
import { type Index, number, plus, quotient, remainder, times, type Variable, variableKey } from "../index/affine.ts";
import { type DType, isPacked, readAs, type ValueType } from "../plan/dtype.ts";

/** The primitives that work element by element. */
export type ElementOp = Exclude<UnaryOp, "detach"> | BinaryOp | "select";

export type Reduction = "sum" | "max" | "min" | "argmax";

interface Common {
  readonly id: number;
  readonly dtype: ValueType;
  /** Keys of the variables that the value depends on. */
  readonly free: ReadonlySet<string>;
  /** Made of constants and indices alone: a compiler that unrolls loops knows the value. */
  readonly isKnown: boolean;
}

export type Scalar = Common &
  (
    | { readonly kind: "constant"; readonly value: number }
    | { readonly kind: "index"; readonly index: Index }
    /** An element of a storage, by its number. */
    | { readonly kind: "load"; readonly storage: number; readonly address: Index }
    /** A value that the text around the expression has given a name. */
    | { readonly kind: "named"; readonly name: string }
    | Apply
    | { readonly kind: "cast"; readonly to: DType; readonly input: Scalar }
    | Reduce
  );

interface Apply {
  readonly kind: "apply";
  readonly op: ElementOp;
  readonly inputs: readonly Scalar[];
}

/** Terms number 0, 1 … of `over`; `isInterleaved` as "Order of sums" of ARCHITECTURE.md says. */
interface Reduce {
  readonly kind: "reduce";
  readonly by: Reduction;
  readonly over: Variable;
  readonly body: Scalar;
  readonly isInterleaved: boolean;
}

export type ReduceScalar = Common & Reduce;

export type ApplyScalar = Common & Apply;

/** Makes expressions and folds what is known: arithmetic on indices stays an index, comparisons that ranges decide are constants. */
export interface Scalars {
  readonly constant: (value: number, dtype: ValueType) => Scalar;
  /** As i32. */
  readonly index: (index: Index) => Scalar;
  readonly load: (storage: number, address: Index, dtype: ValueType) => Scalar;
  readonly named: (name: string, dtype: ValueType) => Scalar;
  readonly apply: (op: ElementOp, inputs: readonly Scalar[], dtype: ValueType) => Scalar;
  readonly cast: (to: DType, input: Scalar) => Scalar;
  readonly reduce: (by: Reduction, over: Variable, body: Scalar, isInterleaved: boolean) => Scalar;
}

type Without<T> = T extends Scalar ? Omit<T, "id" | "free" | "isKnown"> : never;

/** Whether the value follows from constants and indices. */
function follows(x: Without<Scalar>): boolean {
  if (x.kind === "apply") return x.inputs.every(({ isKnown }) => isKnown);
  if (x.kind === "cast") return x.input.isKnown;
  return x.kind === "constant" || (x.kind === "index" && !x.index.terms.some(({ atom }) => atom.kind === "loaded"));
}

export function scalars(): Scalars {
  const known = new Map<string, Scalar>();
  const make = (key: string, fields: Without<Scalar>, free: ReadonlySet<string>): Scalar => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = { ...fields, id: known.size, free, isKnown: follows(fields) } as Scalar;
    known.set(key, made);
    return made;
  };
  const self: Scalars = {
    constant: (value, dtype) =>
      make(`constant ${dtype} ${Object.is(value, -0) ? "-0" : value}`, { kind: "constant", value, dtype }, none),
    index: (index) => {
      if (index.terms.length === 0) return self.constant(index.constant, "i32");
      return make(`index ${index.key}`, { kind: "index", index, dtype: "i32" }, index.variables);
    },
    load: (storage, address, dtype) =>
      make(`load ${storage} ${address.key}`, { kind: "load", storage, address, dtype }, address.variables),
    named: (name, dtype) => make(`named ${name}`, { kind: "named", name, dtype }, none),
    apply: (op, inputs, dtype) => {
      const folded = fold(op, inputs, dtype, self);
      if (folded !== undefined) return folded;
      return make(`${op} ${inputs.map(({ id }) => id).join(" ")}`, { kind: "apply", op, inputs, dtype }, union(inputs));
    },
    cast: (to, given) => {
      // What is made whole on the way is made whole by the code as well.
      const isOnTheWay = isPacked(to) && readAs(to) === "i32" && given.kind === "cast" && given.to === "i32";
      const input = isOnTheWay && given.input.dtype === "f32" ? given.input : given;
      if (to === input.dtype) return input;
      if (input.kind === "constant") return self.constant(roundTo(to, input.value), readAs(to));
      return make(`cast ${to} ${input.id}`, { kind: "cast", to, input, dtype: readAs(to) }, input.free);
    },
    reduce: (by, over, body, isInterleaved) => {
      const key = `reduce ${by} ${isInterleaved} ${variableKey(over)} ${body.id}`;
      const dtype = by === "argmax" ? "i32" : body.dtype;
      const free = new Set([...body.free].filter((variable) => variable !== variableKey(over)));
      return make(key, { kind: "reduce", by, over, body, isInterleaved, dtype }, free);
    },
  };
  return self;
}

const none: ReadonlySet<string> = new Set();
const union = (inputs: readonly Scalar[]): ReadonlySet<string> => new Set(inputs.flatMap(({ free }) => [...free]));

/** The integer as an index, if it is affine in known variables. */
export function asIndex(x: Scalar): Index | undefined {
  if (x.kind === "index") return x.index;
  return x.kind === "constant" && x.dtype !== "f32" ? number(x.value) : undefined;
}

function fold(op: ElementOp, inputs: readonly Scalar[], dtype: ValueType, make: Scalars): Scalar | undefined {
  const [first, second, third] = inputs;
  if (op === "select") return first && second && third && foldSelect(first, second, third, dtype, make);
  const constants = inputs.filter((x) => x.kind === "constant");
  if (constants.length === inputs.length) return make.constant(elementOf(op, constants, dtype), dtype);
  if (op === "less" && first === second) return make.constant(0, "bool");
  return first?.dtype === "i32" && second?.dtype === "i32" ? foldIndices(op, first, second, dtype, make) : undefined;
}

/** Of a choice within a choice by the same condition only one side is ever taken. */
function foldSelect(
  condition: Scalar,
  then: Scalar,
  otherwise: Scalar,
  dtype: ValueType,
  make: Scalars,
): Scalar | undefined {
  const side = (x: Scalar, which: 1 | 2): Scalar =>
    x.kind === "apply" && x.op === "select" && x.inputs[0] === condition ? (x.inputs[which] ?? x) : x;
  const [first, second] = [side(then, 1), side(otherwise, 2)];
  if (condition.kind === "constant") return condition.value === 0 ? second : first;
  if (first === second) return first;
  return first === then && second === otherwise ? undefined : make.apply("select", [condition, first, second], dtype);
}

function foldIndices(
  op: ElementOp,
  first: Scalar,
  second: Scalar,
  dtype: ValueType,
  make: Scalars,
): Scalar | undefined {
  const [a, b] = [asIndex(first), asIndex(second)];
  if (a === undefined || b === undefined) return undefined;
  const truth = compare(op, a, b);
  if (truth !== undefined) return make.constant(Number(truth), "bool");
  const index = dtype === "i32" && isSmall(a) && isSmall(b) ? arithmetic(op, a, b) : undefined;
  return index !== undefined && isSmall(index) ? make.index(index) : undefined;
}

/** Far from where i32 wraps, which an index does not. */
const isSmall = ({ low, high }: Index): boolean => low >= -(2 ** 30) && high < 2 ** 30;

/** What the ranges of both sides say. */
function compare(op: ElementOp, a: Index, b: Index): boolean | undefined {
  const { low, high } = plus(a, times(b, -1));
  const known = (isTrue: boolean, isFalse: boolean): boolean | undefined =>
    isTrue ? true : isFalse ? false : undefined;
  if (op === "less") return known(high < 0, low >= 0);
  if (op === "lessEqual") return known(high <= 0, low > 0);
  return op === "equal" ? known(low === 0 && high === 0, low > 0 || high < 0) : undefined;
}

function arithmetic(op: ElementOp, a: Index, b: Index): Index | undefined {
  if (op === "add") return plus(a, b);
  if (op === "sub") return plus(a, times(b, -1));
  if (op === "mul") return scaled(a, b) ?? scaled(b, a);
  if (!isNumber(b) || b.constant <= 0) return undefined;
  return op === "mod" ? remainder(a, b.constant) : op === "div" ? quotient(a, b.constant) : undefined;
}

const isNumber = ({ terms }: Index): boolean => terms.length === 0;
const scaled = (a: Index, factor: Index): Index | undefined =>
  isNumber(factor) ? times(a, factor.constant) : undefined;
