/** A model of 2 GiB in half a GiB of GPU memory and one of host memory. */
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { budget, layers, writeLarge, writeRecipe } from "./large.ts";
import { excessOf, type Kept, planAndRun } from "./promise.ts";

const recipe = `import { minitron_width } from "std/prune/minitron"
import { wanda } from "std/prune/wanda"
import { agreement, mean_kl, mean_nll } from "std/evaluate"

recipe large(model: Model, text: Corpus) {
  let sample = text.train.sample(8, length: 128, seed: 0)
  stage narrow = minitron_width(mlp: 75%, multiple: 16) of model over sample
  stage sparse = wanda(50%) of narrow over sample for linear except lm_head
  report mean_nll(model, text.test, length: 128), mean_nll(sparse, text.test, length: 128)
  report mean_kl(model, sparse, text.test, length: 128), agreement(model, sparse, text.test, length: 128)
  save sparse as "huggingface"
}
`;

suite("run: a large model", ({ test }) => {
  test(
    `${layers} layers in five files, 2 GiB where they are 80, go through width, Wanda and KL in 512 MiB of GPU memory and 1 GiB of host memory`,
    inFolder(async (folder) => {
      const paths = writeRecipe(folder, recipe);
      const widthOf = async (part: number): Promise<Kept> =>
        planAndRun(paths.recipe, await writeLarge(folder, part), paths.text, budget.flags);
      const [wide, narrow] = [await widthOf(1), await widthOf(16)];
      const { promised, report } = wide;
      assert.ok(promised.gpu <= budget.gpu && promised.host <= budget.host, JSON.stringify(promised));
      const losses = Object.values(report.measures["mean_nll"] ?? {});
      assert.is(losses.length, 2);
      for (const value of losses) assert.ok(value > 0 && value < 30, `${value}`);
      const [kl, share] = Object.values(report.values);
      assert.ok(kl !== undefined && kl > 0 && kl < 30, `KL is ${kl}`);
      assert.ok(share !== undefined && share >= 0 && share <= 1, `agreement is ${share}`);
      assert.ok(Math.abs((report.zeros["sparse"]?.["all"] ?? 0) - 0.5) < 0.01);
      const excess = excessOf(wide, narrow);
      assert.ok(excess <= 0, `${excess} bytes too many`);
    }),
  );
});
