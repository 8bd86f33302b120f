import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Needs } from "../../runtime/cli/needs-table.ts";
import { main } from "../cli/lcomp.ts";
import { someText, writeHollow } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { largeShape, writeModel } from "./plan.ts";
import { watch } from "./watch.ts";

const recipe = `import { wanda } from "std/prune/wanda"
import { perplexity } from "std/evaluate"

recipe wide(model: Model, text: Corpus) {
  let sample = text.train.sample(4, length: 64, seed: 0)
  stage sparse = wanda(50%) of model over sample for linear except lm_head
  report perplexity(sparse, text.test, length: 64)
  save sparse as "huggingface"
}
`;

/** What a plan says that the recipe takes on a model of a sixteenth of these widths, or of all of them, and what it takes. */
async function widthOf(folder: string, part: number): Promise<{ readonly promised: number; readonly peak: number }> {
  const config = { hidden_size: 2048 / part, intermediate_size: 5632 / part, num_hidden_layers: 2 };
  const model = join(folder, `model ${part}`);
  await writeHollow(model, { config, dtype: "BF16" });
  const own = [join(folder, "wide.lcomp"), "--model", model, "--text", join(folder, "text.jsonl"), "--json"];
  const planned = JSON.parse((await watch(main, ["plan", ...own])).output) as Needs;
  const { peak } = await watch(main, ["run", ...own, "--quiet", "--out", join(folder, `out ${part}`)]);
  return { promised: planned.peak.gpu + planned.peak.host, peak };
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
      const [wide, narrow] = [await widthOf(folder, 1), await widthOf(folder, 16)];
      const [taken, promised] = [wide.peak - narrow.peak, wide.promised - narrow.promised];
      process.stdout.write(`${Math.round(taken / 2 ** 20)} MiB taken, ${Math.round(promised / 2 ** 20)} promised\n`);
      assert.ok(taken <= 1.1 * promised + 64 * 2 ** 20, `${taken} bytes, ${promised} promised`);
    }),
  );
});
