/** GPTQ of a model of 2 GiB in little memory, killed ten times. */
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { randomOf, seed } from "../ops/random.ts";
import { killedAnywhere } from "./kills.ts";
import { budget, layers, writeLarge, writeRecipe } from "./large.ts";
import { excessOf, planAndRun, promisedOf } from "./promise.ts";

/** Few and short windows: what is long here is the model. */
const recipe = (every: number): string => `import { gptq } from "std/quantize/gptq"
import { mean_nll } from "std/evaluate"

recipe large(model: Model, text: Corpus) {
  let sample = text.train.sample(4, length: 64, seed: 0)
  stage small = gptq(4, every: ${every}) of model over sample for linear except lm_head
  report mean_nll(small, text.test.first(4), length: 64)
  save small as "lcomp"
}
`;

suite(`run: a large model is killed, LCOMP_SEED=${seed}`, ({ test }) => {
  test(
    `at ten moments, from the first step to the last file, ${layers} layers in 512 MiB of GPU memory and 1 GiB of host memory`,
    inFolder(async (folder) => {
      const { recipe: path, text } = writeRecipe(folder, recipe(128));
      const args = [path, "--model", await writeLarge(folder), "--text", text, ...budget.flags];
      const promised = await promisedOf(args);
      assert.ok(promised.gpu <= budget.gpu && promised.host <= budget.host, JSON.stringify(promised));
      const random = randomOf("large kills");
      const survived = await killedAnywhere(folder, args, (records) => {
        const counts = Array.from({ length: 10 }, () => random.integer(0, records)).sort((a, b) => a - b);
        return counts.map((count) => ({ count, more: random.integer(0, 1000) }));
      });
      process.stdout.write(`${JSON.stringify(survived)}\n`);
      writeRecipe(folder, recipe(16));
      const narrow = await planAndRun(path, await writeLarge(folder, 16), text, budget.flags);
      const excess = excessOf({ promised, peak: survived.peak }, narrow);
      assert.ok(excess <= 0, `${excess} bytes too many`);
    }),
  );
});
