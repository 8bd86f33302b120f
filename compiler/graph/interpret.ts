/**
 * What the primitives mean: the reference for every kernel, in float64, written to be obviously right and not to be fast.
 * A tensor is a Float64Array, row-major in the dim order of its node's type; booleans are 0 and 1.
 */
import { bug, invariant } from "../invariant.ts";
import { bitsOf, type DType, greatest } from "../plan/dtype.ts";
import { threefry } from "../plan/threefry.ts";
import { eigenvectorsOf } from "./eigenvectors.ts";
import { erf } from "./erf.ts";
import type { Graph } from "./graph.ts";
import { offsets, strides } from "./offsets.ts";
import { type Body, dispatch, type Node, type NodeOf, type Rules } from "./ops.ts";
import { bestOf, orderOf } from "./ordering.ts";
import { dimsOf, type OfMatrix } from "./routine.ts";
import { showNode } from "./show.ts";
import { type Swept, sweep } from "./sweep.ts";
import { count, sizeOf } from "./type.ts";

/**
 * The outputs by name. Input values are rounded to the input's dtype, outputs to the dtype in which they are stored; of an
 * accumulated output, the contribution.
 */
export function interpret(
  graph: Graph,
  inputs: ReadonlyMap<string, ArrayLike<number>>,
): ReadonlyMap<string, Float64Array> {
  const values: Float64Array[] = [];
  for (const node of graph.nodes) values.push(interpretNode(node, values, inputs));
  return new Map(
    graph.outputs.map(({ name, node, store }) => {
      const value = valueIn(values, node);
      return [name, store === undefined ? value : value.map((x) => roundTo(store, x))];
    }),
  );
}

/** The value of one node, given those of all earlier ones by id. */
export function interpretNode(
  node: Node,
  values: readonly Float64Array[],
  inputs: ReadonlyMap<string, ArrayLike<number>>,
): Float64Array {
  if (node.op !== "input") return dispatch(semantics, node, values);
  const value = inputs.get(node.attrs.name);
  invariant(
    value !== undefined && value.length === count(node.type),
    `input ${node.attrs.name}: ${value?.length} values`,
  );
  return Float64Array.from(value, (x) => roundTo(node.type.dtype, x));
}

type Values = readonly Float64Array[];

/** Of a NaN and another value the other. */
const passingNaN =
  (f: (a: number, b: number) => number) =>
  (a: number, b: number): number =>
    Number.isNaN(a) ? b : Number.isNaN(b) ? a : f(a, b);

/** The scalar functions of the element-wise primitives; integers wrap afterwards, see `wrap`. */
export const scalar = {
  neg: (x: number) => -x,
  abs: Math.abs,
  exp: Math.exp,
  log: Math.log,
  log2: Math.log2,
  sqrt: Math.sqrt,
  rsqrt: (x: number) => 1 / Math.sqrt(x),
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  floor: Math.floor,
  round: roundHalfToEven,
  not: (x: number) => (x === 0 ? 1 : 0),
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => a / b,
  pow: Math.pow,
  min: passingNaN(Math.min),
  max: passingNaN(Math.max),
  mod: (a: number, b: number) => a - b * Math.floor(a / b),
  random: (at: number, seed: number) => (threefry([seed, 0], [at, 0])[0] >>> 8) * 2 ** -24,
  less: (a: number, b: number) => Number(a < b),
  lessEqual: (a: number, b: number) => Number(a <= b),
  equal: (a: number, b: number) => Number(a === b),
  and: (a: number, b: number) => a * b,
  or: (a: number, b: number) => Math.max(a, b),
} as const;

/** What it is of numbers of the result's dtype. */
function scalarIn(op: keyof typeof scalar, dtype: DType): (a: number, b: number) => number {
  if (dtype === "i32" || dtype === "u32") {
    if (op === "mul") return Math.imul;
    if (op === "div") return (a, b) => (b === 0 ? 0 : Math.floor(a / b));
  }
  return scalar[op] as (a: number, b: number) => number;
}

const unary = (node: NodeOf<keyof typeof scalar>, values: Values): Float64Array => {
  const [x] = operands(node, values);
  const f = scalar[node.op] as (x: number) => number;
  return Float64Array.from(x, (value) => wrap(node.type.dtype, f(value)));
};
const binary = (node: NodeOf<keyof typeof scalar>, values: Values): Float64Array => {
  const [a, b] = operands(node, values);
  const f = scalarIn(node.op, node.type.dtype);
  return Float64Array.from(a, (value, i) => wrap(node.type.dtype, f(value, b[i] ?? NaN)));
};

