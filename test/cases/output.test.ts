/** Cases from outside: what is lost, or is not what it says, when results are written. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import * as assert from "uvu/assert";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { attempt, refusedWith } from "../cli/hostile.ts";
import { main } from "../cli/lcomp.ts";
import { suite, testUnless } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { closeDevice, runRecipe } from "../run/recipe.ts";
import { caseFile, casesFolder, casesReason } from "./cases.ts";

const reason = casesReason();

/** The arguments of a run, as the README of the cases gives them. */
const run = (model: string, out: string, ...more: readonly string[]): readonly string[] => [
  ...["run", caseFile("wanda.lcomp"), "--model", model, "--text", join(casesFolder(), "text.jsonl"), "--out", out],
  ...more,
];

/** All files of a folder, with their contents. */
const contents = (folder: string): readonly (readonly [string, string])[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => [path, readFileSync(path, "latin1")] as const);

suite("cases: output", (t) => {
  const test = testUnless(reason, t);

  test(
    "a result does not take the place of the model, the text or the recipe, nor of what holds them",
    inFolder(async (folder) => {
      cpSync(join(casesFolder(), "inputs"), join(folder, "inputs"), { recursive: true });
      const base = join(casesFolder(), "base");
      const before = contents(folder);
      const others = (recipe: string, text: string, out: string) =>
        ["run", recipe, "--model", base, "--text", text, "--out", out, "--force", "--quiet"] as const;
      const text = join(casesFolder(), "text.jsonl");
      const wanda = caseFile("wanda.lcomp");
      const cases: readonly (readonly [args: readonly string[], said: RegExp])[] = [
        [run("inputs/itself", "inputs/itself", "--force"), /itself: it is the model \(inputs\/itself\)/],
        [
          run("inputs/parent/model", "inputs/parent", "--force"),
          /parent: it holds the model \(inputs\/parent\/model\)/,
        ],
        [run("inputs/itself", "inputs/itself/original/out", "--force"), /out: it lies in the model \(inputs\/itself\)/],
        [others(wanda, "inputs/texts/text.jsonl", "inputs/texts"), /texts: it holds the text/],
        [others(wanda, "inputs/texts", "inputs/texts/train.jsonl"), /train\.jsonl: it lies in the text/],
        [others("inputs/recipes/wanda.lcomp", text, "inputs/recipes"), /recipes: it holds the recipe/],
        [
          [
            "plan",
            "inputs/recipes/wanda.lcomp",
            "--model",
            base,
            "--text",
            text,
            "--output",
            "inputs/recipes/wanda.lcomp",
          ],
          /it is the recipe/,
        ],
        [
          ["plan", wanda, "--model", "inputs/itself", "--text", text, "--output", "inputs/parent/thesis.txt"],
          /a file is there that is no plan/,
        ],
      ];
      for (const [args, said] of cases) {
        refusedWith(attempt(folder, ...args), 1, said, ["inputs"]);
        assert.equal(contents(folder), before);
      }
    }),
  );

  test(
    "of two runs into one folder the second is refused at its start; what a killed run left goes, and is named",
    inFolder(async (folder) => {
      const args = run(join(casesFolder(), "base"), "out", "--quiet");
      const first = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: "ignore" });
      const begun = [".out.partial-", ".out.store"];
      while (!begun.every((start) => readdirSync(folder).some((name) => name.startsWith(start)))) await after(20);
      const left = readdirSync(folder);
      refusedWith(
        attempt(folder, ...args, "--sparsity", "2:4"),
        1,
        /^lcomp: cannot write \S+out: another run \(process \d+\) is writing it; wait/,
        left,
      );
      assert.is(first.kill("SIGKILL"), true, "the first run goes on meanwhile");
      await once(first, "exit");
      assert.equal(readdirSync(folder), left);
      const again = attempt(folder, ...args);
      assert.match(again.stderr, /^removed \S+\.out\.partial-\S+, left by a run that was ended\n/);
      assert.is(again.status, 0, again.stderr);
      assert.equal(readdirSync(folder), ["out", "out.report.html"]);
    }),
  );

  test(
    "an adapter beside a model is named and stays; the licence, the languages and the base model go into the new card",
    inFolder(async (folder) => {
      const text = join(casesFolder(), "text.jsonl");
      const result = async (name: string) => {
        const { leftBehind } = await runRecipe(
          caseFile("wanda.lcomp"),
          { model: join(casesFolder(), name), text },
          join(folder, name),
        );
        return leftBehind.map(({ name: path, why }) => `${path.slice(casesFolder().length + 1)}: ${why}`);
      };
      assert.equal(await result("adapter-beside"), [
        "adapter-beside/adapter_config.json: an adapter, which is not applied to the weights",
        "adapter-beside/adapter_model.safetensors: an adapter, which is not applied to the weights",
      ]);
      assert.not(existsSync(join(folder, "adapter-beside/adapter_config.json")));
      const seen = attempt(folder, "eval", join(casesFolder(), "adapter-beside"), "--text", text, "--length", "32");
      assert.match(
        seen.stderr,
        /note: an adapter \(adapter_config\.json\) lies beside the weights of \S+adapter-beside, and is not applied/,
      );
      assert.equal(await result("licence-in-readme"), [
        "licence-in-readme/README.md: the result has a card of its own",
      ]);
      const card = readFileSync(join(folder, "licence-in-readme/README.md"), "utf8");
      const [, front] = card.split("---\n");
      assert.is(
        front,
        "license: llama3.2\nlanguage:\n- en\nbase_model: org/base\nlibrary_name: transformers\ntags:\n- lcomp\n",
      );
      await openCheckpoint(join(folder, "licence-in-readme"));
    }),
  );

  test(
    "what a stranger's recipe says is plain text in the model's card",
    inFolder(async (folder) => {
      mkdirSync(join(folder, "recipe"));
      const path = join(folder, "recipe/model-card.lcomp");
      writeFileSync(path, readFileSync(caseFile("strangers/model-card.lcomp")));
      const given = { model: join(casesFolder(), "base"), text: join(casesFolder(), "text.jsonl") };
      await runRecipe(
        path,
        { ...given, note: "```\n---\n# head\n<img src=x>\u202e\u001b[2J www.evil.example" },
        join(folder, "out"),
      );
      const card = readFileSync(join(folder, "out/README.md"), "utf8");
      const outside = card.replace(/^(`{3,})\w*\n.*?\n\1$/gms, "");
      assert.not.match(outside, /<|!\[|evil|javascript|Official|license|head/, outside);
      assert.not.match(card, /[^\P{C}\n]/u);
      assert.equal(outside.match(/^#+ .*$/gm), ["# half", "## Parameters", "## Stages", "## Recipe"]);
      assert.is(card.split(/^---$/m)[1], "\nlibrary_name: transformers\ntags:\n- lcomp\n");
    }),
  );
});

await closeDevice();
