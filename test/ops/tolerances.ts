/**
 * How far a kernel may be from the float64 reference, element by element: the error that rounding can have made, carried
 * through the graph from the inputs to the outputs (running error analysis; Higham 2002, §3.3). One rule per primitive.
 *
 * Units: u = 2^-24, half an ulp of 1, is what one correctly rounded f32 operation may add, relative to its result. An error
 * of 0 means that every adapter must give exactly the reference's value. Infinity means undecided: rounding may have
 * turned a comparison, or divided by what may be 0.
 */
import type { Graph } from "../../compiler/graph/graph.ts";
import { interpretNode, roundTo, scalar } from "../../compiler/graph/interpret.ts";
import { offsets, strides } from "../../compiler/graph/offsets.ts";
import { dispatch, type Node, type NodeOf, type Rules } from "../../compiler/graph/ops.ts";
import { count, type Dim } from "../../compiler/graph/type.ts";
import { errorsOfEigenvectors, errorsOfFactor, errorsOfInverse } from "./tolerances-of-matrices.ts";
import { errorsOfSweep, type MeasureBody, type SweptErrors } from "./tolerances-of-sweeps.ts";

const u = 2 ** -24;
/** Adapters may flush what is smaller than 2^-126 to 0, before and after an operation; our exp what is smaller than 2^-125. */
const smallest = 2 ** -125;
/** A little above the largest f32: the lowest score of a mask less a maximum is still decided. */
const largest = 2 ** 128 * (1 + 2 ** -20);

/** What one operation may add to the error, given its result y and its operands' values; every bound is WGSL's or ours. */
type Rounding = (y: number, a: number, b: number) => number;
const exact: Rounding = () => 0;
const roundings = {
  neg: exact, // a sign
  abs: exact,
  floor: exact, // whole numbers are representable
  round: exact,
  min: exact, // one of the operands
  max: exact,
  not: exact,
  and: exact,
  or: exact,
  less: exact, // undecided where the operands' errors overlap, by the corners below
  lessEqual: exact,
  equal: exact,
  add: (_, a, b) => u * (Math.abs(a) + Math.abs(b)), // 1 rounding, and Mesa moves constants in sums: (a + b) + c = (a + c) + b
  sub: (_, a, b) => u * (Math.abs(a) + Math.abs(b)),
  mul: (y) => u * Math.abs(y), // 1 rounding
  div: (y) => 5 * u * Math.abs(y), // WGSL: 2.5 ulp (software adapters round correctly)
  sqrt: (y) => 9 * u * Math.abs(y), // WGSL: as 1 / inverseSqrt, 2 + 2.5 ulp
  rsqrt: (y) => 4 * u * Math.abs(y), // WGSL: 2 ulp (1.44 measured)
  exp: (y) => 4 * u * Math.abs(y), // 2 ulp; our polynomial measures 1.15
  log: (y) => 4 * u * Math.abs(y), // 2 ulp; ours 0.95
  log2: (y) => 4 * u * Math.abs(y),
  erf: (y) => 6 * u * Math.abs(y),
  random: exact,
  tanh: (y) => 7 * u * Math.abs(y), // ours: 5 roundings each in numerator and denominator, 6.0 measured
  // 2 ulp (ours 1.5), and to reduce x to [0, π/4] its octant times the second part of π/4, 2.4e-4, is rounded once.
  sin: (y, x) => 4 * u * Math.abs(y) + u * 2 ** -12 * Math.abs(x),
  cos: (y, x) => 4 * u * Math.abs(y) + u * 2 ** -12 * Math.abs(x),
  pow: (y, a, b) => Math.abs(y) * u * (8 + 4 * Math.abs(b * Math.log(Math.abs(a) || 1))), // exp(b · log a): the exponent's error is absolute
  mod: (_, a, b) => u * (Math.abs(a) + Math.abs(b)), // a - b · ⌊a / b⌋, with the floor right; see `mod` below
} satisfies Record<keyof typeof scalar, Rounding>;

/** Of each output, by name: the largest distance from the reference that each element may have. */
export function tolerancesOf(
  graph: Graph,
  inputs: ReadonlyMap<string, ArrayLike<number>>,
): ReadonlyMap<string, Float64Array> {
  const state: State = { values: [], errors: [], sweeps: new Map() };
  for (const node of graph.nodes) {
    state.values.push(interpretNode(node, state.values, inputs));
    const errors = dispatch(rules, node, state).map((error) => (Number.isNaN(error) ? Infinity : error));
    state.errors.push(errors);
  }
  return new Map(
    graph.outputs.map(({ name, node, store = "f32" }) => {
      const errors = at(state.errors, node);
      if (store === "f32") return [name, errors];
      const values = at(state.values, node);
      return [name, errors.map((error, i) => corners((x) => roundTo(store, x), [values[i] ?? NaN], [error]))];
    }),
  );
}