const semantics: Rules<readonly [values: Values], Float64Array> = {
  constant: ({ attrs }) => Float64Array.of(roundTo(attrs.dtype, attrs.value)),
  input: () => bug("an input has no semantics of its own"),
  index: ({ attrs }) => Float64Array.from({ length: attrs.dim.size }, (_, i) => i),
  neg: unary,
  abs: unary,
  exp: unary,
  log: unary,
  log2: unary,
  sqrt: unary,
  rsqrt: unary,
  sin: unary,
  cos: unary,
  tanh: unary,
  erf: unary,
  floor: unary,
  round: unary,
  not: unary,
  cast: ({ attrs, inputs }, values) => valueIn(values, inputs[0]).map((x) => roundTo(attrs.dtype, x)),
  detach: ({ inputs }, values) => valueIn(values, inputs[0]),
  add: binary,
  sub: binary,
  mul: binary,
  div: binary,
  pow: binary,
  min: binary,
  max: binary,
  mod: binary,
  random: binary,
  less: binary,
  lessEqual: binary,
  equal: binary,
  and: binary,
  or: binary,
  select: (node, values) => {
    const [condition, then, otherwise] = operands(node, values);
    return Float64Array.from(condition, (yes, i) => (yes === 0 ? otherwise[i] : then[i]) ?? NaN);
  },
  reduce,
  rename: ({ inputs }, values) => valueIn(values, inputs[0]),
  split: ({ inputs }, values) => valueIn(values, inputs[0]),
  merge,
  gather,
  best: ({ inputs: [x], attrs }, values) => bestOf(x.type, valueIn(values, x), attrs),
  order: ({ inputs: [x], attrs }, values) => orderOf(x.type, valueIn(values, x), attrs.over),
  cholesky,
  triangularInverse,
  eigenvectors,
  feedback: (node, values) => sweptBy(node, values).frozen,
  part: ({ inputs: [of], attrs }, values) => {
    const parts = of.op === "feedback" ? sweptBy(of, values).parts : [];
    return parts[attrs.level]?.get(attrs.output) ?? bug(`%${of.id} has no part ${attrs.output}`);
  },
};

/** By the values of a graph: what its sweeps gave. */
const known = new WeakMap<Values, Map<Node, Swept>>();

function sweptBy(node: NodeOf<"feedback">, values: Values): Swept {
  const sweeps = known.get(values) ?? new Map<Node, Swept>();
  known.set(values, sweeps);
  const operands = node.inputs.map((x: Node) => valueIn(values, x));
  const swept = sweeps.get(node) ?? sweep(node, operands, ofBody);
  sweeps.set(node, swept);
  return swept;
}

/** The outputs of a body, of inputs as they are. */
function ofBody({ nodes, outputs }: Body, inputs: ReadonlyMap<string, Float64Array>): Map<string, Float64Array> {
  const values: Float64Array[] = [];
  for (const node of nodes) {
    const value = node.op === "input" ? inputs.get(node.attrs.name) : dispatch(semantics, node, values);
    invariant(value !== undefined, `a body reads ${showNode(node)}`);
    values.push(value);
  }
  return new Map(outputs.map(({ name, node }) => [name, valueIn(values, node)]));
}

function reduce({ inputs: [x], attrs, type }: NodeOf<"reduce">, values: Values): Float64Array {
  const from = valueIn(values, x);
  const to = offsets(x.type.dims, strides(type.dims));
  if (attrs.by === "argmax") return argmax(x, attrs.over[0] ?? "", from, to, count(type));
  const result = new Float64Array(count(type)).fill({ sum: 0, max: -Infinity, min: Infinity }[attrs.by]);
  const combine = { sum: scalar.add, max: scalar.max, min: scalar.min }[attrs.by];
  for (const [i, value] of from.entries())
    result[to[i] ?? 0] = wrap(type.dtype, combine(result[to[i] ?? 0] ?? NaN, value));
  return result;
}

