/** Matrices for the benchmark, row-major. */

export interface Values {
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

export type Named = Readonly<Record<string, Values>>;

/** Even between -0.5 and 0.5, the same in each process. */
export function random(seed: number, ...shape: readonly number[]): Values {
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  let state = seed >>> 0;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 32 - 0.5;
  }
  return { shape, values };
}

/** A matrix with its rows as columns. */
export function transposed({ shape: [rows = 1, columns = 1], values }: Values): Values {
  const turned = Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)] ?? 0);
  return { shape: [columns, rows], values: turned };
}
