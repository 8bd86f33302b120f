/** What a sweep means, given what graphs mean: column after column, and all later ones corrected after each. */
import { invariant } from "../invariant.ts";
import { bodyNames, columnsOf, dimsOfRun, runsOf } from "./bodies.ts";
import { offsets, strides } from "./offsets.ts";
import type { Body, Level, NodeOf } from "./ops.ts";

/** The value of the node, and what the body of each level gave, by name, of all its runs. */
export interface Swept {
  readonly frozen: Float64Array;
  readonly parts: readonly ReadonlyMap<string, Float64Array>[];
}

type Named = ReadonlyMap<string, Float64Array>;

/** The outputs of a body. */
export type OutputsOf = (body: Body, inputs: Named) => Named;

/** `operands` are the values of the node's inputs, in order. */
export function sweep(node: NodeOf<"feedback">, operands: readonly Float64Array[], outputsOf: OutputsOf): Swept {
  const { levels } = node.attrs;
  const [x, u, ...given] = operands;
  invariant(x !== undefined && u !== undefined, "a sweep of nothing");
  const values = Float64Array.from(x);
  const freeze = freezing(node, values, u);
  const parts = levels.map(() => new Map<string, Float64Array>());
  const known = new Map(given.map((value, i) => [bodyNames.given(i), value]));
  const columns = columnsOf(levels, -1);
  for (const { level, run, position, column, columns: own } of runsOf(levels)) {
    const { dim, body } = levels[level] as Level;
    known.set(bodyNames.position(dim.name), Float64Array.of(position));
    known.set(
      bodyNames.run,
      Float64Array.from(places(node, column, own), (place) => values[place] ?? NaN),
    );
    for (const [name, value] of outputsOf(body, known)) {
      known.set(bodyNames.above(dim.name, name), value);
      const part = parts[level]?.get(name) ?? new Float64Array((value.length * columns) / own);
      part.set(value, run * value.length);
      parts[level]?.set(name, part);
      if (name === bodyNames.frozen) freeze(column, value);
    }
  }
  return { frozen: values, parts };
}

/** Where the elements of some columns lie in x, in the order of its dimensions. */
function places({ inputs: [x], attrs }: NodeOf<"feedback">, first: number, size: number): Int32Array {
  const along = strides(x.type.dims);
  const dims = x.type.dims.map((dim) => (dim.name === attrs.along ? { ...dim, size } : dim));
  return offsets(dims, along).map((place) => place + first * (along.get(attrs.along) ?? 0));
}

/** Puts a column in its place among the values, and takes its error from all later ones. */
function freezing(node: NodeOf<"feedback">, values: Float64Array, u: Float64Array) {
  const { along, across, levels } = node.attrs;
  const [x, factor] = node.inputs;
  const columns = columnsOf(levels, -1);
  const ofColumn = Array.from({ length: columns }, (_, column) => places(node, column, 1));
  const [down = NaN, right = NaN] = [along, across].map((name) => strides(factor.type.dims).get(name));
  const type = levels.at(-1)?.body.outputs.find(({ name }) => name === bodyNames.frozen)?.node.type;
  const inOrder = offsets(dimsOfRun(x.type.dims, along, []), strides(type?.dims ?? []));
  const errors = new Float64Array(inOrder.length);
  const take = (column: number, later: number): void => {
    const share = u[column * down + later * right] ?? NaN;
    for (const [i, place] of (ofColumn[later] ?? []).entries())
      values[place] = (values[place] ?? NaN) - (errors[i] ?? NaN) * share;
  };
  return (column: number, frozen: Float64Array): void => {
    const pivot = u[column * (down + right)] ?? NaN;
    for (const [i, place] of (ofColumn[column] ?? []).entries()) {
      const q = frozen[inOrder[i] ?? 0] ?? NaN;
      errors[i] = ((values[place] ?? NaN) - q) / pivot;
      values[place] = q;
    }
    for (let later = column + 1; later < columns; later++) take(column, later);
  };
}
