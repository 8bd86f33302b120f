/** What sweeps and their factors are otherwise: conditional variances, inverses, and LDLQ in the opposite order. */
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { problemsOf, run } from "../language/run.ts";
import { draws, randomOf } from "../ops/random.ts";

const [rows, columns] = [6, 14];
const random = randomOf("sweeps");

type Matrix = readonly (readonly number[])[];

const at = (x: Matrix, i: number, j: number): number => x[i]?.[j] ?? Number.NaN;
const matrix = (height: number, width: number, of: (i: number, j: number) => number): Matrix =>
  Array.from({ length: height }, (_, i) => Array.from({ length: width }, (_, j) => of(i, j)));
const sum = (many: number, of: (k: number) => number): number =>
  Array.from({ length: many }, (_, k) => of(k)).reduce((a, b) => a + b, 0);

const common = Array.from({ length: 3 * columns }, () => draws.normal(random));
const x = matrix(3 * columns, columns, (t) => (common[t] ?? Number.NaN) + 0.5 * draws.normal(random));
const h = matrix(columns, columns, (i, j) => Math.fround(sum(3 * columns, (t) => at(x, t, i) * at(x, t, j))));
const w = matrix(rows, columns, () => Math.fround(2 * draws.normal(random)));

/** Gauss & Jordan, of a positive definite matrix. */
function inverseOf(a: Matrix): Matrix {
  const size = a.length;
  const work = a.map((row, i) => [...row, ...row.map((_, j) => Number(i === j))]);
  for (const [k, pivot] of work.entries()) {
    const scale = at(work, k, k);
    for (const [j, value] of pivot.entries()) pivot[j] = value / scale;
    for (const [i, row] of work.entries()) {
      const factor = i === k ? 0 : at(work, i, k);
      for (const [j, value] of row.entries()) row[j] = value - factor * at(work, k, j);
    }
  }
  return work.map((row) => row.slice(size));
}

/** The lower triangle l for which a = l · lᵀ. */
function factorOf(a: Matrix): Matrix {
  const l = matrix(a.length, a.length, () => 0).map((row) => [...row]);
  for (const [i, row] of l.entries())
    for (let j = 0; j <= i; j++) {
      const rest = at(a, i, j) - sum(j, (k) => at(l, i, k) * at(l, j, k));
      row[j] = i === j ? Math.sqrt(rest) : rest / at(l, j, j);
    }
  return l;
}

/** What a function gives of w: f32[out, in] and h: f32[in, in'], row by row. */
function given(body: string): Matrix {
  const source = `import { inverse_factor } from "std/second_order"

fn f(w: f32[out: ${rows}, in: ${columns}], h: f32[in, in': ${columns}]) = ${body}`;
  assert.equal(problemsOf(source), []);
  const [, ...numbers] = run(source, { w: w.flat(), h: h.flat() }).split("] ");
  const values = numbers.join("").split(" ").map(Number);
  return matrix(values.length / columns, columns, (i, j) => values[i * columns + j] ?? Number.NaN);
}

const isNear = (a: Matrix, b: Matrix): boolean =>
  a.every((row, i) => row.every((value, j) => Math.abs(value - at(b, i, j)) <= 1e-4 * (1e-2 + Math.abs(at(b, i, j)))));

/** To the nearest quarter. */
const quarter = (value: number): number => Math.round(4 * value) / 4;

/** Column blocks of one, last to first: each is given what those after it have left, by the unit factor of h. Chee et al., 2023, arXiv:2307.13304 */
function ldlq(of: Matrix, moment: Matrix): Matrix {
  const factor = factorOf(moment);
  const unit = (i: number, j: number): number => at(factor, i, j) / at(factor, j, j);
  const made = of.map((row) => [...row]);
  for (let k = columns - 1; k >= 0; k--)
    for (const [i, row] of made.entries()) {
      const left = sum(columns - 1 - k, (n) => (at(of, i, k + 1 + n) - at(made, i, k + 1 + n)) * unit(k + 1 + n, k));
      row[k] = quarter(at(of, i, k) + left);
    }
  return made;
}

suite("identities of sweeps", ({ test }) => {
  const u = given("inverse_factor(h, 0%)");
  const inverse = inverseOf(h);

  test("the factor is upper, and the inverse is its transpose times itself", () => {
    assert.ok(u.every((row, i) => row.every((value, j) => j >= i || value === 0)));
    assert.ok(
      isNear(
        matrix(columns, columns, (i, j) => sum(columns, (k) => at(u, k, i) * at(u, k, j))),
        inverse,
      ),
    );
  });

  test("the square of its diagonal is what is left of a column's variance, given those after it", () => {
    const squares = u.map((row, j) => [(row[j] ?? Number.NaN) ** 2]);
    const left = u.map((_, j) => [at(inverseOf(h.slice(j).map((row) => row.slice(j))), 0, 0)]);
    assert.ok(isNear(squares, left));
  });

  test("rounding in order is LDLQ on reversed columns", () => {
    const swept = given(
      "feedback w through inverse_factor(h, 0%) along in { each in as c { freeze round(4 * c) / 4 } }",
    );
    const reversed = (of: Matrix): Matrix => of.map((row) => row.toReversed());
    assert.equal(swept, reversed(ldlq(reversed(w), reversed(h).toReversed())));
    assert.not.equal(swept, ldlq(w, h));
  });

  test("a sweep loses less of what the moment sees than rounding by itself", () => {
    const loss = (made: Matrix): number =>
      sum(rows, (r) =>
        sum(columns, (i) =>
          sum(columns, (j) => (at(w, r, i) - at(made, r, i)) * at(h, i, j) * (at(w, r, j) - at(made, r, j))),
        ),
      );
    const swept = given(
      "feedback w through inverse_factor(h, 0%) along in { each in as c { freeze round(4 * c) / 4 } }",
    );
    assert.ok(loss(swept) < 0.8 * loss(w.map((row) => row.map(quarter))));
  });
});
