/**
 * One mutant for each table of rules: a copy of the sources with one rule spoilt must make the tests fail. What survives shows
 * a rule that nothing tests.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { root } from "./sources.ts";

interface Mutant {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The tests that must fail: a file, and a part of their titles. */
  readonly test: string;
  readonly title: string;
}

const mutants: Readonly<Record<string, Mutant>> = {
  "a builtin function is another": {
    file: "compiler/language/builtins.ts",
    from: '  sqrt: { op: "sqrt", real: Math.sqrt },',
    to: '  sqrt: { op: "sqrt", real: Math.cbrt },',
    test: "language/language",
    title: "",
  },
  "a comparison has the type of its operands": {
    file: "compiler/graph/result-type.ts",
    from: "  less: order,",
    to: "  less: arithmetic,",
    test: "graph/graph",
    title: "bool[",
  },
  "the reference subtracts the wrong way round": {
    file: "compiler/graph/interpret.ts",
    from: "  sub: (a: number, b: number) => a - b,",
    to: "  sub: (a: number, b: number) => b - a,",
    test: "graph/ops",
    title: "sub",
  },
  "a printed reduction names something else": {
    file: "compiler/graph/show.ts",
    from: "  reduce: ({ attrs }) => [`by=",
    to: "  reduce: ({ attrs }) => [`with=",
    test: "rewrite/simplify",
    title: "",
  },
  "an identity is none": {
    file: "compiler/rewrite/identities.ts",
    from: "isConstant(b, 0) && a, // a - 0 = a",
    to: "isConstant(b, 1) && a, // a - 0 = a",
    test: "rewrite/simplify",
    title: "",
  },
  "a divisor leaves a sum as a factor": {
    file: "compiler/rewrite/distribute.ts",
    from: 'isDivisor: (node.op === "div") !== isDivisor',
    to: "isDivisor",
    test: "rewrite/simplify",
    title: "",
  },
  "a square is a cube": {
    file: "compiler/rewrite/power.ts",
    from: "return square(x); // x² = x·x",
    to: 'return make("mul", [square(x), x], {}); // x² = x·x',
    test: "graph/ops",
    title: "pow",
  },
  "a fused node loses its index": {
    file: "compiler/index/affine.ts",
    from: "plus(times(remainder(step.whole, by / step.size), step.size), step.below)",
    to: "times(remainder(step.whole, by / step.size), step.size)",
    test: "index/affine",
    title: "",
  },
  "what is divided may be negative": {
    file: "compiler/index/affine.ts",
    from: "Math.floor(rest.low / by)",
    to: "Math.floor(rest.constant / by)",
    test: "index/affine",
    title: "simplifying",
  },
  "less is less or equal": {
    file: "compiler/kernel/wgsl.ts",
    from: '  less: infix("<"),',
    to: '  less: infix("<="),',
    test: "graph/ops",
    title: "less",
  },
  "the halves of a word are exchanged": {
    file: "compiler/kernel/packed.ts",
    from: " >> ((i & ",
    to: " >> ((~i & ",
    test: "graph/ops",
    title: "stored",
  },
  "the greatest begins above all": {
    file: "compiler/kernel/reduce.ts",
    from: "  max: { f32: (use) => `-",
    to: "  max: { f32: (use) => `",
    test: "graph/ops",
    title: "reduce",
  },
  "nothing keeps sums from being reassociated": {
    file: "compiler/kernel/fence.ts",
    from: '(isConstant(other) && endsIn(x, "add"))',
    to: "false",
    test: "kernel/bits",
    title: "order to the bit, software",
  },
  "a pivot may be 0": {
    file: "compiler/kernel/bodies/panels.ts",
    from: "bitcast<u32>(pivot) - 0x00800000u < 0x7f000000u",
    to: "pivot >= 0.0",
    test: "kernel/matrices",
    title: "pivot",
  },
  "a panel forgets that one before it has failed": {
    file: "compiler/kernel/bodies/panels.ts",
    from: "lower(matrix, first - 1u, first - 1u) > 0.0",
    to: "true",
    test: "kernel/matrices",
    title: "pivot",
  },
  "a row without a diagonal is divided by it": {
    file: "compiler/kernel/bodies/panels.ts",
    from: "return select(x / select(diagonal, 1.0, diagonal == 0.0), 0.0, diagonal == 0.0);",
    to: "return x / diagonal;",
    test: "kernel/matrices",
    title: "pivot",
  },
  "an odd number of block rows leaves blocks out": {
    file: "compiler/kernel/bodies/panels.ts",
    from: "left | 1u",
    to: "left + 1u",
    test: "kernel/matrices",
    title: "size 257",
  },
  "of equals the earlier stay": {
    file: "compiler/kernel/best-body.ts",
    from: 'other > i ? ">=" : ">"',
    to: 'other > i ? ">" : ">="',
    test: "kernel/bodies-best",
    title: "of equals",
  },
  "a tile on a GPU has no edge": {
    file: "compiler/kernel/contraction-tiled.ts",
    from: "below: c.n, isNeeded: c.n % columns !== 0 }",
    to: "below: c.n, isNeeded: false }",
    test: "kernel/bodies-contraction",
    title: "gpu family meets edges",
  },
  "a tile on a GPU has no last row": {
    file: "compiler/kernel/contraction-tiled.ts",
    from: "below: c.m, isNeeded: c.m % rows !== 0 }",
    to: "below: c.m, isNeeded: false }",
    test: "kernel/bodies-contraction",
    title: "gpu family meets edges",
  },
  "a tile on a CPU loses its last terms": {
    file: "compiler/kernel/contraction-broadcast.ts",
    from: "const rest = c.k % subgroup;",
    to: "const rest = 0;",
    test: "kernel/bodies-contraction",
    title: "software family meets edges",
  },
  "a part of a large tensor ends late": {
    file: "compiler/kernel/header.ts",
    from: "(j + 1) * size}u) {",
    to: "(j + 1) * size + 1}u) {",
    test: "kernel/large",
    title: "a map over 132 MiB is right",
  },
  "language: operands of a sum need not align": {
    file: "compiler/language/align.ts",
    from: "if (isOuter || contains(left, right)",
    to: "if (!isOuter || contains(left, right)",
    test: "language/problems",
    title: "/not-aligned.lcomp",
  },
  "language: what config.json lacks is a value": {
    file: "compiler/language/value.ts",
    from: 'value.kind === "absent" && value.name.startsWith("config.")',
    to: 'value.kind === "absent" && value.name === "config."',
    test: "language/problems",
    title: "config-fields",
  },
  "model: a head shares what is no table": {
    file: "compiler/model/declare-linear.ts",
    from: "if (!tables.has(name))",
    to: "if (tables.size === 0)",
    test: "language/problems",
    title: "arch-headers",
  },
  "model: tensors may be left over": {
    file: "compiler/model/check-checkpoint.ts",
    from: "if (unknown.length > 0) report",
    to: "if (unknown.length > 99) report",
    test: "language/problems",
    title: "weight-unknown",
  },
  "model: any stored type is read": {
    file: "compiler/model/declared-tensor.ts",
    from: 'if (!dtype) faults.push({ kind: "type"',
    to: 'if (dtype) faults.push({ kind: "type"',
    test: "language/problems",
    title: "weight-type",
  },
  "fuse: sums never share a kernel": {
    file: "compiler/fuse/cost.ts",
    from: "export const mostSums = 3;",
    to: "export const mostSums = 1;",
    test: "fuse/fuse",
    title: "sums with a common factor that meet",
  },
  "fuse: expressions have no end": {
    file: "compiler/fuse/materialise.ts",
    from: "const deepest = 300;",
    to: "const deepest = 300_000;",
    test: "fuse/fuse",
    title: "a chain of thousands",
  },
  "fuse: a kernel costs nothing to start": {
    file: "compiler/fuse/cost.ts",
    from: "export const launch = 50_000;",
    to: "export const launch = 50_000_000_000;",
    test: "fuse/fuse",
    title: "",
  },
  "a polynomial has a wrong sign": {
    file: "compiler/kernel/bodies/math.ts",
    from: "  p = p * r + 0.33333040797;",
    to: "  p = p * r - 0.33333040797;",
    test: "graph/ops",
    title: "exp",
  },
  "a sum may not round": {
    file: "test/ops/tolerances.ts",
    from: "add: (_, a, b) => u * (Math.abs(a) + Math.abs(b)),",
    to: "add: () => 0,",
    test: "graph/tolerances",
    title: "add: single",
  },
};

