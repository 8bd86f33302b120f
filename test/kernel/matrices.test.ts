import * as assert from "uvu/assert";
import { type Family, families } from "../../compiler/schedule/family.ts";
import { suite } from "../harness/suite.ts";
import { draws, type Random, randomOf, seed } from "../ops/random.ts";
import { type Bench, openBench } from "../ops/run.ts";
import { type Case, type Sketch, sketch } from "../ops/sketch.ts";

const triangle = { rows: "row", columns: "column" } as const;
const u = 2 ** -24;

let bench: Promise<Bench> | undefined;

/** The outputs y0, y1 … of the case. */
async function outputsOf(made: Case, family: Family): Promise<readonly Float64Array[]> {
  bench ??= openBench();
  const { outputs } = await (await bench).run(made, family);
  return [...outputs.values()];
}

/** A case of these matrices, one after the other: Cholesky's factor, and the inverse of that or of the matrices themselves. */
function caseOf(
  size: number,
  matrices: readonly Float64Array[],
  make: (s: Sketch, x: ReturnType<Sketch["input"]>) => readonly ReturnType<Sketch["input"]>[],
): Case {
  const s = sketch(randomOf("matrices"));
  const x = s.input({ layer: matrices.length, row: size, column: size });
  const values = matrices.flatMap((matrix) => [...matrix]);
  return { ...s.case(...make(s, x)), inputs: new Map([["x0", Float64Array.from(values)]]) };
}

const factored = (s: Sketch, x: ReturnType<Sketch["input"]>) => {
  const factor = s.make("cholesky", [x], triangle);
  return [factor, s.make("triangularInverse", [factor], triangle)];
};

/** d · (g · gᵀ + ridge) · d, of few columns g: as badly conditioned as the ridge is small, as badly scaled as `span` is large. */
function definite(
  random: Random,
  size: number,
  { ridge, span, scale }: { ridge: number; span: number; scale: number },
): Float64Array {
  const columns = 8;
  const g = Array.from({ length: size }, () => Array.from({ length: columns }, () => draws.normal(random)));
  const d = Array.from({ length: size }, () => scale * 10 ** (span * random.unit()));
  return Float64Array.from({ length: size * size }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size];
    const sum = g[i]?.reduce((total, x, k) => total + x * (g[j]?.[k] ?? NaN), i === j ? ridge : 0);
    return Math.fround((sum ?? NaN) * (d[i] ?? NaN) * (d[j] ?? NaN));
  });
}

const kinds = {
  "well conditioned": { ridge: 10, span: 0, scale: 1 },
  "badly conditioned": { ridge: 1e-2, span: 0, scale: 1e5 },
  "badly scaled": { ridge: 1, span: 3, scale: 1e-7 },
};

type Vector = Float64Array;

const norm = (x: Vector): number => Math.hypot(...x);

/** The matrix times a vector, or its transpose. */
function times(matrix: Float64Array, x: Vector, isTransposed = false): Vector {
  const size = x.length;
  const result = new Float64Array(size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) {
      const [to, from] = isTransposed ? [j, i] : [i, j];
      result[to] = (result[to] ?? NaN) + (matrix[i * size + j] ?? NaN) * (x[from] ?? NaN);
    }
  return result;
}

const less = (a: Vector, b: Vector): Vector => a.map((value, i) => value - (b[i] ?? NaN));

/** What a matrix makes of random vectors is on average as long as its norm (Frobenius'). */
function normOf(apply: (x: Vector) => Vector, size: number, random: Random): number {
  const vectors = Array.from({ length: 4 }, () => Float64Array.from({ length: size }, () => draws.normal(random)));
  return norm(Float64Array.from(vectors, (x) => norm(apply(x)))) / 2;
}

