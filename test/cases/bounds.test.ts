/** What a stranger's recipe may read, and what it may cost. */
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import yargs from "yargs";
import { check } from "../../compiler/check.ts";
import { loadRecipe, outline } from "../../compiler/compile.ts";
import type { Host } from "../../compiler/host.ts";
import { resolve } from "../../compiler/language/resolve.ts";
import { isReserved, parseArgument, reservedParameters } from "../../compiler/recipe/load-recipe.ts";
import { CompileError } from "../../grammar/diagnostic.ts";
import { render } from "../../grammar/render.ts";
import { applyCommand } from "../../runtime/cli/apply.ts";
import { compileCommand } from "../../runtime/cli/compile.ts";
import { knownFlags } from "../../runtime/cli/flags.ts";
import { entryFor } from "../../runtime/cli/host.ts";
import { planCommand } from "../../runtime/cli/plan.ts";
import { openRecipe, readRecipe } from "../../runtime/cli/recipe.ts";
import { runCommand } from "../../runtime/cli/run.ts";
import { json, paragraphs } from "../../runtime/cli/terminal.ts";
import { UserError } from "../../runtime/user-error.ts";
import { problemsFrom } from "../given/problems.ts";
import { suite, testUnless } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { hostWith } from "../language/run.ts";
import { randomOf, seed } from "../ops/random.ts";
import { sharedReason } from "../run/reference.ts";
import { caseFile, casesFolder, casesReason } from "./cases.ts";
import { type Drawn, drawn } from "./work-draws.ts";

