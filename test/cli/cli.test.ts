import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { explanations } from "../../compiler/problems/explanations.ts";
import { showAll } from "../../runtime/cli/explain.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { root } from "../repository/sources.ts";
import { type Ended, launcher, lcomp as started } from "./lcomp.ts";

const tiny = join(root, "examples/tiny");
/** Enough text for a few windows. */
const excerpt = readFileSync(join(root, "examples/world/train.jsonl"), "utf8").split("\n").slice(0, 40).join("\n");

const lcomp = (folder: string, ...args: readonly string[]): Ended => started(folder, args);

const recipe = (statements: string, windows = 2) => `import { wanda } from "std/prune/wanda"
import { perplexity } from "std/evaluate"

/// Half of each matrix.
recipe half(
  model: Model,              /// a folder
  text: Corpus,              /// a text
  sparsity: Sparsity = 50%,  /// how much goes
) {
  let sample = text.train.sample(${windows}, length: 32, seed: 0)
  stage sparse = wanda(sparsity) of model over sample for linear except lm_head
  ${statements}
}
`;

const inRecipe = (text: string, body: (folder: string) => Promise<void> | void) =>
  inFolder(async (folder) => {
    mkdirSync(join(folder, "recipes"));
    writeFileSync(join(folder, "recipes/half.lcomp"), text);
    writeFileSync(join(folder, "recipes/text.jsonl"), excerpt);
    await body(folder);
  });

const path = join("recipes", "half.lcomp");
const given = ["--model", tiny, "--text", "recipes/text.jsonl"] as const;
const givenInside = ["--model", tiny, "--text", "text.jsonl"] as const;

