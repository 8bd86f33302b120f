/** What the language means: small functions through the compiler and the interpreter. What is refused: test/golden/errors. */
import * as assert from "uvu/assert";
import { check } from "../../compiler/check.ts";
import type { Span } from "../../grammar/source.ts";
import { suite } from "../harness/suite.ts";
import { hostWith, problemsOf, run } from "./run.ts";

/** The text is right as it stands, and its last function gives that. */
function gives(expected: string, source: string, inputs: Parameters<typeof run>[1] = {}): void {
  assert.equal(problemsOf(source), []);
  assert.is(run(source, inputs), expected);
}

/** The text has exactly these problems, whether its sizes are known or not. */
function refuses(source: string, ...problems: readonly string[]): void {
  assert.equal(problemsOf(source), problems);
  assert.is(run(source), problems.join("\n"));
}

suite("language: alignment", ({ test }) => {
  test("operands align by name, whatever their order", () => {
    gives("f32[row: 2, col: 3] 2 4 6 5 7 9", "fn f(a: f32[row: 2, col: 3], b: f32[col]) = a + b");
    gives("f32[col: 3, row: 2] 2 5 4 7 6 9", "fn f(b: f32[col: 3], a: f32[row: 2, col]) = b + a");
    gives("f32[row: 2, col: 2] 2 5 5 8", "fn f(a: f32[row: 2, col: 2], b: f32[col, row]) = a + b");
  });

  test("only * / % ^ and comparisons form outer results", () => {
    const outer = (op: string) => `fn f(a: f32[row: 2], b: f32[col: 3]) = a ${op} b`;
    gives("f32[row: 2, col: 3] 1 2 3 2 4 6", outer("*"));
    gives("f32[row: 2, col: 3] 1 0.5 0.333333 2 1 0.666667", outer("/"));
    gives("f32[row: 2, col: 3] 0 1 1 0 0 2", outer("%"));
    gives("f32[row: 2, col: 3] 1 1 1 2 4 8", outer("^"));
    gives("bool[row: 2, col: 3] 0 1 1 0 0 1", outer("<"));
    gives("bool[row: 2, col: 3] 1 0 0 0 1 0", outer("=="));
    for (const op of ["+", "-"]) refuses(outer(op), "not-aligned");
    refuses("fn f(a: f32[row: 2], b: f32[col: 3]) = max(a, b)", "not-aligned");
    refuses("fn f(a: f32[row: 2], b: f32[col: 3]) = a where b > 2", "not-aligned");
    refuses("fn f(a: f32[row: 2], b: f32[col: 3]) = stack(pair: a, b)", "not-aligned");
  });

  test("a contraction is the sum of a product", () => {
    const source = "fn f(a: f32[row: 2, mid: 3], b: f32[mid, col: 2]) = sum(a * b, over mid)";
    gives("f32[row: 2, col: 2] 22 28 49 64", source);
    gives("f32[col: 2, row: 2] 22 49 28 64", source.replace("a * b", "b * a"));
  });

  test("whole numbers stay whole, except under / and ^ and beside reals", () => {
    gives("i32[row: 2] 2 4", "fn f(a: i32[row: 2]) = a * 2");
    gives("f32[row: 2] 0.5 1", "fn f(a: i32[row: 2]) = a / 2");
    gives("f32[row: 2] 1 4", "fn f(a: i32[row: 2]) = a^2");
    gives("f32[row: 2] 1.5 3", "fn f(a: i32[row: 2]) = a * 1.5");
    gives("i32[row: 2] 1 0", "fn f(a: i32[row: 2]) = a % 2");
  });

  test("a sign binds looser than a power, and powers to the right", () => {
    gives("f32[row: 2] -1 -4", "fn f(a: f32[row: 2]) = -a^2");
    gives("i32[row: 2] 0 -1", "fn f(a: f32[row: 2]) = -(a > 1)");
    gives("f32[row: 2] 0.5 0.25", "fn f(a: f32[row: 2]) = 2^-a");
    gives("f32[row: 2] 1 16", "fn f(a: f32[row: 2]) = a^2^2");
  });
});

