/** What `feedback` means: small sweeps by the interpreter. What is refused: test/golden/errors/sweeps. */
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { problemsOf, run } from "./run.ts";

const given = { u: [1, 0.5, 0.25, 0, 9, 1, 0.5, 0.25, 9, 9, 1, 0.5, 9, 9, 9, 2] };

/** What a function of w: f32[out: 2, in: 4] and u: f32[in, in'] gives. */
function swept(body: string, w: readonly number[] = [1.4, 2.6, 3, 4.2, -1, 0, 0.5, 7]): string {
  const source = `fn f(w: f32[out: 2, in: 4], u: f32[in, in': 4], gain: f32[in], gains: f32[block: 2], lanes: f32[lane: 2], z: f32[some: 3]) = ${body}`;
  assert.equal(problemsOf(source), []);
  return run(source, { ...given, w, gain: [1, 2, 3, 4], gains: [10, 20] });
}

/** The columns of two rows, each rounded, and what that leaves taken from the others. */
function byHand(w: readonly number[], freeze: (x: number, column: number, row: number) => number): number[] {
  const rows = [w.slice(0, 4), w.slice(4)];
  const u = (row: number, column: number): number => given.u[4 * row + column] ?? Number.NaN;
  for (const [at, row] of rows.entries())
    for (let j = 0; j < 4; j++) {
      const value = row[j] ?? Number.NaN;
      const frozen = freeze(value, j, at);
      row[j] = frozen;
      for (let k = j + 1; k < 4; k++) row[k] = (row[k] ?? Number.NaN) - ((value - frozen) / u(j, j)) * u(j, k);
    }
  return rows.flat();
}

const shown = (values: readonly number[]): string => values.map((x) => Number(x.toPrecision(6))).join(" ");

suite("language: sweeps", ({ test }) => {
  test("a column takes what is frozen, and what that leaves is taken from the columns after it", () => {
    const w = [1.4, 2.6, 3, 4.2, -1, 0.3, 0.5, 7];
    const found = swept("feedback w through u along in { each in as c { freeze 2 * floor(c / 2) } }", w);
    assert.is(found, `f32[out: 2, in: 4] ${shown(byHand(w, (x) => 2 * Math.floor(x / 2)))}`);
  });

  test("a column that holds no number keeps it, and all after it have none", () => {
    const w = [1, Number.POSITIVE_INFINITY, 3, 4, -1, 0.3, 0.5, 7];
    const found = swept("feedback w through u along in { each in as c { freeze min(c, 2) } }", w);
    const [, ...row] = byHand(w.slice(4).concat(w.slice(4)), (x) => Math.min(x, 2)).slice(3);
    assert.is(found, `f32[out: 2, in: 4] 1 Infinity NaN NaN ${shown(row)}`);
  });

  test("what runs along the columns is read at the position: of the whole, of a level, of what a level has bound", () => {
    const w = [1.4, 2.6, 3, 4.2, -1, 0.3, 0.5, 7];
    const found = swept("feedback w through u along in { each in as c { freeze gain + index(in) * c / gain } }", w);
    assert.is(found, `f32[out: 2, in: 4] ${shown(byHand(w, (x, j) => j + 1 + (j * x) / (j + 1)))}`);
    const levels = swept(
      `feedback w through u along in = (block, lane: 2) {
        each block as b { let sums = gain + gains  let place = index(block) }
        each lane as c { let mine = gain * gains  freeze c - c + sums + place * 100 + mine * 1000 + index(lane) * 0.5 }
      }`,
      w,
    );
    const expected = (j: number): number => {
      const [block, gains] = [Math.floor(j / 2), [10, 20][Math.floor(j / 2)] ?? Number.NaN];
      return j + 1 + gains + block * 100 + (j + 1) * gains * 1000 + (j % 2) * 0.5;
    };
    assert.is(levels, `f32[out: 2, in: 4] ${shown(byHand(w, (_, j) => expected(j)))}`);
  });

  test("the body of a level sees its run when that is reached, and what it binds is one more dimension behind `then`", () => {
    const levels = (then: string): string =>
      swept(`feedback w through u along in = (block, lane: 2) {
        each block as b { let grid = { top: max(abs(b), over lane), names: { low: min(b, over lane) } } }
        each lane as c { let code = round(c / grid.top)  freeze grid.top * code + 0 * grid.names.low }
      } ${then}`);
    assert.is(levels("then grid.top"), "f32[block: 2, out: 2] 2.6 1 4.05 7");
    assert.is(levels("then code"), "f32[block: 2, lane: 2, out: 2] 1 -1 1 0 1 0 1 1");
    assert.is(levels("then sum(grid.names.low, over (block, out))"), "f32 3.9");
    assert.match(levels(""), /^f32\[out: 2, in: 4\] 2.6 2.6 /);
  });

  test("there may be one level or many, and runs of one column", () => {
    const single = swept("feedback w through u along in { each in as c { freeze round(c) } }");
    for (const levels of [
      "in = (column) { each column as c { freeze round(c) } }",
      "in = (a, b: 1) { each a as run { } each b as c { freeze round(c) } }",
      "in = (a: 2, b: 2, c) { each a as x { } each b as y { let z = max(y, over c) } each c as d { freeze round(d) } }",
    ])
      assert.is(swept(`feedback w through u along ${levels}`), single);
  });

  test("equal sweeps are one, and sweeps that differ in a body are two", () => {
    const half = (by: number): string => `(feedback w through u along in { each in as c { freeze ${by} * round(c) } })`;
    assert.match(swept(`${half(1)} - ${half(1)}`), / 0 0 0 0 0 0 0 0$/);
    assert.not.match(swept(`${half(1)} - ${half(2)}`), / 0 0 0 0 0 0 0 0$/);
  });

  test("truth values, whole numbers and what a position does not decide are bound as all else is", () => {
    const bound = swept(`feedback w through u along in = (block, lane: 2) {
      each block as b { let kept = best(abs(b), 1, over lane)  let many = sum(f32(z > 1), over some)  let n = 3 }
      each lane as c { freeze c where kept else c * n }
    } then { kept, many, n }`);
    assert.is(bound, "kept: bool[block: 2, out: 2, lane: 2] 0 1 1 0 0 1 0 1\nmany: f32[block: 2] 2 2\nn: 3");
  });

  test("for all sizes the same is said as for some", () => {
    const body = (n: string): string => `feedback w through u along in = (block, lane: ${n}) {
      each block as b { let top = max(abs(b), over lane) }
      each lane as c { freeze top * round(c / top) }
    }`;
    assert.equal(problemsOf(`fn f(w: f32[out, in], u: f32[in, in'], n: Int) = ${body("n")}`), []);
    assert.equal(problemsOf(`fn f(w: f32[out, in], u: f32[in, in'], n: Int) = ${body("n").replace("(c /", "(b /")}`), [
      "unknown-name",
    ]);
  });
});
