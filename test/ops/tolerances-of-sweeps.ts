/**
 * How far a sweep may be from the reference, element by element. A later column has the sum of what earlier ones take from it, in any
 * order (Higham 2002, §3.1), and the errors of its bodies are those of their primitives.
 */
import { bodyNames, columnsOf, dimsOfRun, runsOf } from "../../compiler/graph/bodies.ts";
import { offsets, strides } from "../../compiler/graph/offsets.ts";
import type { Body, Level, NodeOf } from "../../compiler/graph/ops.ts";

export interface SweptErrors {
  readonly frozen: Float64Array;
  readonly parts: readonly ReadonlyMap<string, Float64Array>[];
}

interface Measured {
  readonly values: Float64Array;
  readonly errors: Float64Array;
}

export type MeasureBody = (body: Body, inputs: ReadonlyMap<string, Measured>) => ReadonlyMap<string, Measured>;

const u = 2 ** -24;
const smallest = 2 ** -125;

export function errorsOfSweep(
  node: NodeOf<"feedback">,
  [x, factor, ...given]: readonly Measured[],
  measure: MeasureBody,
): SweptErrors {
  if (x === undefined || factor === undefined) throw new TypeError("a sweep of nothing");
  const { levels } = node.attrs;
  const columns = columnsOf(levels, -1);
  const state = begin(node, x);
  const parts = levels.map(() => new Map<string, Float64Array>());
  const known = new Map(given.map((each, i) => [bodyNames.given(i), each]));
  for (const { level, run, position, column, columns: own } of runsOf(levels)) {
    const { dim, body } = levels[level] as Level;
    known.set(bodyNames.position(dim.name), { values: Float64Array.of(position), errors: Float64Array.of(0) });
    known.set(bodyNames.run, runOf(state, column, own));
    for (const [name, made] of measure(body, known)) {
      known.set(bodyNames.above(dim.name, name), made);
      const part = parts[level]?.get(name) ?? new Float64Array((made.errors.length * columns) / own);
      part.set(made.errors, run * made.errors.length);
      parts[level]?.set(name, part);
      if (name === bodyNames.frozen) freeze(state, column, made, factor);
    }
  }
  return { frozen: state.carried, parts };
}

interface State {
  readonly node: NodeOf<"feedback">;
  readonly values: Float64Array;
  /** What earlier columns and operands have brought of errors, and the size of all that was added. */
  readonly carried: Float64Array;
  readonly sizes: Float64Array;
}

const begin = (node: NodeOf<"feedback">, { values, errors }: Measured): State => ({
  node,
  values: Float64Array.from(values),
  carried: Float64Array.from(errors),
  sizes: values.map(Math.abs),
});

function placesOf({ inputs: [x], attrs }: NodeOf<"feedback">, column: number, size: number): Int32Array {
  const along = strides(x.type.dims);
  const dims = x.type.dims.map((dim) => (dim.name === attrs.along ? { ...dim, size } : dim));
  return offsets(dims, along).map((place) => place + column * (along.get(attrs.along) ?? 0));
}

function runOf({ node, values, carried, sizes }: State, column: number, size: number): Measured {
  const places = [...placesOf(node, column, size)];
  const rounding = (place: number): number => (column === 0 ? 0 : column * (2 * u * (sizes[place] ?? NaN) + smallest));
  return {
    values: Float64Array.from(places, (place) => values[place] ?? NaN),
    errors: Float64Array.from(places, (place) => (carried[place] ?? NaN) + rounding(place)),
  };
}

function freeze(state: State, column: number, frozen: Measured, u: Measured): void {
  const { node, values, carried } = state;
  const { along, across, levels } = node.attrs;
  const [x, { type }] = node.inputs;
  const [down = NaN, right = NaN] = [along, across].map((name) => strides(type.dims).get(name));
  const made = levels.at(-1)?.body.outputs.find(({ name }) => name === bodyNames.frozen)?.node.type.dims ?? [];
  const order = offsets(dimsOfRun(x.type.dims, along, []), strides(made));
  const before = runOf(state, column, 1).errors;
  const pivot = elementAt(u, column * (down + right));
  for (const [i, place] of placesOf(node, column, 1).entries()) {
    const q = elementAt(frozen, order[i] ?? 0);
    const error = errorOf({ value: values[place] ?? NaN, error: before[i] ?? NaN }, q, pivot);
    for (let later = column + 1; later < columnsOf(levels, -1); later++) {
      const to = place + (later - column) * (strides(x.type.dims).get(along) ?? NaN);
      take(state, to, error, elementAt(u, column * down + later * right));
    }
    values[place] = q.value;
    carried[place] = q.error;
  }
}

interface Element {
  readonly value: number;
  readonly error: number;
}

const elementAt = ({ values, errors }: Measured, place: number): Element => ({
  value: values[place] ?? NaN,
  error: errors[place] ?? NaN,
});

/** (x - q) / pivot */
function errorOf(x: Element, q: Element, pivot: Element): Element {
  const value = (x.value - q.value) / pivot.value;
  const above = x.error + q.error + u * (Math.abs(x.value) + Math.abs(q.value));
  const below = Math.max(0, Math.abs(pivot.value) - pivot.error);
  return { value, error: (above + Math.abs(value) * pivot.error) / below + 5 * u * Math.abs(value) };
}

/** Takes a product from an element. */
function take({ values, carried, sizes }: State, place: number, a: Element, b: Element): void {
  values[place] = (values[place] ?? NaN) - a.value * b.value;
  sizes[place] = (sizes[place] ?? NaN) + Math.abs(a.value * b.value);
  const error = a.error * (Math.abs(b.value) + b.error) + Math.abs(a.value) * b.error;
  carried[place] = (carried[place] ?? NaN) + error;
}
