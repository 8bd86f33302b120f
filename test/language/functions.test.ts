/** Functions of the language that put in order, count, draw and join. */
import * as assert from "uvu/assert";
import { threefry } from "../../compiler/plan/threefry.ts";
import { suite } from "../harness/suite.ts";
import { problemsOf, run } from "./run.ts";

function gives(expected: string, source: string, inputs: Parameters<typeof run>[1] = {}): void {
  assert.equal(problemsOf(source), []);
  assert.is(run(source, inputs), expected);
}

/** The numbers of what a function gives. */
const numbersOf = (source: string): readonly number[] =>
  run(source)
    .replace(/^[^\]]*\] /, "")
    .split(" ")
    .map(Number);

suite("language: order", ({ test }) => {
  const a = [2, 1, NaN, 2, -1, 1];

  test("places in ascending order, of equals the first first, NaN before all others", () => {
    gives("i32[row: 6] 2 4 1 5 0 3", "fn f(a: f32[row: 6]) = order(a, over row)", { a });
    gives("i32[row: 6] 2 0 3 1 5 4", "fn f(a: f32[row: 6]) = order(-a, over row)", { a });
    gives("f32[row: 6] NaN -1 1 1 2 2", "fn f(a: f32[row: 6]) = sort(a, over row)", { a });
  });

  test("the order of an order says where each comes", () => {
    gives("i32[row: 6] 4 2 0 5 1 3", "fn f(a: f32[row: 6]) = order(order(a, over row), over row)", { a });
  });

  test("best takes another number in each row, as it takes one for all", () => {
    const b = [1, 3, 3, 2, 2, 2];
    const each = "fn f(a: f32[row: 2, col: 3], n: i32[row]) = best(a, n, over col)";
    gives("bool[row: 2, col: 3] 0 0 1 0 1 1", each, { a: b, n: [1, 2] });
    gives("bool[row: 2, col: 3] 0 0 0 1 1 1", each, { a: b, n: [-1, 9] });
    assert.equal(problemsOf("fn f(a: f32[row], n: f32[col]) = best(a, n, over row)"), ["wrong-type"]);
  });

  test("sums of each with all before it", () => {
    for (const size of [1, 2, 3, 8, 13]) {
      const sums = Array.from({ length: size }, (_, i) => ((i + 1) * (i + 2)) / 2);
      gives(`f32[row: ${size}] ${sums.join(" ")}`, `fn f(a: f32[row: ${size}]) = cumsum(a, over row)`);
    }
    gives("i32[row: 2, col: 3] 1 3 6 4 9 15", "fn f(a: i32[row: 2, col: 3]) = cumsum(a, over col)");
    gives("i32[row: 2, col: 3] 1 2 3 5 7 9", "fn f(a: i32[row: 2, col: 3]) = cumsum(a, over row)");
  });
});

suite("language: whole numbers", ({ test }) => {
  test("floor of a quotient of whole numbers is whole, and exact", () => {
    const a = [7, -7, 2147483647, 16777217];
    const exact = (by: number) => a.map((x) => Math.floor(x / by));
    const off = (by: number) => `fn f(a: i32[row: 4], b: i32[row]) = floor(a / ${by}) - b`;
    for (const by of [2, -2, 3, 1000]) gives("i32[row: 4] 0 0 0 0", off(by), { a, b: exact(by) });
    gives("i32[row: 2, col: 3] 6 3 2 1 0 0", "fn f(a: i32[row: 2], b: i32[col: 3]) = floor(a / b)", {
      a: [6, 1],
      b: [1, 2, 3],
    });
    gives("i32[row: 4] 0 0 0 0", "fn f(a: i32[row: 4]) = floor(a / (a - a))", { a });
    gives("f32[row: 4] 3 -4 1 0", "fn f(a: f32[row: 4]) = floor(a / 2)", { a: [7, -7, 2, 1] });
    gives("f32[row: 2] 0 1", "fn f(a: i32[row: 2]) = floor(a / 1.5)");
  });

  test("a quotient is a position", () => {
    gives("f32[row: 4] 1 1 2 2", "fn f(a: f32[row: 4]) = a[row: floor(index(row) / 2)]");
  });

  test("ceil, sign and log2", () => {
    const a = [1.5, -1.5, 0, 4];
    gives("f32[row: 4] 2 -1 0 4", "fn f(a: f32[row: 4]) = ceil(a) + 0", { a });
    gives("f32[row: 4] 1 -1 0 1", "fn f(a: f32[row: 4]) = sign(a)", { a });
    gives("f32[row: 3] -1 0 10", "fn f(a: f32[row: 3]) = log2(a)", { a: [0.5, 1, 1024] });
    gives("f32[row: 3] -0.842701 0 0.999593", "fn f(a: f32[row: 3]) = erf(a)", { a: [-1, 0, 2.5] });
    gives("f32[row: 2] 4 4", "fn f(a: f32[row: 2]) = ceil(log2(9)) + 0 * a");
  });
});