suite("language: reductions and choice", ({ test }) => {
  test("sum, mean, max, min and norm take one or several dimensions together", () => {
    const reduced = (call: string) => `fn f(a: f32[row: 2, col: 3]) = ${call}`;
    gives("f32[row: 2] 6 15", reduced("sum(a, over col)"));
    gives("f32 21", reduced("sum(a, over (row, col))"));
    gives("f32[col: 3] 2.5 3.5 4.5", reduced("mean(a, over row)"));
    gives("f32[row: 2] 3 6", reduced("max(a, over col)"));
    gives("f32[col: 3] 1 2 3", reduced("min(a, over row)"));
    gives("f32[row: 2] 3.74166 8.77496", reduced("norm(a, over col)"));
    gives("f32 0.666667", reduced("mean(a > 2, over (row, col))"));
  });

  test("argmax and argmin give whole numbers, of equals the first", () => {
    const a = [1, 5, 5, 0, 0, 2];
    gives("i32[row: 2] 1 2", "fn f(a: f32[row: 2, col: 3]) = argmax(a, over col)", { a });
    gives("i32[row: 2] 0 0", "fn f(a: f32[row: 2, col: 3]) = argmin(a, over col)", { a });
  });

  test("best picks along one dimension or several together, of equals the later", () => {
    const a = [4, 1, 3, 2, 5, 5, 5, 5];
    gives("f32[row: 2, col: 4] 4 0 3 0 0 0 5 5", "fn f(a: f32[row: 2, col: 4]) = a where best(a, 2, over col)", { a });
    const both = "fn f(a: f32[row: 2, col: 4]) = a where best(a, 3, over (row, col))";
    gives("f32[row: 2, col: 4] 0 0 0 0 0 5 5 5", both, { a });
    gives("bool[col: 4] 0 0 0 0", "fn f(a: f32[col: 4]) = best(a, 0, over col)");
    refuses("fn f(a: f32[col: 4]) = best(a, 5, over col)", "out-of-range");
    refuses("fn f(a: f32[col: 5]) = best(a, size(col) / 2, over col)", "out-of-range");
  });

  test("where binds loosest, `else` is 0 if left out, and chains take the first that holds", () => {
    gives("f32[row: 3] 2 0 0", "fn f(a: f32[row: 3]) = a + 1 where a < 2");
    gives("f32[row: 3] 1 2 3", "fn f(a: f32[row: 3]) = 1 where a < 2 else 2 where a < 3 else 3.0 * 1");
    gives("bool[row: 3] 0 1 0", "fn f(a: f32[row: 3]) = a > 1 where a < 3 else false");
    gives("f32[row: 3] 0 0 0", "fn f(a: f32[row: 3]) = a where 2 < 1");
    gives("bool[row: 3] 0 0 0", "fn f(a: f32[row: 3]) = a > 0 where 2 < 1");
    gives(
      "i32[col: 2, row: 3] 0 0 0 0 0 0",
      "fn f(a: f32[row: 3]) -> i32[col, row] = index(col: 2) * index(row) where size(row) == 2",
    );
    gives("f32[row: 3] 1 1 1", 'fn f(a: f32[row: 3]) = 1 where a > 0 and 1 < 2 else (refuse("never") where 2 < 1)');
    gives("f32[row: 3] 1 -3.40282e+38 -3.40282e+38", "fn f(a: f32[row: 3]) = lowest where a > 1 else a");
  });

  test("a condition known before the run picks a branch, and the other is not looked at", () => {
    gives("f32[row: 2] 1 2", 'fn f(a: f32[row: 2]) = a where size(row) == 2 else refuse("other rows")');
    gives("f32[row: 2] 7 14", 'fn f(a: f32[row: 2]) = 7 * a where "a" == "a" and not 2 < 1 else a');
  });

  test("not, and, or", () => {
    gives("bool[row: 3] 0 1 0", "fn f(a: f32[row: 3]) = a > 1 and not a >= 3");
    gives("bool[row: 3] 1 0 1", "fn f(a: f32[row: 3]) = a < 2 or a > 2");
  });
});

