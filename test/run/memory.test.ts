import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { someText, writeHollow } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { largeShape, writeModel } from "./plan.ts";
import { excessOf, type Kept, planAndRun } from "./promise.ts";
import { watch } from "./watch.ts";

const recipe = `import { wanda } from "std/prune/wanda"
import { perplexity } from "std/evaluate"

recipe wide(model: Model, text: Corpus) {
  let sample = text.train.sample(2, length: 32, seed: 0)
  stage sparse = wanda(50%) of model over sample for linear except lm_head
  report perplexity(sparse, text.test.first(2), length: 32)
  save sparse as "huggingface"
}
`;

/** On a model of these widths, or of a part of them. */
async function widthOf(folder: string, part: number): Promise<Kept> {
  const config = { hidden_size: 2048 / part, intermediate_size: 5632 / part, num_hidden_layers: 1 };
  const model = join(folder, `model-${part}`);
  await writeHollow(model, { config, dtype: "BF16" });
  return planAndRun(join(folder, "wide.lcomp"), model, join(folder, "text.jsonl"));
}

suite("run: memory", ({ test, skip }) => {
  const onLinux = existsSync("/proc/self/status") ? test : (name: string) => skip(name, "there is no /proc here");
  onLinux(
    "32 blocks take at most a tenth more memory than 8",
    inFolder(async (folder) => {
      const peaks: number[] = [];
      for (const layers of [8, 32]) {
        await writeModel(join(folder, String(layers)), largeShape(layers));
        peaks.push((await watch(join(import.meta.dirname, "blocks.ts"), [folder, String(layers)])).peak);
      }
      const [few = 0, many = 0] = peaks;
      process.stdout.write(`peak memory: ${peaks.map((bytes) => `${Math.round(bytes / 2 ** 20)} MiB`).join(", ")}\n`);
      assert.ok(few > 0 && many <= 1.1 * few, `${many} bytes against ${few}`);
    }),
  );

  // Where the adapter is the processor, its memory is the process's own.
  onLinux(
    "from outside, sixteen times the widths take no more than a plan promises, a tenth and 64 MiB",
    inFolder(async (folder) => {
      writeFileSync(join(folder, "wide.lcomp"), recipe);
      writeFileSync(join(folder, "text.jsonl"), someText(10));
      const excess = excessOf(await widthOf(folder, 1), await widthOf(folder, 16));
      assert.ok(excess <= 0, `${excess} bytes too many`);
    }),
  );
});
