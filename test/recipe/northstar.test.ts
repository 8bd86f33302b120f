/** Whole programs, as people write them: on the example model, with a little text. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { lcomp } from "../cli/lcomp.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { root } from "../repository/sources.ts";
import { writeFiles } from "../run/recipe.ts";

interface Measured {
  readonly measures: Readonly<Record<"perplexity" | "bytes", Readonly<Record<"model" | "small", number>>>>;
}

/** Runs a program with these flags; gives what it measures, and the config of what it saves. */
function run(folder: string, name: string, flags: Readonly<Record<string, string | number>>) {
  const lines = readFileSync(join(root, "examples/world/train.jsonl"), "utf8").split("\n").slice(0, 20);
  writeFiles(folder, { "text.jsonl": `${lines.join("\n")}\n` });
  const given = { model: join(root, "examples/tiny"), text: "text.jsonl", out: name, ...flags };
  const args = Object.entries(given).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
  const path = join(root, "test/recipe/northstar", `${name}.lcomp`);
  const { status, stdout, stderr } = lcomp(folder, ["run", path, ...args, "--json", "--quiet"]);
  assert.is(status, 0, stderr);
  const { measures } = JSON.parse(stdout) as Measured;
  return { ...measures, config: JSON.parse(readFileSync(join(folder, name, "config.json"), "utf8")) };
}

const small = { samples: 2, length: 32, every: 64, rank: 8, rounds: 1 };

suite("whole programs", ({ test }) => {
  test(
    "depth, width, two bits and a correction leave less than a quarter of a model",
    inFolder(async (folder) => {
      const { bytes, perplexity, config } = run(folder, "minitron_4x", small);
      assert.equal([config.num_hidden_layers, config.intermediate_size], [3, 192]);
      assert.ok(4 * bytes.small < bytes.model, `${bytes.small}`);
      assert.ok(Number.isFinite(perplexity.small) && perplexity.small > perplexity.model);
    }),
  );

  test(
    "codes, zeros and corrections fill a budget",
    inFolder(async (folder) => {
      const { bytes, perplexity } = run(folder, "under_budget", { ...small, budget: "560kB" });
      assert.ok(bytes.small <= 560_000 && bytes.small > 550_000, `${bytes.small}`);
      assert.ok(perplexity.small < 10, `${perplexity.small}`);
    }),
  );
});