suite("language: views and selections", ({ test }) => {
  test("split names its parts, the first varying slowest, and merge undoes it", () => {
    gives(
      "f32[half: 2, pair: 3] 1 2 3 4 5 6",
      "fn f(a: f32[t: 6]) -> f32[half, pair] = split(a, t -> (half: 2, pair))",
    );
    gives("f32[t: 6] 1 4 2 5 3 6", "fn f(a: f32[t: 6]) = merge(split(a, t -> (half: 2, pair)), (pair, half) -> t)");
    const back = "fn f(a: f32[x: 2, y: 3]) = split(merge(a, (x, y) -> flat), flat -> (x, y))";
    gives("f32[x: 2, y: 3] 1 2 3 4 5 6", back);
    refuses("fn f(a: f32[t: 6]) = sum(split(a, t -> (half: 4, pair)), over (half, pair))", "does-not-divide");
    refuses("fn f(a: f32[t: 6]) = sum(split(a, t -> (half, pair)), over (half, pair))", "wrong-type");
  });

  test("stack lays values along a new dimension", () => {
    gives("f32[x: 2, z: 3] 1 2 3 2 4 6", "fn f(a: f32[x: 2]) -> f32[z, x] = stack(z: a, 2 * a, 3 * a)");
    gives("f32[x: 2] 2 4", "fn f(a: f32[x: 2]) = stack(z: a, 2 * a)[z: 1]");
    gives("f32[x: 2] 1 2", "fn f(a: f32[x: 2]) = stack(z: a)[z: 0]");
    gives("f32[x: 2, z: 1] 1 2", "fn f(a: f32[x: 2]) -> f32[z, x] = stack(z: a)");
    gives("f32[x: 2] 3 4", "fn f(a: f32[x: 2]) = sum(stack(z: a, 2), over z)");
    const interleaved = "fn f(a: f32[x: 2], b: f32[x]) -> f32[both] = merge(stack(z: a, b), (x, z) -> both)";
    gives("f32[both: 4] 1 10 2 20", interleaved, { a: [1, 2], b: [10, 20] });
  });

  test("rename changes several names at once, even to each other's", () => {
    const source = "fn f(a: f32[x: 2, y: 2]) = a - rename(a, (x, y) -> (y, x))";
    gives("f32[x: 2, y: 2] 0 -1 1 0", source);
    gives("f32[y: 2, z: 2] 1 2 3 4", "fn f(a: f32[x: 2, y: 2]) -> f32[y, z] = rename(a, (x, y) -> (y, z))");
    refuses("fn f(a: f32[x: 2, y: 2]) = rename(a, x -> y)", "duplicate-name");
  });

  test("a slice is half open and names what it leaves", () => {
    gives("f32[step: 2] 2 3", "fn f(a: f32[t: 6]) -> f32[step] = a[t: 1 .. 3 as step]");
    const change =
      "fn f(a: f32[t: 3]) = sum((a[t: 1 .. size(t) as step] - a[t: 0 .. size(t) - 1 as step])^2, over step)";
    gives("f32 13", change, { a: [1, 3, 6] });
    for (const range of ["2 .. 7", "2 .. 2", "-1 .. 2"])
      refuses(`fn f(a: f32[t: 6]) -> f32[step] = a[t: ${range} as step]`, "out-of-range");
  });

  test("a gather takes whole numbers and carries their dimensions", () => {
    gives("f32 3", "fn f(a: f32[t: 6]) = a[t: 2]");
    gives("f32[t: 3] 3 2 1", "fn f(a: f32[t: 3]) = a[t: size(t) - 1 - index(t)]");
    const table = "fn f(table: f32[vocab: 3, model: 2], tokens: i32[token: 4]) = table[vocab: tokens]";
    gives("f32[token: 4, model: 2] 5 6 1 2 3 4 3 4", table, { tokens: [2, 0, 1, 1] });
  });

  test("positions that are computed from real numbers are made whole by i32; what is known to be whole needs none", () => {
    gives("f32[x: 4] 1 1 2 2", "fn f(a: f32[x: 4]) = a[x: i32(floor(index(x) / 2))]");
    gives("f32[x: 4] 1 1 2 2", "fn f(a: f32[x: 4]) = a[x: i32(0 where index(x) < 2 else 1)]");
    gives("i32[x: 3] -1 2 0", "fn f(a: f32[x: 3]) = i32(a)", { a: [-1.9, 2.9, Number.NaN] });
    gives("i32[x: 3] 0 1 1", "fn f(a: f32[x: 3]) = i32(a > 1)");
    gives("i32[x: 5] -2 -1 0 0 0", "fn f(a: i32[x: 5]) = i32(a / 3)", { a: [-7, -3, -2, 2, 0] });
    gives("i32[x: 4] 3 2 -1 -1", "fn f(a: i32[x: 4]) = i32(a / -3)", { a: [-9, -7, 4, 5] });
    gives("i32[x: 3] 0 0 -1", "fn f(a: i32[x: 3], b: i32[x]) = i32(a / b) - a", {
      a: [16777217, -16777217, 1],
      b: [1, 1, 0],
    });
    gives("-2", "fn f() = i32(-2.5)");
    gives("f32[x: 4] 1 1 2 2", "fn f(a: f32[x: 4]) = a[x: floor(index(x) / 2)]");
    refuses("fn f(a: f32[x: 4]) = a[x: floor(index(x) / 2.5)]", "wrong-type");
    for (const one of ["floor(size(x) / 3)", "round(0.3 * size(x))", "abs(-1)", "5 % size(x)", "min(1, size(x))"])
      gives("f32[x: 4] 2 3 4 4", `fn f(a: f32[x: 4]) = a[x: min(index(x) + ${one}, size(x) - 1)]`);
    const by = (share: string) =>
      `fn g(a: f32[x: 4], share: Float) = a[x: min(index(x) + ${share}, 3)]\nfn f(a: f32[x: 4]) = g(a, 0.4)`;
    for (const one of ["floor(4 * share)", "i32(4 * share)", "max(floor(share), 1)", "(1 where share > 0 else 2)"])
      gives("f32[x: 4] 2 3 4 4", by(one));
    refuses(by("4 * share"), "wrong-type");
  });

  test("a position outside is refused where the program decides it, and else taken to the nearest", () => {
    refuses("fn f(a: f32[x: 3]) = a[x: index(x) + 1]", "out-of-range");
    refuses("fn f(a: f32[x: 3]) = a[x: 1 - index(x)]", "out-of-range");
    gives("f32[x: 3] 3 2 1", "fn f(a: f32[x: 3]) = a[x: 2 - index(x)]");
    gives("f32[x: 3] 2 3 3", "fn f(a: f32[x: 3]) = a[x: min(index(x) + 1, 2)]");
    gives("f32[t: 3] 1 2 3", "fn f(a: f32[x: 3], i: i32[t: 3]) = a[x: i]", { i: [-7, 1, 9] });
    gives("i32[t: 3] 0 1 2", "fn f(a: f32[x: 3], i: i32[t: 3]) = index(x)[x: i]", { i: [-7, 1, 9] });
  });

  test("a gather is batched over the names that both carry", () => {
    const next = "fn f(a: f32[row: 2, vocab: 3], next: i32[row]) = a[vocab: next]";
    gives("f32[row: 2] 3 4", next, { next: [2, 0] });
    const own = "fn f(a: f32[x: 3, y: 2], at: i32[x, y]) = a[x: at]";
    gives("f32[x: 3, y: 2] 1 6 3 4 5 2", own, { at: [0, 2, 1, 1, 2, 0] });
  });

  test("a grid search is a dimension, an argmin and a gather", () => {
    const source = `fn f(w: f32[in: 2]) {
      let tried = round(w / (1 + index(grid: 3))) * (1 + index(grid))
      tried[grid: argmin(sum((tried - w)^2, over in), over grid)]
    }`;
    gives("f32[in: 2] 3 6", source, { w: [3, 6] });
    gives("f32[in: 2] 2 4", source, { w: [2.1, 4.2] });
  });

  test("index counts along a dimension, size is known before the run", () => {
    gives("f32[row: 3] 0 2 6", "fn f(a: f32[row: 3]) = index(row) * a");
    gives("f32[row: 2, grid: 2] 0 1 0 2", "fn f(a: f32[row: 2]) -> f32[row, grid] = a * index(grid: size(row))");
    gives("6", "fn f(a: f32[row: 2, col: 3]) = size(row) * size(col)");
  });
});

