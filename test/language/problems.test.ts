import { globSync, readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { check } from "../../compiler/check.ts";
import { loadRecipe, outline, plan } from "../../compiler/compile.ts";
import type { ProblemKind } from "../../compiler/problems/problem.ts";
import { CompileError, type Diagnostic } from "../../grammar/diagnostic.ts";
import { render } from "../../grammar/render.ts";
import { facts } from "../fuse/sketch.ts";
import { library } from "../given/library.ts";
import { golden } from "../harness/golden.ts";
import { suite } from "../harness/suite.ts";
import { models } from "./broken-models.ts";

/** What the compiler says of a file, as a user reads it, for the model and with the limits of a device that its first line names. */
function messages(path: string): string {
  const [first = ""] = readFileSync(path, "utf8").split("\n");
  const model = /^\/\/ with the model: (\w+)/.exec(first)?.[1];
  const allowed = (name: string): number => Number(new RegExp(`${name} of (\\d+)`).exec(first)?.[1] ?? Infinity);
  const budget = { gpu: allowed("GPU memory"), host: allowed("host memory") };
  const limit = allowed("a store");
  const limits = [...first.matchAll(/(max\w+) (\d+)/g)].map(([, name, value]) => [name, Number(value)]);
  try {
    if (!model) return shown(check(library, path).problems);
    const loaded = loadRecipe(library, path);
    const inputs = {
      parameters: new Map(),
      models: new Map(
        Object.entries({ model: models[model] }).flatMap(([name, facts]) => (facts ? [[name, facts]] : [])),
      ),
      corpora: new Map([["text", { tokens: { train: 1000, test: 1000 } }]]),
      budget,
      ...(limit < Infinity && { store: { limit } }),
    };
    const { notes } = outline(loaded, inputs);
    plan(loaded, inputs, { ...facts, ...Object.fromEntries(limits) });
    return shown(notes);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return shown(error.diagnostics);
  }
}

const shown = (diagnostics: readonly Diagnostic[]): string =>
  diagnostics.length === 0 ? "" : `${diagnostics.map((diagnostic) => render(diagnostic)).join("\n")}\n`;

const files = globSync("test/golden/errors/*.lcomp").sort();

suite("check", ({ test }) => {
  for (const path of files) {
    test(`${path} says what is wrong`, () => {
      const said = messages(path);
      assert.ok(said.length > 0, `${path} was accepted`);
      golden(path.replace(/\.lcomp$/, ".errors"), said);
    });
  }

  test("every kind of problem occurs in a golden file", () => {
    const said = files.map((path) => readFileSync(path.replace(/\.lcomp$/, ".errors"), "utf8")).join("\n");
    const missing = Object.keys(kinds).filter((kind) => !said.includes(`[${kind}]`));
    assert.equal(missing, []);
  });

  for (const module of library.library)
    test(`${module} is right`, () => assert.equal(check(library, module).problems, []));
});

/** Total over the kinds: a new kind must be listed, and then occur. */
const kinds: { readonly [K in ProblemKind]: true } = {
  "unknown-name": true,
  "duplicate-name": true,
  "saved-twice": true,
  "never-holds": true,
  "reported-twice": true,
  "reserved-name": true,
  "dimension-mismatch": true,
  "not-aligned": true,
  "not-square": true,
  "absent-dimension": true,
  "sweep-levels": true,
  "sweep-freeze": true,
  "dimension-escapes": true,
  "activation-outside-observe": true,
  "observation-keeps": true,
  "does-not-divide": true,
  "not-whole": true,
  "out-of-range": true,
  "empty-selector": true,
  "cannot-fold": true,
  "cannot-rotate": true,
  "needs-numbers": true,
  "other-layers": true,
  "prunes-codes": true,
  "codes-twice": true,
  "prunes-rotated": true,
  "zeros-lost": true,
  "other-basis": true,
  "unread-stage": true,
  "same-model": true,
  "few-rows": true,
  "zeros-unseen": true,
  "pattern-unseen": true,
  "stronger-first": true,
  "unreached-layer": true,
  "tied-weight": true,
  "table-input": true,
  "missing-parameter": true,
  "unknown-parameter": true,
  "wrong-arguments": true,
  "wrong-parameter": true,
  "wrong-type": true,
  "import-not-found": true,
  "import-refused": true,
  "import-circular": true,
  recursion: true,
  "too-much-work": true,
  "weight-missing": true,
  "weight-prefix": true,
  "weight-shape": true,
  "weight-type": true,
  "weight-unknown": true,
  "weight-unused": true,
  "tied-stored": true,
  "model-quantised": true,
  "codes-unread": true,
  "activations-unrounded": true,
  "target-refuses": true,
  "own-code": true,
  "adapter-beside": true,
  "names-differ": true,
  "config-missing": true,
  "config-value": true,
  "unknown-architecture": true,
  "device-limit": true,
  "over-budget": true,
  "not-supported": true,
};
