/** A run on a pseudo-terminal, as far as this machine can make one. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { root } from "../repository/sources.ts";
import { writeFiles } from "../run/recipe.ts";
import { launcher } from "./lcomp.ts";
import { screen } from "./screen.ts";

const recipe = `import { magnitude } from "std/prune/magnitude"
import { mean_nll } from "std/evaluate"

/// How far two models are from each other.
fn apart(one: Model, other: Model, text: Corpus) = abs(mean_nll(one, text, 32) - mean_nll(other, text, 32))

recipe two(model: Model, text: Corpus) {
  stage early = magnitude(50%) of model for layer[0 .. 1].gate, layer[0 .. 1].q
  stage late = magnitude(50%) of early for layer[1 .. 2].up, layer[1 .. 2].q
  report mean_nll(early, text.test, 32), mean_nll(late, text.test, 32), apart(early, late, text.test)
  save late as "huggingface"
}
`;

const excerpt = readFileSync(join(root, "examples/world/train.jsonl"), "utf8").split("\n").slice(0, 20).join("\n");

suite("a terminal", ({ test, skip }) => {
  const title = "the line of progress is gone at the end, every table fits, and the last line names the result";
  if (spawnSync("script", ["-qec", "true", "/dev/null"]).status !== 0) {
    skip(title, "`script` of util-linux makes no pseudo-terminal here");
    return;
  }
  test(
    title,
    inFolder(async (folder) => {
      writeFiles(folder, { "two.lcomp": recipe, "text.jsonl": excerpt });
      const given = ["--model", join(root, "examples/tiny"), "--text", "text.jsonl", "--out", "out"];
      const words = [process.execPath, launcher, "run", "two.lcomp", ...given];
      const command = `stty cols 60 -onlcr; ${words.map((word) => `'${word}'`).join(" ")}`;
      const env = { ...process.env, CI: "", TERM: "xterm", LC_ALL: "C.UTF-8", NO_COLOR: "1" };
      const { status, stdout } = spawnSync("script", ["-qec", command, "/dev/null"], {
        cwd: folder,
        env,
        encoding: "utf8",
      });
      assert.is(status, 0, stdout);
      assert.match(stdout, /step 2 of 11 {2}compile/);
      const terminal = screen(60);
      terminal.write(stdout);
      const shown = terminal.shown();
      assert.not.match(shown, /step \d+ of|Warning/);
      // A model's measure has a column; what two models have between them has none.
      assert.match(shown, /^ +early +late\nmean_nll +[\d.]+ +[\d.]+\n\napart\(early, late, text\.test\) +[\d.]+$/m);
      // What an earlier stage has made counts in the later one's column, and all come last.
      assert.match(
        shown,
        /^zeros +early +late\nq +50\.00 % +50\.00 %\ngate +50\.00 % +50\.00 %\nup +50\.00 %\nall +50\.00 % +50\.00 %$/m,
      );
      // The command has a line of its own, as it is to be copied.
      assert.match(shown, /^ {2}npx lcomp eval out --text text\.jsonl$/m);
      assert.match(
        shown.replaceAll("\n", ""),
        /out: 1\.\d+ MiB, loads like any Hugging Face folder; measure it: {2}npx/,
      );
    }),
  );
});
