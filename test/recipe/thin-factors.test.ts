/** Methods that make thin factors, on the layer of the oracles. */

import { readFile } from "node:fs/promises";
import * as assert from "uvu/assert";
import { slotNames } from "../../compiler/graph/slots.ts";
import { number } from "../../compiler/language/number.ts";
import type { Value } from "../../compiler/language/value.ts";
import { suite } from "../harness/suite.ts";
import { areThere, closeShared, columns, compressed, type Named, numbersIn, rows, shared } from "./oracle-layer.ts";

interface Recorded {
  readonly whitened: Readonly<Record<"cholesky" | "root", readonly [found: number, rest: number]>>;
  readonly asvd: number;
  readonly lqer: readonly [coded: number, mended: number];
  readonly swept: Readonly<Record<string, number>>;
  readonly caldera: Readonly<Record<string, readonly number[]>>;
  /** Of the points of E8 that are nearest to the matrix, and the first numbers of its first row. */
  readonly e8p: { readonly nearest: number; readonly row: readonly number[] };
}

/** Of factors, by the bits of what they are added to, as the script has them. */
const factorBits = { 2: 4, 3: 8 } as const;

const recorded = JSON.parse(await readFile(new URL("../peers/low_rank.json", import.meta.url), "utf8")) as Recorded;

type Fields = ReadonlyMap<string, Float64Array>;

const field = (fields: Fields, name: string): Float64Array =>
  fields.get(slotNames.field(slotNames.result, name)) ?? new Float64Array();

/** Rows of codes with a scale and a zero point for each run. */
function affine(fields: Fields, name: string): Float64Array {
  const [code, scale, zero] = ["code", "scale", "zero"].map((own) => field(fields, `${name}.${own}`)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const every = code.length / scale.length;
  return code.map((x, i) => (scale[Math.floor(i / every)] ?? NaN) * (x - (zero[Math.floor(i / every)] ?? NaN)));
}

/** Points of E8 by the tables beside them, eight numbers at once. */
function points(fields: Fields, before = ""): Float64Array {
  const [point, signs, scale, table] = ["point", "signs", "scale", "table"].map((own) =>
    field(fields, before + own),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  const ones = (n: number): number => (n === 0 ? 0 : (n % 2) + ones(Math.floor(n / 2)));
  return Float64Array.from({ length: rows * columns }, (_, i) => {
    const [block, lane] = [Math.floor(i / 8), i % 8];
    const bits = signs[block] ?? NaN;
    const isDown = ones(bits) % 2;
    const isTurned = (Math.floor(bits / 2 ** lane) + (lane === 0 ? isDown : 0)) % 2;
    const half = (table[8 * (point[block] ?? NaN) + lane] ?? NaN) - 2.5;
    return (scale[Math.floor(i / columns)] ?? NaN) * ((isTurned ? -half : half) + (isDown ? -0.25 : 0.25));
  });
}

/** left · right, where both lie by rows of thin vectors. */
function product(left: Float64Array, right: Float64Array): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let k = 0; k < left.length / rows; k++)
    for (let i = 0; i < rows; i++) {
      const x = left[k * rows + i] ?? NaN;
      for (let j = 0; j < columns; j++)
        result[i * columns + j] = (result[i * columns + j] ?? NaN) + x * (right[k * columns + j] ?? NaN);
    }
  return result;
}

/** The best matrix of rank 64, by a decomposition of all of it. */
const exact = `
import { dot } from "std/nn"
method exact() on linear(w: f32[out, in], x: f32[sample, token, in]) from dense {
  observe h = mean(x * rename(x, in -> in'), over (sample, token))
  let left = most(w, h)
  dot(left, dot(left, w, over out), over thin)
}

fn most(w: f32[out, in], h: f32[in, in': size(in)]) -> f32[out, thin] {
  let seen = dot(h, rename(w, in -> in'), over in')
  let moment = dot(rename(w, out -> out'), seen, over in)
  eigenvectors(moment, rows: out, columns: out')[out': size(out') - 1 - index(thin: 64)]
}
`;

/** The matrix, larger by how far columns that hardly differ are from orthonormal once they are made so. */
const alike = `
import { dot } from "std/nn"
import { orthonormal } from "std/matrices"
method alike() on linear(w: f32[out, in]) {
  let column = index(column: 64)
  let basis = orthonormal(1 + 2^-10 * normal(0, over (out, column)))
  let off = dot(basis, rename(basis, column -> row), over out) - f32(index(column) == index(row: 64))
  w * (1 + norm(off, over (row, column)))
}
`;

/** The upper triangle of the first 64 columns, in the first places of the matrix. */
const triangle = `
import { orthonormal, qr_factor } from "std/matrices"
method triangle() on linear(w: f32[out, in]) {
  let x = w[in: 0 .. 64 as column]
  let r = qr_factor(x, rename(orthonormal(x), column -> row))
  r[row: min(index(out), 63)][column: min(index(in), 63)]
}
`;

/** The same by Gram and Schmidt, in float64: row by row. */
function triangleOf(w: Float64Array): readonly (readonly number[])[] {
  const x = Array.from({ length: 64 }, (_, j) => Array.from({ length: rows }, (_, i) => w[i * columns + j] ?? NaN));
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((all, y, i) => all + y * (b[i] ?? NaN), 0);
  const r: number[][] = [];
  for (let k = 0; k < 64; k++) {
    const own = x[k] ?? [];
    const length = Math.sqrt(dot(own, own));
    const q = own.map((y) => y / length);
    r.push(x.map((column, j) => (j < k ? 0 : dot(q, column))));
    for (let j = k + 1; j < 64; j++) x[j] = (x[j] ?? []).map((y, i) => y - (r[k]?.[j] ?? NaN) * (q[i] ?? NaN));
  }
  return r;
}

