import * as assert from "uvu/assert";
import { type Family, families } from "../../compiler/schedule/family.ts";
import { suite } from "../harness/suite.ts";
import { draws, type Random, randomOf, seed } from "../ops/random.ts";
import { type Bench, openBench } from "../ops/run.ts";
import { sketch } from "../ops/sketch.ts";

const u = 2 ** -24;

let bench: Promise<Bench> | undefined;

/** The eigenvectors of matrices of one size, each row-major. */
async function vectorsOf(size: number, matrices: readonly Float64Array[], family: Family): Promise<Float64Array> {
  const s = sketch(randomOf("eigenvectors"));
  const x = s.input({ matrix: matrices.length, row: size, column: size });
  const made = s.case(s.make("eigenvectors", [x], { rows: "row", columns: "column" }));
  const values = matrices.flatMap((matrix) => [...matrix]);
  bench ??= openBench();
  const { outputs } = await (await bench).run(
    { ...made, inputs: new Map([["x0", Float64Array.from(values)]]) },
    family,
  );
  return outputs.get("y0") ?? new Float64Array();
}

type Draw = (random: Random, size: number) => Float64Array;

const symmetric = (size: number, of: (i: number, j: number) => number): Float64Array => {
  const values = new Float64Array(size ** 2);
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) values[i * size + j] = values[j * size + i] = Math.fround(of(i, j));
  return values;
};

/** What a Gram matrix of so many rows is, whose columns are scaled over some orders of magnitude. */
const gram =
  (rows: (size: number) => number, span: number, scale = 1): Draw =>
  (random, size) => {
    const height = rows(size);
    const lengths = Array.from({ length: size }, () => scale * 10 ** (span * random.unit()));
    const x = lengths.map((length) => Float64Array.from({ length: height }, () => length * draws.normal(random)));
    return symmetric(size, (i, j) => dot(x[i] ?? new Float64Array(), x[j] ?? new Float64Array()));
  };

const kinds = {
  "of any sign": (random, size) => symmetric(size, () => draws.normal(random)),
  "positive definite": gram((size) => 2 * size, 0),
  "of lesser rank": gram((size) => Math.ceil(size / 4), 0),
  "badly scaled": gram((size) => 2 * size, 3, 1e-9),
  large: gram((size) => 2 * size, 1, 1e15),
  "of equal values": (_, size) => symmetric(size, (i, j) => (i === j ? 3 : 0) + 1),
  diagonal: (_, size) => symmetric(size, (i, j) => (i === j ? (i * 7) % 5 : 0)),
  nothing: (_, size) => new Float64Array(size ** 2),
} satisfies Readonly<Record<string, Draw>>;

type Vector = Float64Array;

const dot = (a: Vector, b: Vector): number => a.reduce((sum, x, k) => sum + x * (b[k] ?? NaN), 0);

/** Vᵀ V = 1 and Vᵀ A V = diagonal, ascending, to what rounding alone leaves: c·n·u, and c·n·u·‖A‖. */
function checkVectors(size: number, a: Float64Array, v: Float64Array): void {
  const bound = 4 * (size + 16) * u;
  const rows = Array.from({ length: size }, (_, i) => a.subarray(i * size, (i + 1) * size));
  const columns = rows.map((_, j) => Float64Array.from(rows, (_, i) => v[i * size + j] ?? NaN));
  const norm = Math.hypot(...rows.map((row) => Math.hypot(...row)));
  let last = -Infinity;
  for (const [i, column] of columns.entries()) {
    const image = Float64Array.from(rows, (row) => dot(row, column));
    for (const [j, other] of columns.entries()) {
      const off = Math.abs(dot(column, other) - (i === j ? 1 : 0));
      assert.ok(off <= bound, `vᵀv[${i}, ${j}] is ${off} off`);
      const left = i === j ? 0 : Math.abs(dot(image, other));
      assert.ok(left <= bound * norm, `vᵀav[${i}, ${j}] = ${left} of ${norm}`);
    }
    const value = dot(image, column);
    assert.ok(value >= last - bound * norm, `${value} after ${last}`);
    last = value;
    assert.is(Math.max(...column), Math.max(...column.map(Math.abs)), `column ${i} points down`);
  }
}

async function compare(size: number, family: Family, draw: readonly Draw[]): Promise<void> {
  const random = randomOf(`${size}`);
  const matrices = draw.map((each) => each(random, size));
  const vectors = await vectorsOf(size, matrices, family);
  for (const [i, a] of matrices.entries()) checkVectors(size, a, vectors.subarray(i * size ** 2, (i + 1) * size ** 2));
}

for (const family of families)
  suite(`eigenvectors, ${family} schedules, LCOMP_SEED=${seed}`, ({ test }) => {
    const all = Object.values(kinds);
    test("of matrices of two pairs of blocks", () => compare(33, family, all), "swiftshader");
    for (const size of [1, 2, 65]) test(`of matrices of size ${size}`, () => compare(size, family, all));
    for (const size of [172, 256])
      test(`of matrices of size ${size}`, () => compare(size, family, [kinds["of any sign"], kinds["of lesser rank"]]));

    test(
      "of what holds NaN or infinity they are NaN, of that matrix alone",
      async () => {
        for (const size of [1, 40])
          for (const bad of [NaN, Infinity]) {
            const good = symmetric(size, (i, j) => (i === j ? i + 1 : 0));
            const broken = good.map((x, at) => (at === size ** 2 - 1 ? bad : x));
            const vectors = await vectorsOf(size, [good, broken], family);
            checkVectors(size, good, vectors.subarray(0, size ** 2));
            assert.ok(vectors.subarray(size ** 2).some(Number.isNaN), `${bad} of ${size}`);
          }
      },
      "swiftshader",
    );
  });