suite("language: functions", ({ test }) => {
  test("`over d: Dim` stands for one dimension of the caller's, or for several", () => {
    const dot = "fn dot(a, b, over d: Dim) = sum(a * b, over d)\n";
    gives("f32[row: 2] 5 11", `${dot}fn f(a: f32[row: 2, x: 2], b: f32[x]) = dot(a, b, over x)`);
    gives("f32[row: 2] 30 70", `${dot}fn f(a: f32[row: 2, x: 2, y: 2], b: f32[x, y]) = dot(a, b, over (x, y))`);
  });

  test("a header's dimension is the argument's of that name, in its size if it says one", () => {
    const twice = (dim: string) => `fn twice(x: f32[${dim}]) = 2 * x\nfn f(a: f32[in: 2]) = twice(a)`;
    gives("f32[in: 2] 2 4", twice("in"));
    gives("f32[in: 2] 2 4", twice("in: 2"));
    refuses(twice("out"), "absent-dimension");
    refuses(twice("in: 4"), "dimension-mismatch");
    refuses(twice("in").replace("a: f32[in: 2]", "a: f32[in: 2, out: 2]"), "wrong-type");
  });

  test("`...` is the same set throughout a header", () => {
    const same = "fn same(a: f32[..., model], b: f32[..., model]) = a * b\n";
    gives("f32[row: 2, model: 2] 1 4 3 8", `${same}fn f(a: f32[row: 2, model: 2], b: f32[model]) = same(a, b)`);
    refuses(`${same}fn f(a: f32[row: 2, model: 2], b: f32[col: 2, model]) = same(a, b)`, "wrong-type");
  });

  test("a name made in a body is not the caller's of that name", () => {
    const halves = `fn halves(x: f32[..., token]) {
      let parts = split(x, token -> (half: 2, rest))
      merge(parts * (1 + index(half)), (half, rest) -> token)
    }\n`;
    gives("f32[half: 2, token: 4] 1 2 6 8 5 6 14 16", `${halves}fn f(a: f32[half: 2, token: 4]) = halves(a)`);
    const spread = "fn spread(x) = sum(x * index(k: 3), over k)\n";
    gives("f32[k: 2] 3 6", `${spread}fn f(a: f32[k: 2]) = spread(a)`);
    const last = "fn last(x: f32[..., k]) = sum(x, over k)\nfn spread(x) = last(x * index(k: 3))\n";
    gives("f32[k: 2] 3 6", `${last}fn f(a: f32[k: 2]) = spread(a)`);
  });

  test("it leaves the body only through a declared result, and is then the caller's", () => {
    const pairs = "fn pairs(x: f32[token]) -> f32[token, pair] = x * index(pair: 2)\n";
    gives("f32[token: 2] 2 8", `${pairs}fn f(a: f32[token: 2]) = sum(pairs(a) * pairs(2 * a), over pair)`);
    refuses("fn pairs(x: f32[token: 2]) = x * index(pair: 2)", "dimension-escapes");
    refuses(`${pairs}fn f(a: f32[token: 2, pair: 3]) = pairs(sum(a, over pair))`, "dimension-mismatch");
  });

  test("a declared result is what the body gives", () => {
    gives("f32 3", "fn f(a: f32[in: 2]) -> f32 = sum(a, over in)");
    gives("f32[in: 2] 2 4", "fn f(a: f32[in: 2]) -> f32[...] = 2 * a");
    for (const type of ["f32[out]", "i32[in]", "f32[in, out]"])
      refuses(`fn f(a: f32[in: 2]) -> ${type} = a`, "wrong-type");
    refuses("fn f(a: f32[in: 2]) -> f32[in] = 3", "wrong-type");
    gives("f32 3", "fn f(a: f32[in: 2]) -> f32 = 3");
    refuses("fn f(a: f32[in: 2]) -> f32 = a", "wrong-type");
    refuses("fn f(a: f32[in: 2]) -> Int = sum(a, over in)", "wrong-type");
    refuses("fn f(a: f32[in: 2]) -> Int in 4 to 8 = size(in)", "wrong-type");
  });

  test("arguments go by place or name, and defaults read earlier parameters", () => {
    const scaled = "fn scaled(x: f32[in], n: Int = size(in), m: Int = n + 1) = x * n * m\n";
    const called = (call: string) => `${scaled}fn f(a: f32[in: 2]) = ${call}`;
    gives("f32[in: 2] 6 12", called("scaled(a)"));
    gives("f32[in: 2] 30 60", called("scaled(a, 5)"));
    gives("f32[in: 2] 10 20", called("scaled(m: 5, x: a)"));
    refuses(called("scaled(a, 5, 6, 7)"), "wrong-arguments");
    refuses(called("scaled(a, x: a)"), "wrong-arguments");
    refuses(called("scaled(a, k: 5)"), "unknown-parameter");
    refuses(called("scaled(n: 5)"), "missing-parameter");
    gives("f32[in: 2] 1 1", called("clamp(a, high: 1, low: 0)"));
    refuses(called("scaled(a, 0.5)"), "wrong-parameter");
  });

  test("a record is a value with fields, and may be spread into another", () => {
    const source = `fn both(a) = { double: 2 * a, n: 3 }
      fn f(a: f32[in: 2]) {
        let old = both(a)
        let new = { ...old, n: 4, a }
        { product: new.double * new.n, kept: old.n, a: new.a }
      }`;
    gives("product: f32[in: 2] 8 16\nkept: 3\na: f32[in: 2] 1 2", source);
    refuses("fn f(a: f32[in: 2]) = { a }.b", "unknown-name");
  });

  test("a name may be bound again, and values and dimensions are two namespaces", () => {
    gives("f32[x: 3] 6 12 18", "fn f(a: f32[x: 3]) {\n let x = 2\n let a = a * x\n a * size(x)\n}");
    refuses("fn f(a: f32[x: 3]) = a * x", "unknown-name");
  });
});

