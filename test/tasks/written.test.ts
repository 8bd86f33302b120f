/** `lcomp eval --generate`: what models write, judged by what was wanted and by another model. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { readWritten } from "../../runtime/io/tasks/written-items.ts";
import { lcomp } from "../cli/lcomp.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, refused } from "../io/folder.ts";
import { root } from "../repository/sources.ts";

const tiny = join(root, "examples/tiny");
const facts = readFileSync(join(root, "examples/world/facts.jsonl"), "utf8").split("\n").slice(0, 4);

suite("eval --generate", ({ test }) => {
  test(
    "facts are answered, and of a copy of the model all is the same",
    inFolder(async (folder) => {
      cpSync(tiny, join(folder, "copy"), { recursive: true });
      writeFileSync(join(folder, "facts.jsonl"), facts.join("\n"));
      const args = ["--generate", "facts.jsonl", "--tokens", "8", "--compat", "llm-kick", "--json", "--quiet"];
      const { status, stdout, stderr } = lcomp(folder, ["eval", tiny, "--against", "copy", ...args]);
      assert.is(status, 0, stderr);
      const { items, tokens, scores, against } = JSON.parse(stdout).written.facts;
      const all = { mean: 1, standard_error: 0 };
      assert.equal([items, tokens, scores], [4, 8, { exact_match: all, f1: all, llm_kick: all }]);
      assert.equal(against.scores, scores);
      assert.equal(against.alike, all);
      assert.equal(against.kl, { mean: 0, standard_error: 0 });
      assert.equal(against.nll.own, against.nll.other);
      assert.ok(against.nll.own.mean > 0 && against.nll.own.mean < 1);
      assert.is(against.change.f1.indistinguishable, true);
      const narrow = lcomp(folder, ["eval", tiny, ...args, "--gpu-memory", "23MiB"]); // 25 MiB hold four texts, 22 one
      assert.equal(JSON.parse(narrow.stdout).written.facts.scores, scores, narrow.stderr);
    }),
  );

  test(
    "what is wrong with a file is said by its line",
    inFolder(async (folder) => {
      for (const [lines, sentence] of [
        [['{"query": "a", "answers": []}'], /x.jsonl, line 1, has no texts in `answers`; mend or remove it/],
        [['{"query": "a"}'], /line 1, has neither answers nor choices nor a reference/],
        [['{"prompt": "a"}', '{"query": "a", "reference": "b"}'], /line 2, is of another form than those before it/],
        [['{"query": "a", "choices": ["b"], "answer": 1}'], /line 1, has no place of a choice in `answer`/],
        [[""], /x.jsonl is empty; give items, one a line/],
      ] as const) {
        writeFileSync(join(folder, "x.jsonl"), lines.join("\n"));
        await refused(() => readWritten(join(folder, "x.jsonl")), sentence);
      }
      for (const [args, sentence] of [
        [["--tasks", "x.jsonl", "--tokens", "3"], /^lcomp: --tokens is of --generate, which is not given\n$/],
        [["--generate", "x.jsonl", "--compat", "kick"], /^lcomp: --compat is llm-kick, and not kick\n$/],
      ] as const) {
        const { status, stderr } = lcomp(folder, ["eval", tiny, ...args]);
        assert.is(status, 2, stderr);
        assert.match(stderr, sentence);
      }
    }),
  );
});
