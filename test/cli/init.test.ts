/** A recipe is written for a model: one that is accepted for it, or none. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { root } from "../repository/sources.ts";
import { lcomp } from "./lcomp.ts";

const tiny = join(root, "examples/tiny");

suite("cli: init", ({ test }) => {
  test(
    "the recipe is in canonical form, and can be planned as it is said",
    inFolder(async (folder) => {
      const { status, stdout, stderr } = lcomp(folder, ["init", tiny]);
      assert.is(status, 0, stderr);
      const [, plan = "", run] = stdout.trimEnd().split("\n");
      assert.is(plan, `lcomp plan small_tiny.lcomp --model ${tiny}`);
      assert.is(run, `lcomp run small_tiny.lcomp --model ${tiny} --text TEXT --out out/small_tiny`);
      assert.is(lcomp(folder, ["fmt", "--check", "small_tiny.lcomp"]).status, 0);
      const planned = lcomp(folder, plan.split(" ").slice(1));
      assert.is(planned.status, 0, planned.stderr);
      assert.match(planned.stdout, /^small_tiny\b/);
    }),
  );

  test(
    "runs divide what the layers read, and the budget is enough for codes of 4 bits",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "Odd Model-96"), { config: { hidden_size: 96, intermediate_size: 160 } });
      const { status, stdout, stderr } = lcomp(folder, ["init", "Odd Model-96", "--json"]);
      assert.is(status, 0, stderr);
      const { file, every, budget, next } = JSON.parse(stdout);
      assert.equal([file, every], ["small_odd_model_96.lcomp", 32]);
      const text = readFileSync(join(folder, file), "utf8");
      assert.match(text, new RegExp(`^ {2}bytes: Bytes = ${budget},`, "m"));
      assert.match(text, /^ {2}every: Int = 32,/m);
      assert.match(next[0], /--model 'Odd Model-96'$/);
    }),
  );

  test(
    "a file that is there stays, and nothing is written that would be refused",
    inFolder(async (folder) => {
      assert.is(lcomp(folder, ["init", tiny, "--output", "a.lcomp", "--budget", "1MiB"]).status, 0);
      const before = readFileSync(join(folder, "a.lcomp"), "utf8");
      assert.match(before, /^ {2}bytes: Bytes = 1 MiB,/m);
      const again = lcomp(folder, ["init", tiny, "--output", "a.lcomp"]);
      assert.equal([again.status, again.stderr], [1, "lcomp: a.lcomp is there already; name another with --output\n"]);
      assert.is(readFileSync(join(folder, "a.lcomp"), "utf8"), before);
      for (const [budget, ended] of [
        ["1KiB", 1],
        ["50%", 1],
        ["much", 2],
      ] as const) {
        const { status, stderr } = lcomp(folder, ["init", tiny, "--output", "b.lcomp", "--budget", budget]);
        assert.is(status, ended, stderr);
        assert.match(stderr, /^(problem: `bytes` |lcomp: --budget )/);
        assert.not.ok(existsSync(join(folder, "b.lcomp")));
      }
      assert.is(lcomp(folder, ["init", "absent"]).status, 1);
      assert.equal(readdirSync(folder), ["a.lcomp"]);
    }),
  );
});