interface State {
  readonly values: Float64Array[];
  readonly errors: Float64Array[];
  /** How far sweeps may be from the reference, with their parts. */
  readonly sweeps: Map<Node, SweptErrors>;
}

/** The outputs of the body of a sweep with their errors, from those of its inputs. */
const ofBody: MeasureBody = ({ nodes, outputs }, inputs) => {
  const state: State = { values: [], errors: [], sweeps: new Map() };
  for (const node of nodes) {
    const given = node.op === "input" ? inputs.get(node.attrs.name) : undefined;
    state.values.push(given?.values ?? interpretNode(node, state.values, new Map()));
    state.errors.push(given?.errors ?? dispatch(rules, node, state).map((e) => (Number.isNaN(e) ? Infinity : e)));
  }
  return new Map(
    outputs.map(({ name, node }) => [name, { values: at(state.values, node), errors: at(state.errors, node) }]),
  );
};

function sweepOf(node: NodeOf<"feedback">, { values, errors, sweeps }: State): SweptErrors {
  const operands = node.inputs.map((x: Node) => ({ values: at(values, x), errors: at(errors, x) }));
  const found = sweeps.get(node) ?? errorsOfSweep(node, operands, ofBody);
  sweeps.set(node, found);
  return found;
}

const none = (node: Node): Float64Array => new Float64Array(count(node.type));

/** A NaN of which no adapter makes anything else: no rounding leads to it. */
const isSureNaN = (value: number, error: number | undefined): boolean => Number.isNaN(value) && error === 0;

/** The rounding of the operation and what the operands' errors may change, since all of these functions are monotone. */
const monotone = (node: NodeOf<keyof typeof scalar>, state: State): Float64Array => {
  const isReal = node.type.dtype === "f32";
  const f = scalar[node.op] as (...operands: number[]) => number;
  return each(node as Node, state, (values, errors) => {
    const carried = corners(f, values, errors);
    if (!isReal) return carried;
    const y = f(...values);
    if (Number.isNaN(y) && values.some((x, i) => isSureNaN(x, errors[i]))) return 0;
    const rounding = (roundings[node.op] as Rounding)(y, values[0] ?? 0, values[1] ?? 0);
    const error = carried + rounding + (rounding === 0 ? 0 : smallest);
    return Math.abs(y) > largest ? Infinity : error;
  });
};

/** sin and cos change at most as much as their argument, and by 2 at most. */
const wave = (node: NodeOf<"sin" | "cos">, state: State): Float64Array =>
  each(node as Node, state, ([x = NaN], [error = NaN]) => {
    return Math.min(2, error) + roundings[node.op](scalar[node.op](x), x) + smallest;
  });

/** The errors go where the values go. */
const moved = (node: NodeOf<"rename" | "split" | "merge" | "detach">, { errors }: State): Float64Array =>
  interpretNode(node as Node, errors, new Map());

const rules: Rules<readonly [State], Float64Array> = {
  constant: none,
  input: none,
  index: none,
  neg: monotone,
  abs: monotone,
  exp: monotone,
  log: monotone,
  log2: monotone,
  sqrt: monotone,
  rsqrt: monotone,
  sin: wave,
  cos: wave,
  tanh: monotone,
  erf: monotone,
  floor: monotone,
  round: monotone,
  not: monotone,
  cast: (node, state) => each(node, state, (x, e) => corners((value) => roundTo(node.attrs.dtype, value), x, e)),
  detach: moved,
  add: monotone,
  sub: monotone,
  mul: monotone,
  div: (node, state) => {
    if (node.type.dtype !== "f32") return none(node);
    const errors = monotone(node, state);
    return each(node, state, ([, b = 0], [, e = 0], i) => (Math.abs(b) <= e ? Infinity : (errors[i] ?? NaN)));
  },
  pow: monotone,
  min: monotone,
  max: monotone,
  mod,
  random: none,
  less: monotone,
  lessEqual: monotone,
  equal: (node, state) =>
    each(node, state, ([a = 0, b = 0], [ea = 0, eb = 0]) =>
      ea + eb > 0 && !(Math.abs(a - b) > ea + eb) ? Infinity : 0,
    ),
  and: monotone,
  or: monotone,
  select: (node, state) =>
    each(node, state, ([c = 0, a = 0, b = 0], [ec = 0, ea = 0, eb = 0]) => {
      return ec > 0 ? Math.abs(a - b) + ea + eb : c === 0 ? eb : ea;
    }),
  reduce: (node, state) => reductions[node.attrs.by](node, state),
  rename: moved,
  split: moved,
  merge: moved,
  gather: (node, { values, errors }) => {
    const [x, positions] = node.inputs;
    if (at(errors, positions).some((error) => error > 0)) return none(node).fill(Infinity);
    const mixed = [...values];
    mixed[x.id] = at(errors, x);
    mixed[positions.id] = at(values, positions);
    return x === positions ? none(node) : interpretNode(node, mixed, new Map());
  },
  best,
  order,
  cholesky: (node, { values, errors }) =>
    errorsOfFactor(node, interpretNode(node, values, new Map()), at(errors, node.inputs[0])),
  triangularInverse: (node, { values, errors }) => {
    const operand = [at(values, node.inputs[0]), at(errors, node.inputs[0])] as const;
    return errorsOfInverse(node, interpretNode(node, values, new Map()), operand);
  },
  eigenvectors: (node, { values, errors }) =>
    errorsOfEigenvectors(node, at(values, node.inputs[0]), at(errors, node.inputs[0])),
  feedback: (node, state) => sweepOf(node, state).frozen,
  part: (node, state) => {
    const [of] = node.inputs;
    const parts = of.op === "feedback" ? sweepOf(of, state).parts : [];
    return parts[node.attrs.level]?.get(node.attrs.output) ?? new Float64Array(0);
  },
};