const sum = (a: Float64Array, b: Float64Array): Float64Array => a.map((x, i) => x + (b[i] ?? NaN));

async function errorOf(
  method: Named,
  given: Readonly<Record<string, number>>,
  weight: (fields: Fields) => Float64Array,
): Promise<number> {
  const values = new Map<string, Value>(Object.entries(given).map(([name, value]) => [name, number(value)]));
  const { layer } = await shared();
  return layer.outputError(weight(await compressed(method, values)));
}

/** The whole numbers of which a share of the layer's numbers is thin factors of rank 64. */
const share = (64 * (rows + columns)) / (rows * columns) + 1e-6;
const ofFactors = (fields: Fields): Float64Array => product(field(fields, "left"), field(fields, "right"));
const ofMended = (fields: Fields): Float64Array =>
  sum(affine(fields, "q"), product(field(fields, "left.value"), field(fields, "right.value")));
const ofCoded = (fields: Fields): Float64Array =>
  sum(affine(fields, "q"), product(affine(fields, "left"), affine(fields, "right")));

const ofPoints = (fields: Fields): Float64Array =>
  sum(points(fields, "q."), product(affine(fields, "left"), affine(fields, "right")));

function isNear(found: number, expected: number, off = 0.01): void {
  assert.ok(Math.abs(found - expected) <= off * expected, `${found}, not ${expected}`);
}

suite("thin factors", ({ test, skip }) => {
  const all: readonly (readonly [string, () => Promise<void>])[] = [
    [
      "SVD-LLM leaves what the truncated values leave, whichever root of the moment they are of",
      async () => {
        const { cholesky, root } = recorded.whitened;
        for (const [found, rest] of [cholesky, root]) isNear(found, rest, 1e-9);
        isNear(await errorOf({ module: "std/lowrank/svd_llm", name: "svd_llm" }, { share }, ofFactors), root[1], 1e-3);
      },
    ],
    [
      "the eigenvectors of what it iterates on leave as little",
      async () => {
        const method = { module: "exact", name: "exact", text: exact };
        isNear(
          await errorOf(method, {}, (fields) => fields.get(slotNames.result) ?? new Float64Array()),
          recorded.whitened.root[1],
          1e-3,
        );
      },
    ],
    [
      "columns that hardly differ become orthonormal",
      async () => {
        const method = { module: "alike", name: "alike", text: alike };
        const found = await errorOf(method, {}, (fields) => fields.get(slotNames.result) ?? new Float64Array());
        assert.ok(found < 1e-3, `${found}`);
      },
    ],
    [
      "the upper factor of columns is that of float64",
      async () => {
        const found = (await compressed({ module: "triangle", name: "triangle", text: triangle }, new Map())).get(
          slotNames.result,
        );
        const r = triangleOf(await numbersIn("case0", "W"));
        const most = Math.max(...r.map((row, k) => row[k] ?? NaN));
        for (const [k, row] of r.entries())
          for (const [j, expected] of row.entries())
            assert.ok(Math.abs((found?.[k * columns + j] ?? NaN) - expected) < 1e-5 * most, `${k}, ${j}`);
      },
    ],
    [
      "ASVD is within 1 % of NumPy's",
      async () =>
        isNear(
          await errorOf({ module: "std/lowrank/asvd", name: "asvd" }, { share, power: 0.5 }, ofFactors),
          recorded.asvd,
        ),
    ],
    [
      "LQER is within 1 % of NumPy's",
      async () => {
        const given = { bits: 3, every: 64, rank: 32 };
        isNear(await errorOf({ module: "std/lowrank/lqer", name: "lqer" }, given, ofMended), recorded.lqer[1]);
      },
    ],
    ...([2, 3] as const).map(
      (bits) =>
        [
          `CALDERA of ${bits} bits is within 1 % of NumPy's, and keeps the best of its rounds`,
          async () => {
            const errors = recorded.caldera[bits] ?? [];
            const found: number[] = [];
            for (const rounds of [1, errors.length / 2]) {
              const given = { bits, every: 64, rank: 32, factor_bits: factorBits[bits], rounds, damp: 0.01 };
              found.push(await errorOf({ module: "std/lowrank/caldera", name: "caldera" }, given, ofCoded));
              isNear(found.at(-1) ?? NaN, Math.min(...errors.slice(0, 2 * rounds)));
            }
            for (const [i, error] of found.entries()) assert.ok(i === 0 || error <= (found[i - 1] ?? 0) * (1 + 1e-6));
          },
        ] as const,
    ),
    [
      "points of E8 are those that NumPy finds nearest of all 65536",
      async () => {
        const { layer } = await shared();
        const made = points(await compressed({ module: "std/quantize/e8p", name: "e8p" }, new Map()));
        assert.ok(recorded.e8p.row.every((x, i) => Math.abs((made[i] ?? NaN) - x) < 1e-9));
        isNear(layer.outputError(made), recorded.e8p.nearest, 1e-4);
      },
    ],
    [
      "CALDERA with points of E8 is within 1 % of NumPy's, and nearer than with affine codes of as many bits",
      async () => {
        const given = { every: 64, rank: 32, factor_bits: 8, rounds: 2, damp: 0.01 };
        const found = await errorOf({ module: "std/lowrank/caldera", name: "caldera_e8p" }, given, ofPoints);
        isNear(found, Math.min(...(recorded.caldera["e8p"] ?? [])));
        assert.ok(found < 0.8 * Math.min(...(recorded.caldera[2] ?? [])));
      },
    ],
  ];
  for (const [title, run] of all)
    if (areThere) test(title, run);
    else skip(title, "../shared is absent");
  test("the device closes", closeShared);
});
