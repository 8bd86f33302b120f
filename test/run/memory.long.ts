/** A model of 2 GiB in half a GiB of GPU memory and one of host memory. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { RunReport } from "../../runtime/cli/result-table.ts";
import { main } from "../cli/lcomp.ts";
import { someText, writeNoise } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { watch } from "./watch.ts";

const [MiB, GiB] = [2 ** 20, 2 ** 30];

/** What Node.js, Dawn and a driver take by themselves. */
const programs = 384 * MiB;

const config = {
  ...{ hidden_size: 1024, intermediate_size: 2816, num_hidden_layers: 80, vocab_size: 32_000 },
  ...{ num_attention_heads: 16, num_key_value_heads: 16 },
};

const recipe = `import { wanda } from "std/prune/wanda"
import { mean_nll } from "std/evaluate"

recipe large(model: Model, text: Corpus) {
  let sample = text.train.sample(8, length: 128, seed: 0)
  stage sparse = wanda(50%) of model over sample for linear except lm_head
  report mean_nll(model, text.test, length: 128), mean_nll(sparse, text.test, length: 128)
  save sparse as "huggingface"
}
`;

suite("run: a large model", ({ test }) => {
  test(
    "80 layers, 2 GiB in five files, go through 512 MiB of GPU memory and 1 GiB of host memory",
    inFolder(async (folder) => {
      await writeNoise(join(folder, "model"), { config, shards: 5, isUntied: true });
      writeFileSync(join(folder, "large.lcomp"), recipe);
      writeFileSync(join(folder, "text.jsonl"), someText(40));
      const files = [
        "--model",
        join(folder, "model"),
        "--text",
        join(folder, "text.jsonl"),
        "--out",
        join(folder, "out"),
      ];
      const budget = ["--gpu-memory", "512MiB", "--memory", "1GiB"];
      const { peak, output } = await watch(main, [
        "run",
        join(folder, "large.lcomp"),
        ...files,
        ...budget,
        "--json",
        "--quiet",
      ]);
      const { measures, zeros } = JSON.parse(output) as RunReport;
      for (const value of Object.values(measures["mean_nll"] ?? {})) assert.ok(value > 0 && value < 30, `${value}`);
      assert.ok(Math.abs((zeros["sparse"]?.["all"] ?? 0) - 0.5) < 0.01);
      assert.ok(peak <= 1.1 * (0.5 * GiB + GiB) + 64 * MiB + programs, `${Math.round(peak / MiB)} MiB`);
    }),
  );
});