suite("cli: usage", ({ test }) => {
  const usages: readonly (readonly [readonly string[], number, RegExp])[] = [
    [[], 2, /^lcomp COMMAND\n[\s\S]*\n {2}lcomp run <RECIPE> +Compile a recipe/],
    [["rnu"], 2, /^lcomp: there is no command rnu; did you mean run\?\n$/],
    [["frobnicate"], 2, /^lcomp: there is no command frobnicate; lcomp --help lists what there is\n$/],
    [["--jsn"], 2, /^lcomp: there is no flag --jsn; lcomp --help lists what there is\n$/],
    [["run"], 2, /^lcomp: something is missing: lcomp run <RECIPE>; lcomp run --help says more\n$/],
    [["eval", "x", "y", "--text", "z.txt"], 2, /^lcomp: y is one argument too many; lcomp eval --help says more\n$/],
    [["doctor", "--jsn"], 2, /^lcomp: there is no flag --jsn; did you mean --json\?\n$/],
    [["check", "x.lcomp", "--quite"], 2, /^lcomp: there is no flag --quite; lcomp check --help lists what there is\n$/],
    [["fmt", "--chek", "x.lcomp"], 2, /^lcomp: there is no flag --chek; did you mean --check\?\n$/],
    [["check", "absent.lcomp"], 1, /^lcomp: cannot read absent\.lcomp: there is no such file or folder\n$/],
    [["plan", "std/evaluate", "--model", "a", "--model", "b"], 2, /^lcomp: --model is given 2 times\n$/],
    [["check", "/dev/null"], 1, /^lcomp: cannot read \/dev\/null: it is no \.lcomp file\n$/],
    [["eval", "absent", "--text", "x.txt"], 1, /^lcomp: there is no folder absent; .*\n$/],
    [["explain", "dimension-missmatch"], 2, /did you mean dimension-mismatch\?\n$/],
    [
      ["doc", "std/prune/wandas"],
      2,
      /^lcomp: the library has no std\/prune\/wandas; did you mean std\/prune\/wanda\?\n$/,
    ],
    [["explain", "cheese"], 2, /^lcomp: there is no problem cheese; lcomp explain lists all\n$/],
  ];
  for (const [args, status, message] of usages) {
    test(`lcomp ${args.join(" ")} ends with ${status}`, () => {
      const ended = lcomp(root, ...args);
      assert.is(ended.status, status, ended.stderr);
      assert.match(ended.stderr, message);
      assert.is(ended.stdout, "");
    });
  }

  test("the version is said in all the ways that people ask for it", () => {
    for (const way of ["--version", "version", "-v"]) assert.match(lcomp(root, way).stdout, /^\d+\.\d+\.\d+\n$/);
  });

  test("a problem is explained, and all are listed", () => {
    assert.match(lcomp(root, "explain", "not-aligned").stdout, /^not-aligned\n\n/);
    const { stdout } = lcomp(root, "explain");
    for (const id of Object.keys(explanations)) assert.match(stdout, new RegExp(`^  ${id} +\\S.*\\.$`, "m"));
    assert.ok(
      Math.max(
        ...showAll(60)
          .split("\n")
          .map((line) => line.length),
      ) <= 70,
    );
  });

  test("help is asked for in three ways", () => {
    const help = lcomp(root, "run", "--help").stdout;
    assert.match(help, /^lcomp run <RECIPE>\n/);
    assert.equal([lcomp(root, "help", "run").stdout, lcomp(root, "--help", "run").stdout], [help, help]);
    assert.equal(
      [lcomp(root, "help").stdout, lcomp(root, "-h").stdout].map((text) => text.slice(0, 13)),
      Array(2).fill("lcomp COMMAND"),
    );
  });

  test(
    "a recipe's parameters are flags, with its comments as help",
    inRecipe(recipe('save sparse as "huggingface"'), (folder) => {
      const { stdout, status } = lcomp(folder, "run", path, "--help");
      assert.is(status, 0);
      assert.match(stdout, /--model +a folder/);
      assert.match(stdout, /--sparsity +how much goes \(Sparsity\) +\[string\] \[default: 50%\]/);
      assert.match(stdout, /Half of each matrix\.\n$/);
      const wrong = lcomp(folder, "run", path, "--sparsty", "2:4");
      assert.equal([wrong.status, wrong.stderr], [2, "lcomp: there is no flag --sparsty; did you mean --sparsity?\n"]);
    }),
  );

  test(
    "a value that is wrong is shown with its flag, and nothing follows from it",
    inRecipe(recipe('save sparse as "huggingface"'), (folder) => {
      const planned = (sparsity: string) => lcomp(folder, "plan", path, "--model", tiny, "--sparsity", sparsity);
      const values: readonly (readonly [string, number, RegExp])[] = [
        [
          "3:x",
          1,
          / {2}\| {12}\^\^\^ this is not one value\n {2}= hint: values are written as in a recipe: .*\nlcomp explain \S+ says more\n$/,
        ],
        ["2:1", 1, /^problem: `sparsity` of `half` must be a share .* and is 2:1 \[wrong-parameter\]\n/],
        ["much", 1, /^problem: there is no value `much` here/],
        ["", 2, /^lcomp: --sparsity needs a value\n$/],
      ];
      for (const [value, status, message] of values) {
        const ended = planned(value);
        assert.equal([ended.status, ended.stdout], [status, ""]);
        assert.match(ended.stderr, message);
        if (status === 1) assert.match(ended.stderr, `\n --> command line:1:12\n1 | --sparsity ${value}\n`);
      }
      const short = lcomp(folder, "eval", tiny, "--text", "recipes/text.jsonl", "--length", "0");
      assert.is(short.stderr.match(/^problem: .*/gm)?.length, 1, short.stderr);
    }),
  );

  test(
    "a parameter with the name of a flag is refused",
    inRecipe(`recipe half(model: Model, json: Int = 1) {\n  save model as "huggingface"\n}\n`, (folder) => {
      assert.match(lcomp(folder, "run", path).stderr, /`json` \[reserved-name\]/);
    }),
  );

  test("nobody reading the output is no error", () => {
    const script = `"${process.execPath}" "${launcher}" compile "${join(root, "stdlib/evaluate.lcomp")}" --emit tree | head -c 1; echo " \${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
    assert.match(stdout, / 0\n$/);
    assert.is(stderr, "");
  });
});

suite("cli: recipes", ({ test }) => {
  test(
    "problems are shown at their place as a path from here, and end with 1",
    inRecipe(recipe('save spars as "huggingface"'), (folder) => {
      const { status, stderr } = lcomp(folder, "check", path);
      assert.is(status, 1);
      assert.match(stderr, /^problem: .*`spars`.*\n *--> recipes\/half\.lcomp:\d+:\d+\n/);
    }),
  );

  test(
    "fmt --check changes nothing, fmt does, and then there is nothing to change",
    inRecipe('recipe   r( ) {\nsave model as "x" }\n', (folder) => {
      const before = readFileSync(join(folder, path), "utf8");
      const check = lcomp(folder, "fmt", "--check", path);
      assert.equal([check.status, check.stdout], [1, `${path}\n`]);
      assert.is(readFileSync(join(folder, path), "utf8"), before);
      assert.equal(lcomp(folder, "fmt", path), { status: 0, stdout: `${path}\n`, stderr: "" });
      assert.equal(lcomp(folder, "fmt", "--check", path), { status: 0, stdout: "", stderr: "" });
    }),
  );

  test(
    "plan says from headers what will happen; a wrong parameter is refused",
    inRecipe(recipe('save sparse as "huggingface"'), (folder) => {
      const { status, stdout } = lcomp(folder, "plan", path, "--model", tiny);
      assert.is(status, 0);
      assert.match(stdout, /^half {2}sparsity 50%\n/);
      assert.match(
        stdout,
        /^sparse +wanda\(sparsity: 50%\) +model +q k v o gate up down × 4 layers +1\.5 MiB +→ +1\.5 MiB$/m,
      );
      assert.match(stdout, /^sparse observes 2 windows of 32 tokens of text\.train$/m);
      assert.match(stdout, /^total: 28 of 38 tensors change, 1\.75 MiB → 1\.75 MiB; sparse is saved as huggingface$/m);
      const json = JSON.parse(lcomp(folder, "plan", path, "--model", tiny, "--json").stdout);
      assert.is(json.stages[0].matched, 28);
      const refused = lcomp(folder, "plan", path, "--model", tiny, "--sparsity", "3:2");
      assert.is(refused.status, 1, refused.stderr);
    }),
  );

  test(
    "a plan is the same from two directories",
    inRecipe(recipe('save sparse as "huggingface"'), (folder) => {
      const here = lcomp(folder, "compile", path, ...given, "--emit", "plan");
      const there = lcomp(join(folder, "recipes"), "compile", "half.lcomp", ...givenInside, "--emit", "plan");
      assert.is(here.status, 0, here.stderr);
      assert.is(here.stdout, there.stdout);
      assert.not.match(here.stdout, folder);
    }),
  );
});

suite("cli: compile", ({ test }) => {
  const emitted = (folder: string, ...flags: readonly string[]) =>
    lcomp(folder, "compile", path, ...given, "--emit", ...flags);

  test(
    "the dispatches of a program stand under their names, with the hashes that the kernels bear",
    inRecipe(recipe('save sparse as "huggingface"'), (folder) => {
      const { stdout } = emitted(folder, "kernels");
      assert.match(
        stdout,
        /^program calibrate: \d+ dispatches, and \d+ once before them\nwhen +shape +source +kernel /m,
      );
      const [, hash] = /^main +row +std\/nn:\d+:\d+ +([0-9a-f]{12}) +\d+×\d+×\d+ +\d+ +\d+$/m.exec(stdout) ?? [];
      assert.match(emitted(folder, "wgsl").stdout, `// kernel ${hash}`);
    }),
  );

  test(
    "graphs are printed as each pass leaves them, and verified where that is asked for",
    inRecipe(recipe('save sparse as "huggingface"'), (folder) => {
      const passes = ["built", "graph", "summed", "divided"].map((pass) => emitted(folder, pass, "--verify"));
      for (const { status, stdout } of passes) {
        assert.is(status, 0);
        assert.match(stdout, /^graph \w+\n%0 /);
      }
      assert.is.not(passes[0]?.stdout, passes[1]?.stdout);
    }),
  );

  test(
    "the type of each name stands behind its place, as a path from here",
    inRecipe(recipe('save sparse as "huggingface"'), (folder) => {
      assert.match(emitted(folder, "types").stdout, /^recipes\/half\.lcomp:8:3 +sparsity: 50%$/m);
    }),
  );
});

