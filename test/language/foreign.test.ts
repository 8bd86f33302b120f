/** What newcomers from other languages write: each message names what takes its place, and that is checked and run. */
import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { loadRecipe, outline } from "../../compiler/compile.ts";
import { habits, typeHabits } from "../../compiler/problems/habits.ts";
import { parseArgument } from "../../compiler/recipe/load-recipe.ts";
import { accepted } from "../../grammar/diagnostic.ts";
import { parse } from "../../grammar/parse.ts";
import { library } from "../given/library.ts";
import { problemsFrom } from "../given/problems.ts";
import { golden } from "../harness/golden.ts";
import { suite } from "../harness/suite.ts";
import { diagnose, hostWith, problemsOf, run } from "./run.ts";

/** What a sentence says in code: the lines of a body. */
const linesIn = (text: string): readonly string[] =>
  [...text.matchAll(/`([^`]+)`/g)].flatMap(([, code = ""], i) => {
    if (code.startsWith("let ")) return [code];
    return /[(<>=+*/^-]|\d/.test(code) && !/^(?:lcomp |std\/)|\[token/.test(code) ? [`let line${i} = ${code}`] : [];
  });

const snippets = readFileSync(new URL("../golden/foreign.txt", import.meta.url), "utf8").split(/^---\n/m);

suite("foreign: pieces of other languages", ({ test }) => {
  test("each has one message, which names what takes its place", () => {
    const said = snippets.map((snippet) => {
      const found = diagnose(snippet).map(
        ({ id, title, hint }) => `  ${title} [${id}]\n${hint ? `  = ${hint}\n` : ""}`,
      );
      return `${snippet}${found.join("")}`;
    });
    golden("test/golden/foreign.messages", said.join("---\n"));
  });

  const header = `x: f32[d: 4], w: f32[d, in: 8], y: f32[block: 2, lane: 4], m: f32[row: 3, col: 3], a: f32[d], b: f32[d], i: i32[d],
    n: Int = 2, low: Float = 0, high: Float = 1, eps: Float = 1e-6`;
  for (const [advice, name] of new Map([...habits, ...typeHabits].map(([name, advice]) => [advice, name]))) {
    const lines = linesIn(advice);
    if (lines.length === 0) continue;
    test(`what is said of ${name} runs: ${lines.join("; ")}`, () => {
      const source = `fn way(${header}) {\n${lines.join("\n")}\nsum(x, over d)\n}`;
      assert.equal(problemsOf(source), [], source);
      assert.is(run(source), "f32 10");
    });
  }
});

suite("foreign: forgotten imports", ({ test }) => {
  test("each name that the library exports comes with its line, which brings it", () => {
    const modules = library.library.filter((module) => module !== "std/prelude");
    const names = modules.flatMap((module) =>
      accepted(parse({ path: module, text: library.read(module)?.text ?? "" })).declarations.flatMap(
        ({ kind, name }) => (kind === "fn" || kind === "method" ? [[name.text, module] as const] : []),
      ),
    );
    assert.ok(names.length > 10);
    for (const [name, module] of names) {
      const source = `fn own(x: f32[in]) = ${name}`;
      const line = `import { ${name} } from "${module}"`;
      assert.equal(
        diagnose(source).map(({ hint }) => hint),
        [`add \`${line}\``],
      );
      assert.not.ok(problemsOf(`${line}\n${source}`).includes("unknown-name"), name);
    }
  });

  test("so do the names of a module that is imported already, and those that are nearly right", () => {
    const files = { "mine.lcomp": "fn twice(x) = 2 * x\nfn thrice(x) = 3 * x\n" };
    const source = 'import { twice } from "./mine.lcomp"\nfn own(x: f32[in]) = thrice(twice(x))';
    assert.equal(
      diagnose(source, files).map(({ hint }) => hint),
      ['add `import { thrice } from "./mine.lcomp"`'],
    );
    assert.equal(
      diagnose("fn own(x: f32[in]) = softmx(x, over in)").map(({ hint }) => hint),
      ['did you mean `softmax`? add `import { softmax } from "std/nn"`'],
    );
  });
});

suite("foreign: ways", ({ test }) => {
  test("the difference of all pairs is written as the message says", () => {
    const source = (body: string) => `fn f(x: f32[a: 2], c: f32[k: 3]) = ${body}`;
    const [{ hint = "" } = {}] = diagnose(source("x - c"));
    const [, way = ""] = /for all pairs write `([^`]*)`/.exec(hint) ?? [];
    assert.is(run(source(way)), "f32[a: 2, k: 3] 0 -1 -2 1 0 -1");
  });

  test("a share that lost its percent sign, a pattern written as a fraction, a truth value of another language", () => {
    const said = (type: string, text: string): string | undefined => {
      const loaded = loadRecipe(hostWith({ "own.lcomp": `recipe r(n: ${type}) {\n  report 1\n}\n` }), "own.lcomp");
      const [parameter] = loaded.parameters;
      const [problem] = problemsFrom(() => {
        const parameters = new Map(parameter ? [["n", parseArgument(parameter, text)]] : []);
        outline(loaded, { parameters, models: new Map(), corpora: new Map() });
      });
      return problem?.hint;
    };
    assert.is(said("Sparsity", "50"), "did you mean `50%`?");
    assert.is(said("Sparsity", "12.5"), "did you mean `12.5%`?");
    for (const share of ["100%", "150%", "-5%"]) assert.is(said("Sparsity", share), undefined);
    assert.is(said("Sparsity", "50 %"), "did you mean `50%`?");
    assert.is(said("Sparsity", "0,5"), "did you mean `0.5`?");
    assert.is(said("Sparsity", '"2:4"'), "did you mean `2:4`?");
    assert.match(said("Sparsity", "2/4") ?? "", "`2:4` keeps 2 of every 4 neighbours, `50%` is a share");
    assert.is(said("Fraction", "30"), "did you mean `30%`?");
    assert.is(said("Bool", "yes"), "it is written `true`");
    assert.is(said("Bool", "1"), "did you mean `true`?");
    for (const right of ["0.5", "50%", "2:4", "1/3"]) assert.is(said("Sparsity", right), undefined);
  });
});
