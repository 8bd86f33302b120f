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

/** A symmetric matrix that has a factor by far. */
export function definite(seed: number, size: number): Values {
  const { shape, values } = random(seed, size, size);
  const of = (row: number, column: number): number => values[row * size + column] ?? Number.NaN;
  const made = values.map((_, i) => {
    const [row, column] = [Math.floor(i / size), i % size];
    return row === column ? size : (of(row, column) + of(column, row)) / 2;
  });
  return { shape, values: made };
}

/** A matrix with its rows as columns. */
export function transposed({ shape: [rows = 1, columns = 1], values }: Values): Values {
  const turned = Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)] ?? 0);
  return { shape: [columns, rows], values: turned };
}