/** What `lcomp check` says of a file, rendered; empty if nothing is wrong. */
function saidOf(path: string): string {
  try {
    const { host, module } = entryFor(path);
    return check(host, module)
      .problems.map((each) => render(each))
      .join("\n");
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

suite("bounds: what a recipe reads", (own) => {
  const { test } = own;
  const outside = testUnless(sharedReason, own);
  const fine = "fn a(x) = x\n";
  const importing = (path: string): string => `import { a } from "${path}"\n\nfn f(x) = a(x)\n`;

  test(
    "modules of its own folder and below, also by links that stay there",
    inFolder(async (folder) => {
      mkdirSync(join(folder, "below"));
      writeFileSync(join(folder, "below/a.lcomp"), fine);
      symlinkSync("below/a.lcomp", join(folder, "link.lcomp"));
      const recipe = join(folder, "r.lcomp");
      for (const path of ["./below/a.lcomp", "./link.lcomp", "./below/../below//a.lcomp"]) {
        writeFileSync(recipe, importing(path));
        assert.is(saidOf(recipe), "", path);
      }
      writeFileSync(join(folder, "below/r.lcomp"), importing("../link.lcomp"));
      assert.match(saidOf(join(folder, "below/r.lcomp")), /`\.\.\/link\.lcomp` is not read: it lies outside/);
    }),
  );

  test(
    "nothing else is opened, whoever names it",
    inFolder(async (folder) => {
      writeFileSync(join(folder, "notes.txt"), "secret");
      symlinkSync("notes.txt", join(folder, "text.lcomp"));
      symlinkSync("/proc/kmsg", join(folder, "kmsg.lcomp"));
      spawnSync("mkfifo", [join(folder, "pipe.lcomp")]);
      const said = (name: string): string => saidOf(join(folder, name)).replaceAll(folder, "DIR");
      assert.is(said("notes.txt"), "cannot read DIR/notes.txt: it is no .lcomp file");
      assert.is(said("text.lcomp"), "cannot read DIR/text.lcomp: it is no .lcomp file, but a link to another");
      assert.is(said("kmsg.lcomp"), "cannot read DIR/kmsg.lcomp: it is no .lcomp file, but a link to another");
      assert.is(said("pipe.lcomp"), "cannot read DIR/pipe.lcomp: it is not a regular file; give a .lcomp file");
      writeFileSync(join(folder, "huge.lcomp"), fine);
      truncateSync(join(folder, "huge.lcomp"), 5_000_000_000);
      assert.match(said("huge.lcomp"), /^problem: a file of more than 256 KB is no recipe/);
    }),
  );

  test(
    "modules that are wrong are named once, however many import them",
    inFolder(async (folder) => {
      writeFileSync(join(folder, "wrong.lcomp"), "fn a(x) = (\n");
      for (const name of ["b", "c"]) writeFileSync(join(folder, `${name}.lcomp`), importing("./wrong.lcomp"));
      const both = 'import { f } from "./b.lcomp"\nimport { a } from "./wrong.lcomp"\n';
      writeFileSync(join(folder, "r.lcomp"), `${both}${importing("./c.lcomp")}`);
      assert.is(saidOf(join(folder, "r.lcomp")).match(/^problem: /gm)?.length, 1);
    }),
  );

  test(
    "a chain of imports, and their number, have an end",
    inFolder(async (folder) => {
      for (let i = 0; i < 300; i++) {
        writeFileSync(join(folder, `chain${i}.lcomp`), importing(`./chain${i + 1}.lcomp`));
        writeFileSync(join(folder, `leaf${i}.lcomp`), `fn a${i}(x) = x\n`);
      }
      assert.match(saidOf(join(folder, "chain0.lcomp")), /more than 32 modules import one another in a row/);
      const imports = Array.from({ length: 300 }, (_, i) => `import { a${i} } from "./leaf${i}.lcomp"\n`);
      writeFileSync(join(folder, "r.lcomp"), imports.join(""));
      assert.match(saidOf(join(folder, "r.lcomp")), /the recipe has more than 256 modules/);
    }),
  );

  test(
    `400 random imports over links, pipes and devices end, and show nothing (seed ${seed})`,
    inFolder(async (folder) => {
      const args = [join(import.meta.dirname, "import-draws.ts"), folder, `${seed}`, "400"];
      const { stdout, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
      const draws = stdout
        .split("\n")
        .slice(0, -1)
        .map((line): { path: string; said?: string } => JSON.parse(line));
      assert.is(status, 0, `seed ${seed}: no end with ${draws.at(-1)?.path}`);
      const said = draws.flatMap((draw) => (draw.said === undefined ? [] : [{ ...draw, said: draw.said }]));
      assert.is(said.length, 400);
      assert.equal(
        said.filter((draw) => draw.said.includes("4711")),
        [],
      );
      const strange = said.filter((draw) => !/^$|^(problem: [^\n]*\n[\s\S]*?)+$/.test(draw.said));
      assert.equal(strange, []);
    }),
  );

  for (const name of ["reads-a-system-file", "reads-the-environment", "very-long-import"]) {
    outside(name, () => {
      const said = saidOf(caseFile(`strangers/${name}.lcomp`));
      assert.match(said, /^problem: (the module `[^`]*` is not read|there is no module `[^`]*`)/);
      assert.ok(
        said.split("\n").every((line) => line.length < 300),
        said,
      );
      assert.not.match(said, /root:|PATH=/);
    });
  }
});

suite("bounds: names and texts of a recipe", (own) => {
  const { test } = own;
  const outside = testUnless(sharedReason, own);
  test("no parameter has the name of a flag that a command with a recipe or its plan knows", () => {
    for (const command of [runCommand([]), planCommand([]), applyCommand([]), compileCommand([])])
      if (typeof command.builder === "function") command.builder(yargs([]));
    const positional = new Set(["PLAN", "RECIPE", "_"]);
    const flags = reservedParameters.filter((name) => !positional.has(name));
    assert.equal(flags, [...new Set(knownFlags)].sort());
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) assert.ok(isReserved(name), name);
    for (const name of ["length", "text", "model", "sparsity", "outer", "name"]) assert.not.ok(isReserved(name), name);
  });

  for (const name of ["par_out", "par__", "par_RECIPE"]) {
    outside(name, () => assert.match(saidOf(caseFile(`names/${name}.lcomp`)), /\[reserved-name\]/));
  }

  outside("literal-inf", () =>
    assert.match(saidOf(caseFile("too-large/literal-inf.lcomp")), /this number is Infinity/),
  );

  test(
    "an argument from the command line is what its type says, and a text may hold anything",
    inFolder(async (folder) => {
      const path = join(folder, "r.lcomp");
      const parameters = "model: Model, n: Int = 1, k: Float = 1, note: Text";
      writeFileSync(path, `recipe r(${parameters}) {\n  report n + k\n}\n`);
      const loaded = loadRecipe(entryFor(path).host, "r.lcomp");
      const said = (name: string, text: string): string | undefined => {
        const parameter = loaded.parameters.find((each) => each.name === name);
        assert.ok(parameter);
        const parsed = new Map([[name, parseArgument(parameter, text)]]);
        const facts = { parameters: new Map([...noted, ...parsed]), models: new Map(), corpora: new Map() };
        return problemsFrom(() => outline(loaded, facts)).find(({ id }) => id !== "missing-parameter")?.title;
      };
      const noted = new Map([["note", parseArgument({ name: "note", type: "Text", doc: "", fallback: null }, "x")]]);
      for (const text of ["1e999", "1/0", "0/0", "-1e999"]) assert.match(said("k", text) ?? "", /must be finite/);
      for (const text of ["1e39", "-1e39", "1e-60", "2^200"])
        assert.match(said("k", text) ?? "", /must be a number that f32 holds/);
      for (const text of ["2147483648", "1e12", "-3000000000"]) assert.match(said("n", text) ?? "", /below 2\^31/);
      for (const text of ["2147483647", "-5"]) assert.is(said("n", text), undefined);
      for (const text of ["{model}", '"{model}"', "\u001b[2J"]) assert.is(said("note", text), undefined);
    }),
  );

  test("a terminal shows every character and obeys none; JSON reads back the same", () => {
    const text = "\u001b[2J a\u009b31m \u202eb\u2028 \ud83d\ude00 \udb40\udc41 \n c";
    assert.not.match(paragraphs(text), /(?!\n)[\p{Cc}\p{Cf}\p{Zl}]/u);
    assert.is(paragraphs("a\nb\n"), "a\nb\n");
    assert.not.match(json({ text }), /(?!\n)[\p{Cc}\p{Cf}\p{Zl}]/u);
    assert.equal(JSON.parse(json({ text })), { text });
  });
});

/** What checking a program costs, and the ids of what is wrong with it. */
function costOf(files: Drawn) {
  const { artifact } = check(hostWith(files), "own.lcomp");
  assert.ok(artifact);
  const { context } = artifact;
  const longest = Math.max(
    0,
    ...[...context.types.values()].flatMap((types) => [...types].map(({ length }) => length)),
  );
  return { work: context.work, longest, ids: context.found.map(({ problem }) => problem.kind) };
}

/** A host that notes which modules are read. */
function noting(files: Readonly<Record<string, string>>): { readonly host: Host; readonly asked: readonly string[] } {
  const { read, library } = hostWith(files);
  const asked: string[] = [];
  const host = {
    library,
    read: (module: string) => {
      asked.push(module);
      return read(module);
    },
  };
  return { host, asked };
}

const everyArchitecture = hostWith({}).library.filter((module) => module.startsWith("std/arch/"));

suite("bounds: what a program costs", (own) => {
  const { test } = own;
  const outside = testUnless(sharedReason, own);
  const runs = Number(process.env["LCOMP_RUNS"] ?? 30);
  test(`${runs} random programs that double what they do are checked or refused within the bound (seed ${seed})`, () => {
    for (let round = 0; round < runs; round++) {
      const { pattern, files } = drawn(randomOf("work", round));
      const { work, longest, ids } = costOf(files);
      const which = `seed ${seed}, round ${round}, ${pattern}:\n${files["own.lcomp"]}`;
      assert.ok(work.evaluations <= work.most + 10_000, `${work.evaluations} evaluations; ${which}`);
      assert.is(ids.includes("too-much-work"), work.evaluations > work.most, which);
      assert.ok(longest < 2000, `a type of ${longest} characters; ${which}`);
    }
  });

  test("equal calls are evaluated once and others each by itself, and what imports share is resolved once", () => {
    const doubling = (depth: number, one: string, other: string): Drawn => ({
      "own.lcomp": `fn g0(x) = x\n${Array.from({ length: depth }, (_, i) => `fn g${i + 1}(x) = g${i}(${one}) + g${i}(${other})\n`).join("")}fn f(x: f32[a]) = g${depth}(x)\n`,
    });
    const more = (depth: number, one: string, other: string): number =>
      costOf(doubling(depth + 1, one, other)).work.evaluations - costOf(doubling(depth, one, other)).work.evaluations;
    assert.is(more(9, "x", "x"), more(4, "x", "x"));
    assert.ok(more(9, "x * 2", "x * 3") > 30 * more(4, "x * 2", "x * 3"));
    assert.equal(costOf(doubling(20, "x", "x")).ids, []);
    assert.equal(costOf(doubling(20, "x * 2", "x * 3")).ids, ["too-much-work"]);
    const all = Array.from({ length: 30 }, (_, i): [string, string] => {
      const later = Array.from({ length: 29 - i }, (_, j) => `import { h${i + j + 1} } from "./m${i + j + 1}.lcomp"\n`);
      return [`m${i}.lcomp`, `${later.join("")}fn h${i}(x) = x\n`];
    });
    const { host, asked } = noting(Object.fromEntries(all));
    resolve(host, { path: "own.lcomp", text: 'import { h0 } from "./m0.lcomp"\n' });
    assert.is(asked.filter((module) => !module.startsWith("std/")).length, 30);
  });

  test("of the library a check reads what is imported, and architectures until one has the dimension that is asked for", () => {
    const reads = (statement: string, kind: RegExp): readonly string[] => {
      const text = `import { wanda } from "std/prune/wanda"\nrecipe r(model: Model) {\n  ${statement}\n}\n`;
      const { host, asked } = noting({ "own.lcomp": text });
      check(host, "own.lcomp");
      return [...new Set(asked.filter((module) => kind.test(module)))];
    };
    assert.equal(reads('save model as "huggingface"', /^std[^.]*$/), [
      "std/prelude",
      "std/prune/wanda",
      "std/prune/mask",
    ]);
    assert.is(reads("let n = model.context", /^std\/arch/).length, 1);
    assert.is(reads("let n = model.contxt", /^std\/arch/).length, everyArchitecture.length);
    assert.ok(reads('save model as "gptq"', /^std\/(arch|target)/).every((module) => module.endsWith(".json")));
  });

  test("calls and records that are nested too deeply are refused, however long the file is", () => {
    const chain = Array.from({ length: 5000 }, (_, i) => `fn g${i + 1}(x) = g${i}(x)\n`).join("");
    assert.equal(costOf({ "own.lcomp": `fn g0(x) = x\n${chain}fn f(x: f32[a]) = g5000(x)\n` }).ids, ["too-much-work"]);
    const records = Array.from({ length: 3000 }, (_, i) => `  let r${i + 1} = { a: r${i} }\n`).join("");
    const nested = `fn f(x: f32[a]) {\n  let r0 = { a: x }\n${records}  r3000\n}\n`;
    assert.equal(costOf({ "own.lcomp": nested }).ids, ["too-much-work"]);
  });

  outside("sample-of-a-billion", () =>
    assert.match(
      saidOf(caseFile("too-large/sample-of-a-billion.lcomp")),
      /^problem: the number of tokens of 1000000000 samples of 64 is 64000000000, and must be at most 2147483648/,
    ),
  );

  for (const name of [
    "calls-2-16",
    "calls-2-20",
    "calls-2-20-alike",
    "calls-2-20-of-numbers",
    "imports-in-diamonds/dia0",
    "records",
    "stages1000",
  ]) {
    outside(name, () => assert.is(saidOf(caseFile(`too-large/${name}.lcomp`)), ""));
  }
});

suite("bounds: architectures that say less than they seem", (own) => {
  const outside = testUnless(sharedReason, own);
  for (const [name, said] of [
    ["wrong_blocks", /^problem: a forward pass that does not go through the blocks is not supported yet/],
    ["g4", /^problem: `\{layer\}` in a text that is no path after `at` is not supported yet/],
  ] as const) {
    outside(name, () => assert.match(saidOf(caseFile(`${name}.lcomp`)), said));
  }

  testUnless(casesReason(), own)("unreached", async () => {
    const flags = { model: join(casesFolder(), "spare"), text: join(casesFolder(), "few.jsonl") };
    const said = await openRecipe(readRecipe(caseFile("unreached.lcomp")), flags).then(
      () => "",
      (error: unknown) => (error instanceof CompileError ? error.diagnostics.map(({ title }) => title).join() : error),
    );
    assert.is(said, "the forward pass never reaches `spare`, so that nothing can be observed there");
  });
});