/** Where the quotient is so near to a whole number that rounding may pass it, the remainder may be 0 or the divisor. */
function mod(node: NodeOf<"mod">, state: State): Float64Array {
  if (node.type.dtype !== "f32") return none(node);
  return each(node, state, ([a = 0, b = 0], [ea = 0, eb = 0]) => {
    const quotient = a / b;
    const off = 5 * u * Math.abs(quotient) + (ea + Math.abs(quotient) * eb) / (Math.abs(b) - eb);
    const isExact = ea + eb === 0 && Number.isInteger(quotient);
    if (!isExact && Math.floor(quotient - off) !== Math.floor(quotient + off)) return Infinity;
    return ea + eb * Math.abs(quotient) + roundings.mod(0, a, b) + u * Math.abs(quotient * b);
  });
}

const reductions: Record<NodeOf<"reduce">["attrs"]["by"], (node: NodeOf<"reduce">, state: State) => Float64Array> = {
  /** n - 1 additions in any order: (n - 1) · u · Σ|x|, for a contraction K · 2^-24 · Σ|a||b|; Mesa may move constants. */
  sum: (node, state) => {
    const terms = count(node.inputs[0].type) / count(node.type);
    const isReal = node.type.dtype === "f32";
    return perRow(node, node.type.dims, state, (values, errors) => {
      if (values.some((x, i) => isSureNaN(x, errors[i]))) return 0;
      let size = 0;
      let carried = 0;
      for (const [i, value] of values.entries()) {
        size += Math.abs(value) + (errors[i] ?? NaN);
        carried += errors[i] ?? NaN;
      }
      return isReal ? carried + (terms - 1) * (u * size + smallest) : carried;
    });
  },
  max: (node, state) => perNumbers(node, state, (values, errors) => extreme(values, errors)),
  min: (node, state) =>
    perNumbers(node, state, (values, errors) =>
      extreme(
        values.map((value) => -value),
        errors,
      ),
    ),
  argmax: (node, state) =>
    perNumbers(node, state, (values, errors) => {
      const first = values.indexOf(Math.max(...values));
      const isClose = (value: number, i: number): boolean => {
        const distance = (errors[i] ?? NaN) + (errors[first] ?? NaN);
        return i !== first && distance > 0 && value + distance >= (values[first] ?? NaN);
      };
      return values.some(isClose) ? Infinity : 0;
    }),
};

/** `perRow` without the NaN that these reductions pass over. */
const perNumbers = (node: NodeOf<"reduce">, state: State, of: Parameters<typeof perRow>[3]): Float64Array =>
  perRow(node, node.type.dims, state, (values, errors) => {
    const kept = [...values.keys()].filter((i) => !isSureNaN(values[i] ?? NaN, errors[i]));
    if (kept.length === 0) return 0;
    return of(
      kept.map((i) => values[i] ?? NaN),
      kept.map((i) => errors[i] ?? NaN),
    );
  });

/** How much the greatest value may change. */
function extreme(values: readonly number[], errors: readonly number[]): number {
  const greatest = Math.max(...values);
  const highest = Math.max(...values.map((value, i) => value + (errors[i] ?? NaN)));
  const lowest = Math.max(...values.map((value, i) => value - (errors[i] ?? NaN)));
  return Math.max(highest - greatest, greatest - lowest);
}