/** `from` is walked with every dimension ascending, so that of equals the first stays; a NaN is greater than nothing. */
function argmax(x: Node, over: string, from: Float64Array, to: Int32Array, size: number): Float64Array {
  const greatest = new Float64Array(size).fill(-Infinity);
  const result = new Float64Array(size);
  const position = offsets(x.type.dims, new Map([[over, 1]]));
  for (const [i, value] of from.entries()) {
    const at = to[i] ?? 0;
    if (!(value > (greatest[at] ?? NaN))) continue;
    greatest[at] = value;
    result[at] = position[i] ?? NaN;
  }
  return result;
}

function merge({ inputs: [x], attrs, type }: NodeOf<"merge">, values: Values): Float64Array {
  const into = strides(type.dims);
  let stride = into.get(attrs.into) ?? 0;
  for (const name of attrs.dims.toReversed()) {
    into.set(name, stride);
    stride *= x.type.dims.find((dim) => dim.name === name)?.size ?? 0;
  }
  const to = offsets(x.type.dims, into);
  const result = new Float64Array(count(type));
  for (const [i, value] of valueIn(values, x).entries()) result[to[i] ?? 0] = value;
  return result;
}

function gather({ inputs: [x, at], attrs, type }: NodeOf<"gather">, values: Values): Float64Array {
  const from = valueIn(values, x);
  const positions = valueIn(values, at);
  const along = strides(x.type.dims);
  const stride = along.get(attrs.dim) ?? 0;
  const size = x.type.dims.find(({ name }) => name === attrs.dim)?.size ?? 0;
  along.delete(attrs.dim);
  const rest = offsets(type.dims, along);
  const positionOf = offsets(type.dims, strides(at.type.dims));
  return Float64Array.from({ length: count(type) }, (_, i) => {
    const position = Math.min(Math.max(positions[positionOf[i] ?? 0] ?? NaN, 0), size - 1);
    return from[(rest[i] ?? 0) + position * stride] ?? NaN;
  });
}

/** The places of each matrix: that of an element by its row and column. */
function* matrices(node: OfMatrix): Iterable<(row: number, column: number) => number> {
  const along = strides(node.type.dims);
  const { inner, outer } = dimsOf(node);
  const [down = NaN, across = NaN] = inner.map(({ name }) => along.get(name));
  for (const start of offsets(outer, along)) yield (row, column) => start + row * down + column * across;
}

/** The value less some products, one after the other. */
function less(value: number, from: number, to: number, product: (k: number) => number): number {
  let rest = value;
  for (let k = from; k < to; k++) rest -= product(k);
  return rest;
}

/** Column after column; Golub & Van Loan, "Matrix Computations", 4.2.5. */
function cholesky(node: NodeOf<"cholesky">, values: Values): Float64Array {
  const x = valueIn(values, node.inputs[0]);
  const result = new Float64Array(x.length);
  const size = sizeOf(node.type, node.attrs.rows) ?? 0;
  for (const at of matrices(node)) {
    const l = (row: number, column: number): number => result[at(row, column)] ?? NaN;
    const rest = (row: number, column: number): number =>
      less(x[at(row, column)] ?? NaN, 0, column, (k) => l(row, k) * l(column, k));
    for (let column = 0; column < size; column++) {
      const pivot = rest(column, column);
      if (!(pivot >= leastPivot && pivot < Infinity)) break;
      result[at(column, column)] = Math.sqrt(pivot);
      for (let row = column + 1; row < size; row++) result[at(row, column)] = rest(row, column) / Math.sqrt(pivot);
    }
  }
  return result;
}

/** The least normal number of f32: adapters may take what is smaller for 0. */
const leastPivot = 2 ** -126;

/** Column after column, by substitution. */
function triangularInverse(node: NodeOf<"triangularInverse">, values: Values): Float64Array {
  const l = valueIn(values, node.inputs[0]);
  const result = new Float64Array(l.length);
  const size = sizeOf(node.type, node.attrs.rows) ?? 0;
  for (const at of matrices(node)) {
    const solve = (row: number, column: number): number => {
      const product = (k: number): number => (l[at(row, k)] ?? NaN) * (result[at(k, column)] ?? NaN);
      const diagonal = l[at(row, row)] ?? NaN;
      return diagonal === 0 ? 0 : less(row === column ? 1 : 0, column, row, product) / diagonal;
    };
    for (let column = 0; column < size; column++)
      for (let row = column; row < size; row++) result[at(row, column)] = solve(row, column);
  }
  return result;
}