suite("language: names", ({ test }) => {
  test("each use knows where it was declared, through imports and values that bring dimensions", () => {
    const source = `import { softmax } from "std/nn"
fn scaled(x, by) = x * by
fn f(a: f32[row: 4]) {
  let parts = split(a, row -> (cell: 2, lane))
  let most = max(softmax(scaled(parts, 3), over lane), over lane)
  sum(most[cell: 0] * parts, over (cell, lane))
}
`;
    const { artifact } = check(hostWith({ "own.lcomp": source }), "own.lcomp");
    const text = ({ file, start, end }: Span) =>
      `${file.path === "own.lcomp" ? file.text.slice(0, start).split("\n").length : file.path}:${file.text.slice(start, end)}`;
    const found = [...(artifact?.context.uses ?? [])].map(([use, place]) => `${text(use)} -> ${text(place)}`);
    const own = new Set(found.filter((line) => !line.startsWith("std/")));
    for (const line of [
      "1:softmax -> std/nn:softmax",
      "2:x -> 2:x",
      "2:by -> 2:by",
      "4:a -> 3:a",
      "5:scaled -> 2:scaled",
      "5:parts -> 4:parts",
      "5:lane -> 4:lane",
      "6:most -> 5:most",
      "6:cell -> 4:cell: 2",
    ])
      assert.ok(own.has(line), `${line} is not among\n${[...own].join("\n")}`);
  });
});

