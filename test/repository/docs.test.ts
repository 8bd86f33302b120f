/** What the documents show is true: programs are right or wrong as they say, and run; links lead somewhere. */
import { existsSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import * as assert from "uvu/assert";
import { check } from "../../compiler/check.ts";
import { loadRecipe, outline } from "../../compiler/compile.ts";
import type { Host } from "../../compiler/host.ts";
import type { CorpusFacts, ModelFacts } from "../../compiler/model/facts.ts";
import type { Example } from "../../compiler/problems/explanation.ts";
import { explanations, explanationText } from "../../compiler/problems/explanations.ts";
import { accepted } from "../../grammar/diagnostic.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { problemsFrom } from "../given/problems.ts";
import { suite } from "../harness/suite.ts";
import { hostWith } from "../language/run.ts";
import { closeDevice, runRecipe } from "../run/recipe.ts";
import { blocksOf, folder, read } from "./documents.ts";
import { root } from "./sources.ts";

const tiny = await openCheckpoint(join(root, "examples/tiny"));
const tinyFacts = { name: "examples/tiny", config: tiny.config, tensors: tiny.tensors };
const text = { tokens: { train: 1e6, validation: 1e6, test: 1e6 } };
const facts = { tokens: { tokens: 40 * 4 * 16 }, task: { items: 40, choices: 4, length: 16, longest: 12 } };
const corpora = new Map<string, CorpusFacts>([
  ...["text", "stories", "letters"].map((name) => [name, text] as const),
  ["facts", facts],
]);

/** The ids of what is wrong with a file by itself, or else with its recipe for a model. */
function problemsOf(host: Host, path: string, model: ModelFacts): readonly string[] {
  return problemsFrom(() => {
    const { modules } = accepted(check(host, path));
    if (!modules.at(-1)?.tree.declarations.some(({ kind }) => kind === "recipe")) return;
    const models = new Map([["model", model]]);
    outline(loadRecipe(host, path), { parameters: new Map(), models, corpora });
  }).map(({ id }) => id);
}

for (const page of ["docs/language.md", "docs/composing.md"])
  suite(page, ({ test }) => {
    const files: Record<string, string> = {};
    const programs = blocksOf(page).filter(({ language }) => language === "lcomp");
    for (const [i, { text, note, heading }] of programs.entries()) {
      const path = /^file: (.+)/.exec(note)?.[1] ?? `example-${i + 1}.lcomp`;
      const wrong = /^wrong: (.+)/.exec(note)?.[1];
      const title = `${heading}, example ${i + 1}`;
      files[path] = text;
      test(`${title}, is ${wrong ?? "right"}`, () => {
        assert.equal(problemsOf(hostWith(files), path, tinyFacts), wrong === undefined ? [] : [wrong]);
      });
      if (wrong !== undefined || !/^recipe /m.test(text)) continue;
      test(`${title}, runs`, async () => {
        for (const [name, each] of Object.entries(files)) writeFileSync(join(folder, name), each);
        const out = /^ {2}save /m.test(text) ? join(folder, "out", `${basename(page, ".md")}-${i}`) : undefined;
        const [, header = ""] = /^recipe \w+\(([^)]*)\)/m.exec(text) ?? [];
        const inputs = [...header.matchAll(/(\w+): (Corpus|Task)\b/g)].map(
          ([, name, type]) =>
            [name, join(folder, type === "Task" ? "examples/world/facts.jsonl" : "some.jsonl")] as const,
        );
        const model = join(folder, "examples/tiny");
        const { expects } = await runRecipe(join(folder, path), { model, ...Object.fromEntries(inputs) }, out);
        assert.ok(expects.every(({ holds }) => holds));
      });
    }
  });

suite("programs of documents", ({ test }) => {
  test("the device closes", closeDevice);
});

/** What is wrong with the example of an explanation, for the model that it names. */
function problemsIn({ shown, program = shown, model }: Example, id: string): readonly string[] {
  const host = hostWith({ "example.lcomp": program });
  const tensors = Object.entries(model?.tensors ?? {}).map(
    ([name, shape]) => [name, { dtype: "F32", shape, bytes: 0 }] as const,
  );
  const facts = model ? { name: "folder", config: model.config, tensors: new Map(tensors) } : tinyFacts;
  const found = problemsOf(host, "example.lcomp", facts);
  if (found.length > 0 || id !== "no-recipe") return found;
  return problemsFrom(() => loadRecipe(host, "example.lcomp")).map((problem) => problem.id);
}

suite("lcomp explain", ({ test }) => {
  test("what is no problem has no explanation", () => assert.is(explanationText("toString"), undefined));

  for (const [id, { examples }] of Object.entries(explanations)) {
    if (!examples) continue;
    test(`${id}: the wrong example has it, the right one is right`, () => {
      assert.equal(problemsIn(examples.wrong, id), [id]);
      assert.equal(problemsIn(examples.right, id), []);
    });
  }

  test("only what no short program has goes without examples", () => {
    const without = Object.entries(explanations).flatMap(([id, { examples }]) => (examples ? [] : [id]));
    const large = ["too-large", "too-deep", "too-much-work"];
    const models = [
      "weight-prefix",
      "weight-type",
      "weight-unused",
      "tied-stored",
      "model-quantised",
      "codes-unread",
      "activations-unrounded",
      "target-refuses",
    ];
    assert.equal(without, [
      ...large,
      "file-not-found",
      "cannot-rotate",
      "other-layers",
      "unreached-layer",
      "tied-weight",
      "table-input",
      ...models,
      "names-differ",
      "own-code",
      "adapter-beside",
      "device-limit",
      "over-budget",
      "same-model",
      "prunes-rotated",
      "zeros-unseen",
      "pattern-unseen",
      "few-rows",
      "stronger-first",
    ]);
    const deep = `fn deep(x: f32[in]) = ${"(".repeat(200)}x${")".repeat(200)}`;
    assert.equal(problemsIn({ shown: deep }, "too-deep"), ["too-deep"]);
    assert.equal(problemsIn({ shown: `// ${"x".repeat(2 ** 19)}` }, "too-large"), ["too-large"]);
    assert.equal(problemsOf(hostWith({}), "absent.lcomp", tinyFacts), ["file-not-found"]);
  });

  test("an explanation fits a terminal", () => {
    for (const id of Object.keys(explanations)) {
      const lines = (explanationText(id) ?? "").split("\n");
      assert.equal(
        lines.filter((line) => line.length > 100),
        [],
        id,
      );
    }
  });
});

suite("documents", ({ test }) => {
  const documents = [
    "README.md",
    "docs/language.md",
    "docs/plan.md",
    "docs/architectures.md",
    "docs/folders.md",
    "docs/composing.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
  ];
  const anchorOf = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-");
  const anchorsOf = (path: string) =>
    [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading));

  for (const document of documents)
    test(`the links of ${document} lead somewhere`, () => {
      const links = [...read(document).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
      const dead = links.filter(([, path = "", anchor]) => {
        const target = path === "" ? document : join(dirname(document), path);
        return !existsSync(resolve(root, target)) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
      });
      assert.equal(
        dead.map(([link]) => link),
        [],
      );
    });

  test("ARCHITECTURE.md has at most 300 lines", () => {
    assert.ok(read("ARCHITECTURE.md").split("\n").length <= 301);
  });
});