function eigenvectors(node: NodeOf<"eigenvectors">, values: Values): Float64Array {
  const x = valueIn(values, node.inputs[0]);
  const result = new Float64Array(x.length);
  const size = sizeOf(node.type, node.attrs.rows) ?? 0;
  for (const at of matrices(node)) {
    const { vectors } = eigenvectorsOf(size, (row, column) => x[at(row, column)] ?? NaN);
    for (const [column, vector] of vectors.entries())
      for (const [row, value] of vector.entries()) result[at(row, column)] = value;
  }
  return result;
}

/** The values of the node's inputs, each repeated over the dims of the node that it lacks. */
function operands(
  { inputs, type }: Pick<Node, "inputs" | "type">,
  values: Values,
): readonly [Float64Array, Float64Array, Float64Array] {
  const spread = (x: Node | undefined): Float64Array => {
    if (x === undefined) return new Float64Array(0);
    const value = valueIn(values, x);
    return Float64Array.from(offsets(type.dims, strides(x.type.dims)), (offset) => value[offset] ?? NaN);
  };
  return [spread(inputs[0]), spread(inputs[1]), spread(inputs[2])];
}

function valueIn(values: Values, { id }: Node): Float64Array {
  const value = values[id];
  invariant(value !== undefined, `%${id} has no value yet`);
  return value;
}

/** An element-wise primitive of constants, as its type holds the result. */
export function elementOf(
  op: keyof typeof scalar,
  operands: readonly { readonly value: number; readonly dtype: DType }[],
  dtype: DType,
): number {
  const [a = Number.NaN, b = Number.NaN] = operands.map((x) => roundTo(x.dtype, x.value));
  return roundTo(dtype, wrap(dtype, scalarIn(op, dtype)(a, b)));
}

/** Integer arithmetic wraps at 32 bits; reals stay as they are. */
const wrap = (dtype: DType, x: number): number => (dtype === "i32" ? x | 0 : dtype === "u32" ? x >>> 0 : x);

/**
 * The value as the dtype holds it: reals half to even, integers towards zero, NaN as 0, `bool` non-zero; what has no infinity
 * saturates. Of `e8m0` the power of two that is not above the value.
 */
export function roundTo(dtype: DType, x: number): number {
  switch (dtype) {
    case "f32":
      return Math.fround(x);
    case "f16":
      return roundBits(x, 11, -24, greatest(dtype));
    case "bf16":
      return roundBits(x, 8, -133, 2 ** 128 * (1 - 2 ** -8));
    case "i32":
      return Math.min(Math.max(Math.trunc(x) || 0, -(2 ** 31)), 2 ** 31 - 1);
    case "u32":
      return Math.min(Math.max(Math.trunc(x) || 0, 0), 2 ** 32 - 1);
    case "bool":
      return x === 0 ? 0 : 1;
    case "e4m3":
      return roundBits(clamped(x, greatest(dtype)), 4, -9, greatest(dtype));
    case "e2m1":
      return Number.isNaN(x) ? 0 : roundBits(clamped(x, greatest(dtype)), 2, -1, greatest(dtype));
    case "e8m0":
      return Number.isNaN(x) ? x : 2 ** Math.min(Math.max(exponentOf(x), -126), 127);
    case "i8":
      return Math.min(Math.max(Math.trunc(x) || 0, -128), 127);
    default:
      return Math.min(Math.max(Math.trunc(x) || 0, 0), 2 ** bitsOf(dtype) - 1);
  }
}

const clamped = (x: number, most: number): number => Math.min(Math.max(x, -most), most);

/** Of the greatest power of two that is not above |x|. */
function exponentOf(x: number): number {
  const exponent = Math.floor(Math.log2(Math.abs(x)));
  return 2 ** exponent > Math.abs(x) ? exponent - 1 : exponent;
}

/** To `bits` significant bits, multiples of 2^`least`, half to even; beyond `greatest` (by half a step) infinite. */
function roundBits(x: number, bits: number, least: number, greatest: number): number {
  if (x === 0 || !Number.isFinite(x)) return x;
  const step = 2 ** Math.max(exponentOf(x) - bits + 1, least);
  const result = roundHalfToEven(x / step) * step;
  return Math.abs(result) > greatest ? Math.sign(x) * Infinity : result;
}

function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}