/** A copy of what tests need, in which one file at a time is spoilt. */
function copySources(folder: string): void {
  for (const name of ["grammar", "compiler", "runtime", "stdlib", "examples", "test", "package.json"])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
}

/** What the tests say when the copy in `folder` has this mutation. */
function outcome(
  folder: string,
  { file, from, to, test, title }: Mutant,
): { readonly status: number | null; readonly text: string } {
  const text = readFileSync(join(root, file), "utf8");
  assert.is(text.split(from).length, 2, `${file} must have ${from} once`);
  writeFileSync(
    join(folder, file),
    text.replace(from, () => to),
  );
  const env = { ...process.env, LCOMP_TEST_NAME: title, LCOMP_SEED: "1", LCOMP_ROUNDS: "8", CI: "1" };
  const options = { cwd: folder, env, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [`test/${test}.test.ts`], options);
  writeFileSync(join(folder, file), text);
  return { status, text: stdout + stderr };
}

const folder = mkdtempSync(join(tmpdir(), "lcomp-mutants-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
copySources(folder);

suite("every table of rules is tested: a mutant dies", ({ test }) => {
  for (const [name, mutant] of Object.entries(mutants))
    test(name, () => {
      const { status, text } = outcome(folder, mutant);
      assert.is(status, 1, `the mutant of ${mutant.file} survived\n${text}`);
      assert.not.match(text, /SyntaxError|ERR_\w+_NOT_FOUND/, "a mutant that is no program");
    });
});