suite("language: random numbers", ({ test }) => {
  test("are Threefry's, by the position along the dimensions taken together", () => {
    const drawn = Array.from({ length: 6 }, (_, i) => (threefry([7, 0], [i, 0])[0] >>> 8) / 2 ** 24);
    const shown = drawn.map((x) => Number(x.toPrecision(6))).join(" ");
    gives(`f32[row: 2, col: 3] ${shown}`, "fn f(a: f32[row: 2, col: 3]) = random(7, over (row, col))");
  });

  test("are spread evenly, or as the normal distribution is", () => {
    const even = numbersOf("fn f(a: f32[row: 20000]) = random(1, over row)");
    const mean = (x: readonly number[]): number => x.reduce((sum, each) => sum + each, 0) / x.length;
    assert.ok(Math.abs(mean(even) - 0.5) < 0.01);
    assert.ok(Math.min(...even) >= 0 && Math.max(...even) < 1);
    const normal = numbersOf("fn f(a: f32[row: 20000]) = normal(1, over row)");
    const moments = [1, 2, 3, 4].map((n) => mean(normal.map((x) => x ** n)));
    for (const [i, wanted] of [0, 1, 0, 3].entries())
      assert.ok(Math.abs((moments[i] ?? NaN) - wanted) < 0.15, `moment ${i + 1} is ${moments[i]}`);
  });
});

suite("language: concat", ({ test }) => {
  test("one after the other, along a dimension that has the sizes of both", () => {
    gives(
      "f32[row: 2, all: 3] 1 5 6 2 7 8",
      "fn f(a: f32[row: 2, x: 1], b: f32[row, y: 2]) -> f32[row, all] = concat(a, b, (x, y) -> all)",
      { b: [5, 6, 7, 8] },
    );
    gives("i32[all: 4] 1 2 1 2", "fn f(a: i32[x: 2], b: i32[y: 2]) -> i32[all] = concat(a, b, (x, y) -> all)");
  });

  test("what one lacks is repeated, and what both lack is refused", () => {
    gives(
      "f32[row: 2, all: 3] 1 1 2 2 1 2",
      "fn f(a: f32[row: 2, x: 1], b: f32[y: 2]) -> f32[row, all] = concat(a, b, (x, y) -> all)",
    );
    const refused = (call: string) => problemsOf(`fn f(a: f32[row, x], b: f32[col, y]) -> f32[..., all] = ${call}`);
    assert.equal(refused("concat(a, b, (x, y) -> all)"), ["not-aligned"]);
    assert.equal(refused("concat(a, b, (y, x) -> all)"), ["absent-dimension", "absent-dimension"]);
    assert.equal(refused("concat(a, b, x -> all)"), ["wrong-arguments"]);
  });
});

suite("language: formats", ({ test }) => {
  test("a part of the header with a size is a dimension of `decode` that no field need have", () => {
    const source = `format Two() of f32[out, in = (cell, lane: 4)] {
  value: f16[out, cell, kept: 2]
  place: uint(2)[out, cell, kept]

  decode = sum(value where place == index(lane), over kept)
}
fn f(w: f32[out: 1, in: 8]) {
  let cells = split(w, in -> (cell, lane: 4))
  let place = order(-abs(cells), over lane)[lane: 0 .. 2 as kept]
  f32(Two() { value: cells[lane: place], place })
}`;
    gives("f32[out: 1, in: 8] 0 -3 0 2 9 8 0 0", source, { w: [1, -3, 0, 2, 9, 8, 7, 6] });
    assert.ok(problemsOf(source.replace("(cell, lane: 4)", "(cell, lane)")).includes("unknown-name"));
  });
});