suite("cli: run", ({ test }) => {
  test(
    "a run leaves a folder that is the same from two directories, and says what it did",
    inRecipe(recipe('save sparse as "huggingface"'), (folder) => {
      const { status, stdout, stderr } = lcomp(folder, "run", path, ...given, "--out", "out", "--json");
      assert.is(status, 0, stderr);
      assert.match(
        stderr,
        /\nstep 3 of 6: stage sparse\nstep 4 of 6: compare sparse\nstep 5 of 6: save sparse\nstep 6 of 6: check sparse\nsparse read back: its loss on \d windows? is \S+, as before; KL\(model ‖ sparse\) is \S+\nout: 1\.\d+ MiB, .* npx lcomp eval out --text /,
      );
      const report = JSON.parse(stdout);
      assert.equal(Object.keys(report.zeros.sparse), ["q", "k", "v", "o", "gate", "up", "down", "all"]);
      assert.ok(Math.abs(report.zeros.sparse.all - 0.5) < 0.01);
      assert.ok(report.compile_seconds >= 0 && report.seconds > report.compile_seconds && report.adapter !== "");
      const again = lcomp(join(folder, "recipes"), "run", "half.lcomp", ...givenInside, "--out", "../again", "--quiet");
      assert.equal([again.status, again.stderr], [0, ""]);
      const read = (name: string) =>
        readdirSync(join(folder, name)).map((file) => [file, readFileSync(join(folder, name, file), "hex")]);
      assert.equal(read("again"), read("out"));
      const twice = lcomp(folder, "run", path, ...given, "--out", "out", "--quiet");
      assert.equal([twice.status, twice.stdout], [1, ""]);
      assert.match(twice.stderr, /^lcomp: cannot write .*out: the folder is not empty; .*--force/);
    }),
  );

  test(
    "the place for the result is looked at first",
    inRecipe(recipe('save sparse as "huggingface"'), (folder) => {
      const absent = ["--model", "absent", "--text", "absent"];
      const { stderr } = lcomp(folder, "run", path, ...absent, "--out", "recipes");
      assert.match(stderr, /^lcomp: will not write \S+recipes: it holds the recipe \(recipes\/half\.lcomp\); .*\n$/);
      const next = lcomp(folder, "run", path, ...absent, "--out", "new/out");
      assert.match(next.stderr, /^lcomp: there is no folder absent; .*\n$/);
      assert.equal(readdirSync(folder), ["recipes"]);
      writeFileSync(join(folder, path), recipe("report perplexity(sparse, text.test, 32)"));
      const unsaved = lcomp(folder, "run", path, ...absent, "--out", "out");
      assert.equal(unsaved.status, 2);
      assert.match(unsaved.stderr, /^lcomp: half saves nothing: leave out --out, or add a `save` to the recipe\n$/);
    }),
  );

  test(
    "files of the model that are not copied are named",
    inRecipe(recipe('save sparse as "huggingface"'), (folder) => {
      cpSync(tiny, join(folder, "model"), { recursive: true });
      symlinkSync("../recipes/text.jsonl", join(folder, "model/notes.txt"));
      const args = ["--model", "model", "--text", "recipes/text.jsonl", "--out", "out", "--json"];
      const { stdout, stderr } = lcomp(folder, "run", path, ...args);
      assert.match(
        stderr,
        /\nnot copied: model\/notes\.txt \(a link that leads out of the folder\)\nsparse read back: .*\nout: /,
      );
      assert.equal(JSON.parse(stdout).left_behind, ["model/notes.txt"]);
    }),
  );

  test(
    "a model, a text and a place for the result are asked for by their flags",
    inRecipe(recipe('save sparse as "huggingface"'), (folder) => {
      const { status, stderr } = lcomp(folder, "run", path, ...given, "--quiet");
      assert.equal([status, stderr], [2, "lcomp: half saves its result: add --out DIR\n"]);
      const bare = lcomp(folder, "run", path);
      const all = `half needs --model, --text and --out; lcomp run ${path} --help says what they are`;
      assert.equal([bare.status, bare.stderr], [2, `lcomp: ${all}\n`]);
      const modelless = lcomp(folder, "plan", path);
      assert.equal([modelless.status, modelless.stderr], [2, "lcomp: half needs a model: add --model DIR\n"]);
      const textless = lcomp(folder, "run", path, "--model", tiny, "--out", "out", "--quiet");
      assert.equal([textless.status, textless.stderr], [2, "lcomp: half needs a text: add --text PATH\n"]);
    }),
  );

  test(
    "an expectation that fails ends with 1 and leaves no result",
    inRecipe(
      recipe('expect perplexity(sparse, text.test, length: 32) <= 1.5\n  save sparse as "huggingface"'),
      (folder) => {
        const { status, stderr } = lcomp(folder, "run", path, ...given, "--out", "out", "--quiet");
        assert.is(status, 1, stderr);
        assert.match(
          stderr,
          /^lcomp: recipes\/half\.lcomp:12:\d+: the expectation perplexity\(sparse, .*\) <= 1\.5 does not hold/,
        );
        assert.match(
          stderr,
          /; nothing was saved\nwhat is done is kept in \S+\.out\.store; relax the expectation or change the recipe: steps that stay the same are not run again\n$/,
        );
        assert.equal(readdirSync(folder), [".out.store", "recipes"]);
      },
    ),
  );

  test(
    "Ctrl-C in the middle of a layer ends with 130 before the next one begins, and leaves at most the store",
    inRecipe(recipe('save sparse as "huggingface"', 4000), async (folder) => {
      const child = spawn(process.execPath, [launcher, "run", path, ...given, "--out", "new/out"], {
        cwd: folder,
        stdio: ["ignore", "ignore", "pipe"],
      });
      let stderr = "";
      let ended: number | undefined;
      let partial: readonly string[] = [];
      const journal = join(folder, "new/.out.store/journal");
      const steps = (): number =>
        existsSync(journal) ? readFileSync(journal, "utf8").split('{"done":').length - 1 : 0;
      child.stderr.on("data", (text: Buffer) => {
        stderr += text.toString();
        if (ended !== undefined || !stderr.includes("stage sparse\n")) return;
        ended = steps();
        partial = readdirSync(join(folder, "new"));
        child.kill("SIGINT");
      });
      const status = await new Promise((resolve) => child.on("close", resolve));
      assert.is(status, 130, stderr);
      assert.ok(ended !== undefined && steps() <= ended + 1, `${ended} steps had ended, and ${steps()} at last`);
      assert.match(stderr, /lcomp: Interrupted; (nothing was kept|what is done is kept in \S+\.out\.store; .*)\.\n$/);
      assert.is(partial.length, 2);
      const left = existsSync(join(folder, "new")) ? readdirSync(join(folder, "new")) : [];
      assert.equal([...new Set([...left, ".out.store"])], [".out.store"]);
    }),
  );

  test(
    "a table has a row per measure and a column per model; eval measures what run measured",
    inRecipe(
      recipe(
        'report perplexity(model, text.test, 32), perplexity(sparse, text.test, 32)\n  save sparse as "huggingface"',
      ),
      (folder) => {
        const { status, stdout, stderr } = lcomp(folder, "run", path, ...given, "--out", "out", "--quiet");
        assert.is(status, 0, stderr);
        const config = join(folder, "out/config.json");
        writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, "utf8")), bos_token_id: 5 }));
        const [, before, after] = /^ +model +sparse\nperplexity +([\d.]+) +([\d.]+)\n/.exec(stdout) ?? [];
        for (const [model, printed] of [
          [tiny, before],
          ["out", after],
        ] as const) {
          const text = ["--text", "recipes/text.jsonl", "--length", "32", "--store", "kept"];
          const found = JSON.parse(lcomp(folder, "eval", model, ...text, "--json").stdout);
          const names = ["mean_nll", "standard_error", "perplexity", "tokens", "windows", "length", "notes"];
          assert.equal(Object.keys(found), names);
          assert.match(found.notes.join("\n"), model === tiny ? /^$/ : /^texts begin with .* config\.json is 5$/);
          assert.ok(Math.abs(found.perplexity - Number(printed)) < 1e-5 * found.perplexity, stdout);
          assert.ok(Math.abs(Math.exp(found.mean_nll) - found.perplexity) < 1e-5 * found.perplexity);
          assert.equal([found.windows, found.length], [Math.floor(found.tokens / 32), 32]);
          const again = lcomp(folder, "eval", model, ...text, "--json");
          assert.match(again.stderr, /^going on from \S+kept: (\d+) of \1 steps are done$/m);
          assert.equal(JSON.parse(again.stdout), found);
        }
      },
    ),
  );
});