/** Asks for the backward errors that rounding alone makes: ‖LLᵀ - H‖ ≤ c·n·u·‖H‖, ‖LX - 1‖ ≤ c·n·u·‖L‖‖X‖. */
function checkBackward(
  size: number,
  [h, l, x]: readonly [Float64Array, Float64Array, Float64Array],
  random: Random,
): void {
  const bound = 4 * (size + 4) * u;
  const of = (apply: (v: Vector) => Vector): number => normOf(apply, size, random);
  const factor = of((v) => less(times(l, times(l, v, true)), times(h, v))) / of((v) => times(h, v));
  assert.ok(factor <= bound, `${size}: the factor is ${factor} off, at most ${bound}`);
  const sides = of((v) => times(l, v)) * of((v) => times(x, v));
  const inverse = of((v) => less(times(l, times(x, v)), v)) / sides;
  assert.ok(inverse <= bound, `${size}: the inverse is ${inverse} off, at most ${bound}`);
}

async function compare(size: number, family: Family): Promise<void> {
  const random = randomOf(`${size}`);
  const matrices = (size > 300 ? [kinds["badly conditioned"]] : Object.values(kinds)).map((kind) =>
    definite(random, size, kind),
  );
  const [factors, inverses] = await outputsOf(caseOf(size, matrices, factored), family);
  for (const [i, h] of matrices.entries()) {
    const of = (all: Float64Array | undefined): Float64Array =>
      (all ?? new Float64Array()).subarray(i * size ** 2, (i + 1) * size ** 2);
    checkBackward(size, [h, of(factors), of(inverses)], random);
  }
}

/** Of whole numbers, so that nothing rounds: a lower triangle with ones on its diagonal and few others. */
function wholeTriangle(size: number, random: Random): Float64Array {
  return Float64Array.from({ length: size ** 2 }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size];
    return j > i ? 0 : i === j ? random.integer(1, 2) : random.unit() < 2 / size ? random.integer(-1, 1) : 0;
  });
}

const square = (size: number, l: Float64Array): Float64Array =>
  Float64Array.from({ length: size ** 2 }, (_, at) => {
    const [i, j] = [Math.floor(at / size) * size, (at % size) * size];
    let sum = 0;
    for (let k = 0; k < size; k++) sum += (l[i + k] ?? NaN) * (l[j + k] ?? NaN);
    return sum;
  });

for (const family of families)
  suite(`matrices, ${family} schedules, LCOMP_SEED=${seed}`, ({ test }) => {
    for (const size of [1, 2, 31, 32, 33, 64, 100])
      test(`factors and inverses of size ${size}`, () => compare(size, family), "swiftshader");
    for (const size of [172, 257, 576, 1024]) test(`factors and inverses of size ${size}`, () => compare(size, family));

    test(
      "from the first pivot on that is not positive columns are 0, and so are the inverse's rows",
      async () => {
        const random = randomOf("pivots");
        const size = 75;
        for (const [failing, pivot] of [
          [0, 0],
          [20, -1],
          [43, NaN],
          [44, 0],
          [74, Infinity],
          [0, 2 ** -140],
        ] as const) {
          const l = wholeTriangle(size, random);
          const h = square(size, l);
          const own = l.slice(failing * size, failing * size + failing).reduce((sum, x) => sum + x * x, 0);
          h[failing * size + failing] = own + pivot;
          const [factor, inverse] = await outputsOf(caseOf(size, [h], factored), family);
          const expected = l.map((x, at) => (at % size >= failing ? 0 : x));
          assert.equal(
            factor?.findIndex((x, at) => x !== expected[at]),
            -1,
            `${pivot} at ${failing}`,
          );
          for (let i = 0; i < size ** 2; i++)
            if (Math.floor(i / size) >= failing) assert.is(Math.abs(inverse?.[i] ?? NaN), 0, `${i}`);
        }
      },
      "swiftshader",
    );

    test("what lies above the diagonal is not read", async () => {
      const random = randomOf("above");
      const size = 70;
      const h = definite(random, size, kinds["well conditioned"]);
      const hidden = h.map((x, at) => (at % size > Math.floor(at / size) ? NaN : x));
      const both = (s: Sketch, x: ReturnType<Sketch["input"]>) => [
        s.make("cholesky", [x], triangle),
        s.make("triangularInverse", [x], triangle),
      ];
      assert.equal(
        await outputsOf(caseOf(size, [hidden], both), family),
        await outputsOf(caseOf(size, [h], both), family),
      );
    });
  });
