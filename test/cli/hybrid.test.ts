/** A hybrid recipe on a model of eight billion parameters, of which there are headers alone: refused, mended as the message says, planned. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { mostCapable } from "../../compiler/plan/device-facts.ts";
import { writeHollow } from "../given/model-folder.ts";
import { golden } from "../harness/golden.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { lcomp, main } from "./lcomp.ts";

const recipe = `import { shortgpt } from "std/prune/shortgpt"
import { wanda } from "std/prune/wanda"
import { gptq } from "std/quantize/gptq"

/// Seven eighths of the blocks, half of the weights that are left, and four bits for each.
recipe hybrid(model: Model, text: Corpus) {
  let some = text.train.sample(128, length: 2048, seed: 0)

  stage short = shortgpt(12.5%) of model over some
  stage sparse = wanda(2:4) of short over some for layer
  stage small = gptq(4, every: 128, symmetric: true) of sparse over some for layer

  expect pattern(small, 2:4)
  expect bytes(small) <= 35% * bytes(model)
  save small as "compressed-tensors"
}
`;

const llama = {
  ...{ vocab_size: 128_256, hidden_size: 4096, intermediate_size: 14_336, num_hidden_layers: 32 },
  ...{ num_attention_heads: 32, num_key_value_heads: 8, rope_theta: 500_000, max_position_embeddings: 8192 },
};

/** A GPU as cards of 8 GB are. */
const card = {
  ...mostCapable,
  maxStorageBufferBindingSize: 2 ** 31 - 4,
  maxBufferSize: 2 ** 32 - 4,
  maxStorageBuffersPerShaderStage: 16,
  maxComputeWorkgroupStorageSize: 49_152,
};

suite("hybrid recipe of eight billion parameters", ({ test }) => {
  test(
    "it is refused, mended as the message says, and planned",
    inFolder(async (folder) => {
      await writeHollow(join(folder, "llama"), { config: llama, dtype: "BF16", isUntied: true });
      const path = join(folder, "hybrid.lcomp");
      writeFileSync(path, recipe);
      writeFileSync(
        join(folder, "card.json"),
        JSON.stringify({ adapters: [{ isUsed: true, facts: card }], memory: 2 ** 35 }),
      );
      const args = ["plan", "hybrid.lcomp", "--model", "llama", "--device", "card.json", "--gpu-memory", "8GiB"];
      const planned = () => lcomp(folder, args, { entry: main, variables: { COLUMNS: "120" } });
      const refused = planned();
      assert.is(refused.status, 1);
      const [, stage, ending] = /= hint: end `(stage \w+)` with `(.*)`/.exec(refused.stderr) ?? [];
      const mended = readFileSync(path, "utf8").replace(new RegExp(`(${stage} .*)`), `$1 ${ending}`);
      writeFileSync(path, mended);
      const { status, stdout, stderr } = planned();
      assert.is(status, 0, stderr);
      const line = mended.split("\n").find((each) => each.includes(`${stage} `));
      const screen = `$ lcomp ${args.join(" ")}\n${refused.stderr}\n${line}\n\n$ lcomp ${args.join(" ")}\n${stdout}`;
      golden(
        "test/golden/screens/hybrid.txt",
        screen.replace(/ computes .*(?= operations)| moves .*/g, (text) => text.replace(/[\d.]+.*/, "…")),
      );
    }),
  );
});
