/** A model of 2 GiB in half a GiB of GPU memory and one of host memory. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { someText, writeNoise } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { excessOf, type Kept, planAndRun } from "./promise.ts";

const [MiB, GiB] = [2 ** 20, 2 ** 30];
const budget = ["--gpu-memory", "512MiB", "--memory", "1GiB"];

/** Fewer show that the test works; what it is for needs them all. */
const layers = Number(process.env["LCOMP_LAYERS"] ?? 80);

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

/** The recipe on a model of these widths, or of a part of them. */
async function widthOf(folder: string, part: number): Promise<Kept> {
  const config = {
    ...{ hidden_size: 1024 / part, intermediate_size: 2816 / part, num_hidden_layers: layers, vocab_size: 32_000 },
    ...{ num_attention_heads: 16, num_key_value_heads: 16 },
  };
  const model = join(folder, `model-${part}`);
  await writeNoise(model, { config, shards: 5, isUntied: true });
  return planAndRun(join(folder, "large.lcomp"), model, join(folder, "text.jsonl"), budget);
}

suite("run: a large model", ({ test }) => {
  test(
    `${layers} layers in five files, 2 GiB where they are 80, go through width, Wanda and KL in 512 MiB of GPU memory and 1 GiB of host memory`,
    inFolder(async (folder) => {
      writeFileSync(join(folder, "large.lcomp"), recipe);
      writeFileSync(join(folder, "text.jsonl"), someText(40));
      const [wide, narrow] = [await widthOf(folder, 1), await widthOf(folder, 16)];
      const { promised, report } = wide;
      assert.ok(promised.gpu <= 512 * MiB && promised.host <= GiB, JSON.stringify(promised));
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