/** Undecided: what stays but may fall below something that goes, and what goes but may rise above something that stays. */
function best(node: NodeOf<"best">, state: State): Float64Array {
  const { dims } = node.inputs[0].type;
  const outer = dims.filter(({ name }) => !node.attrs.over.includes(name));
  const stays = interpretNode(node, state.values, new Map());
  const errors = at(state.errors, node.inputs[0]);
  const result = none(node);
  for (const row of rows(dims, outer)) {
    if (row.every((i) => errors[i] === 0)) continue;
    const bound = (i: number, sign: number): number =>
      (at(state.values, node.inputs[0])[i] ?? NaN) + sign * (errors[i] ?? NaN);
    const lowestKept = Math.min(...row.filter((i) => stays[i] === 1).map((i) => bound(i, -1)));
    const highestGone = Math.max(...row.filter((i) => stays[i] === 0).map((i) => bound(i, 1)));
    for (const i of row) {
      const isSafe = stays[i] === 1 ? bound(i, -1) > highestGone : bound(i, 1) < lowestKept;
      result[i] = isSafe ? 0 : Infinity;
    }
  }
  return result;
}

/** Undecided: each of two neighbours that may change places. */
function order(node: NodeOf<"order">, state: State): Float64Array {
  const [x] = node.inputs;
  const outer = x.type.dims.filter(({ name }) => name !== node.attrs.over);
  const places = interpretNode(node, state.values, new Map());
  const bound = (i: number, sign: number): number =>
    (at(state.values, x)[i] ?? NaN) + sign * (at(state.errors, x)[i] ?? NaN);
  const result = none(node);
  for (const row of rows(x.type.dims, outer)) {
    if (row.every((i) => at(state.errors, x)[i] === 0)) continue;
    const sorted = row.map((i) => row[places[i] ?? 0] ?? 0);
    const isClose = (i: number): boolean => !(bound(sorted[i] ?? 0, 1) < bound(sorted[i + 1] ?? 0, -1));
    for (const [i, place] of row.entries())
      if ((i > 0 && isClose(i - 1)) || (i + 1 < row.length && isClose(i))) result[place] = Infinity;
  }
  return result;
}

/** The largest change of a function that is monotone in each operand, when each may be off by its error. */
function corners(f: (...operands: number[]) => number, values: readonly number[], errors: readonly number[]): number {
  if (errors.every((error) => error === 0)) return 0;
  const y = f(...values);
  let change = 0;
  for (let corner = 0; corner < 2 ** values.length; corner++) {
    const moved = values.map((value, i) => value + (((corner >> i) & 1) === 1 ? 1 : -1) * (errors[i] ?? NaN));
    const isUndecided = moved.some((x, i) => Number.isNaN(x) && errors[i] !== 0);
    const moves = isUndecided ? NaN : Math.abs(f(...moved) - y);
    change = Math.max(change, Number.isNaN(moves) ? Infinity : moves);
  }
  return change;
}

/** One number per element of the node, from the values and errors of its operands there. */
function each(
  { inputs, type }: Node,
  state: State,
  of: (values: readonly number[], errors: readonly number[], i: number) => number,
): Float64Array {
  const operands = inputs.map((x) => ({
    values: at(state.values, x),
    errors: at(state.errors, x),
    offsets: offsets(type.dims, strides(x.type.dims)),
  }));
  return Float64Array.from({ length: count(type) }, (_, i) => {
    const values = operands.map((x) => x.values[x.offsets[i] ?? 0] ?? NaN);
    const errors = operands.map((x) => x.errors[x.offsets[i] ?? 0] ?? NaN);
    return of(values, errors, i);
  });
}

/** One number per element over `outer`, from the values and errors of the input that share it, in row-major order. */
function perRow(
  { inputs: [x] }: NodeOf<"reduce">,
  outer: readonly Dim[],
  state: State,
  of: (values: readonly number[], errors: readonly number[]) => number,
): Float64Array {
  const values = at(state.values, x);
  const errors = at(state.errors, x);
  return Float64Array.from(rows(x.type.dims, outer), (row) => {
    return of(
      row.map((i) => values[i] ?? NaN),
      row.map((i) => errors[i] ?? NaN),
    );
  });
}

/** For each element over `outer`, the offsets over `dims` that belong to it. */
function rows(dims: readonly Dim[], outer: readonly Dim[]): readonly (readonly number[])[] {
  const result: number[][] = Array.from({ length: count({ dims: outer }) }, () => []);
  for (const [i, row] of offsets(dims, strides(outer)).entries()) result[row]?.push(i);
  return result;
}

const at = (of: readonly Float64Array[], { id }: Node): Float64Array => of[id] ?? new Float64Array(0);
