/** `repeat`: rounds, what is kept of them, and what they cost. What is refused: test/golden/errors. */
import * as assert from "uvu/assert";
import { check } from "../../compiler/check.ts";
import { suite } from "../harness/suite.ts";
import { hostWith, problemsOf, run } from "./run.ts";

function gives(expected: string, source: string, inputs: Parameters<typeof run>[1] = {}): void {
  assert.equal(problemsOf(source), []);
  assert.is(run(source, inputs), expected);
}

suite("language: repeat", ({ test }) => {
  test("each round makes the record of the one before, whose fields are names", () => {
    gives("x: f32[row: 2] 8 16", "fn f(a: f32[row: 2]) = repeat 3 from { x: a } { { x: 2 * x } }");
    gives("x: f32[row: 2] 1 2", "fn f(a: f32[row: 2]) = repeat 0 from { x: a } { { x: 2 * x } }");
    gives(
      "f32[row: 2] 2 6",
      "fn f(a: f32[row: 2]) {\n  let r = repeat 2 from { x: a, i: 1 } {\n    let y = x * i\n    { x: y, i: i + 1 }\n  }\n  r.x * (r.i - 2) + index(row) * 2\n}",
    );
  });

  test("fields may be records, and a number that is known before the run counts", () => {
    const body = "repeat 4 from { at: { x: a, n: 0 } } { { at: { x: at.x + at.n, n: at.n + 1 } } }";
    gives("f32[row: 2] 7 8", `fn f(a: f32[row: 2]) {\n  let r = ${body}\n  r.at.x\n}`);
  });

  test("the least error of all keeps, that of the start among them, of equals the first", () => {
    const away = (from: number) =>
      `fn f(a: f32[row: 2]) = repeat 4 from { x: a - ${from}, i: 0 } keeping least sum(abs(x), over row) { { x: x + 1, i: i + 1 } }`;
    gives("x: f32[row: 2] -1 0\ni: f32 1", away(3));
    gives("x: f32[row: 2] 2 3\ni: f32 0", away(-1));
  });

  test("an error with dimensions keeps for each of them", () => {
    const source =
      "fn f(a: f32[row: 2, col: 2]) = repeat 5 from { x: a, i: 0 } keeping least abs(sum(x, over col) - 8) { { x: x + 1, i: i + 1 } }";
    gives("x: f32[row: 2, col: 2] 3.5 4.5 3.5 4.5\ni: f32[row: 2] 2 0", source, { a: [1.5, 2.5, 3.5, 4.5] });
  });

  test("a NaN is worse than all others", () => {
    const source = (e: string) => `fn f(a: f32[row: 1]) = repeat 3 from { x: a } keeping least ${e} { { x: x + 1 } }`;
    gives("x: f32[row: 1] 1", source("sqrt(x - 1)"), { a: [-1] });
    gives("x: f32[row: 1] 0", source("-sqrt(-x)"), { a: [0] });
  });

  test("what is made in a round has its names there alone, and sizes of its own only within a round's scope", () => {
    const body = "let parts = split(x, row -> (cell: 2, lane))\n    { x: merge(parts / 2, (cell, lane) -> row) }";
    gives("x: f32[row: 4] 0.25 0.5 0.75 1", `fn f(a: f32[row: 4]) {\n  repeat 2 from { x: a } {\n    ${body}\n  }\n}`);
  });

  test("a round costs as much as its expressions, however many there are", () => {
    const evaluations = (rounds: number): number => {
      const source = `fn f(a: f32[row]) = repeat ${rounds} from { x: a } keeping least sum(abs(x), over row) { { x: sin(x) / 2 } }`;
      return check(hostWith({ "own.lcomp": source }), "own.lcomp").artifact?.context.work.evaluations ?? Number.NaN;
    };
    const [none, some, many] = [0, 500, 1000].map(evaluations) as [number, number, number];
    assert.is(many - some, some - none);
  });

  test("without a model, one round is checked for any number of rounds", () => {
    assert.equal(problemsOf("fn f(a: f32[row], n: Int) = repeat n from { x: a } { { x: x + b } }"), ["unknown-name"]);
    assert.equal(problemsOf('fn f(a: f32[row], n: Int) = repeat n from { x: a } { { x: refuse("no") } }'), []);
  });
});