suite("language: numbers known before the run", ({ test }) => {
  test("units, shares and patterns", () => {
    gives("536870912", "fn f() = 512 MiB");
    gives("1024", "fn f() = 1 GiB / 1 MiB");
    gives("1024", "fn f() = 1 TiB / 1GiB");
    gives("1000000", "fn f() = 2 TB / 2MB");
    gives("35%", "fn f() = 35%");
    gives("2", "fn f() = 5 % 3");
    gives("3", "fn f() = -5 % 4");
    gives("true", "fn f() = 1 KiB == 1024 and 50% == 0.5");
  });

  test("fractions are exact", () => {
    gives("true", "fn f() = 0.1 + 0.2 == 0.3");
    gives("29", "fn f() = floor(29% * 100)");
    gives("100", "fn f() = 300 * (1 / 3)");
  });

  test("a number that i32 does not hold is none beside whole numbers, and `lowest` is real", () => {
    gives("f32[x: 3] -3.40282e+38 1 2", "fn f(a: f32[x: 3]) = index(x) where index(x) > 0 else lowest");
    assert.is(run("fn f(a: f32[x: 3]) = index(x) * 3000000000"), "out-of-range");
    assert.is(run("fn g(i: i32) = i\nfn f() = g(0.5)"), "out-of-range");
  });

  test("a sparsity is a cell and how many of it stay; a share drops int(n · s)", () => {
    const kept = "fn kept(sparsity: Sparsity, over d: Dim) = { cell: sparsity.cell(d), keep: sparsity.keep(d) }\n";
    const of = (n: number, sparsity: string) => `${kept}fn f(a: f32[in: ${n}]) = kept(${sparsity}, over in)`;
    gives("cell: 7\nkeep: 5", of(7, "30%"));
    gives("cell: 8\nkeep: 4", of(8, "50%"));
    gives("cell: 3\nkeep: 3", of(3, "0%"));
    for (const percent of [29, 57, 58]) gives(`cell: 100\nkeep: ${100 - percent}`, of(100, `${percent}%`));
    gives("cell: 9\nkeep: 6", of(9, "1 / 3"));
    gives("cell: 4\nkeep: 2", of(8, "2:4"));
    const tile = `${kept}fn f(a: f32[x: 3, y: 3]) = kept(50%, over (x, y))`;
    gives("cell: 9\nkeep: 5", tile);
    for (const wrong of ["4:2", "0:4", "100%", '"half"']) assert.is(run(of(8, wrong)), "wrong-parameter");
  });

  test("`??` is for what a sparsity or a config lacks, and for nothing else", () => {
    const cell = "fn cell(sparsity: Sparsity) = sparsity.pattern ?? 1\n";
    gives("1", `${cell}fn f() = cell(50%)`);
    gives("4", `${cell}fn f() = cell(2:4)`);
    gives("2", "fn f() = 2 ?? 3");
  });

  test("mathematics on numbers is done at once", () => {
    gives("7", "fn f() = 2^(4 - 1) - 1");
    gives("3", "fn f() = floor(sqrt(10))");
    gives("2", "fn f() = round(2.5)");
    gives("4", "fn f() = max(1, min(4, 9))");
  });

  test("f16 and bf16 round to what is stored, and round goes half to even", () => {
    gives("f16[in: 2] 0.333252 0.666504", "fn f(a: f32[in: 2]) = f16(a / 3)");
    gives("bf16[in: 2] 0.333984 0.667969", "fn f(a: f32[in: 2]) = bf16(a / 3)");
    gives("f32[in: 3] 0 2 2", "fn f(a: f32[in: 3]) = round(a - 0.5)");
    gives("f32[in: 3] 2 2 2.5", "fn f(a: f32[in: 3]) = clamp(a, 2, 2.5)");
  });
});
