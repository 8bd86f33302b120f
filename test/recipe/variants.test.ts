/** Models that differ from each other in one thing, evaluated, against a decoder in plain float64. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { loadCorpus, windows } from "../../runtime/io/corpus.ts";
import { loadTokenizer } from "../../runtime/io/tokenizer.ts";
import { biased, someText, type Variant, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { losses, readDecoder } from "../run/decoder.ts";
import { closeDevice, runRecipe } from "../run/recipe.ts";
import { listed } from "../run/windows.ts";

const llama3 = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 64,
};

const variants: Readonly<Record<string, Variant>> = {
  "two blocks, four heads in two groups, f32": {},
  f16: { dtype: "F16" },
  bf16: { dtype: "BF16" },
  "three shards": { shards: 3 },
  "one block": { config: { num_hidden_layers: 1 } },
  "a head that is not tied": { isUntied: true },
  "heads that are not hidden / heads wide": { config: { head_dim: 20 } },
  "a key/value head for each query head": { config: { num_key_value_heads: 4 } },
  "one key/value head for all": { config: { num_key_value_heads: 1 } },
  "biases in attention": { config: { attention_bias: true } },
  "biases everywhere": { config: biased, dtype: "F16" },
  "sizes that no tile divides": { config: { hidden_size: 24, intermediate_size: 37 } },
  "Llama 3 rotary scaling": { config: { rope_scaling: llama3 } },
  "linear rotary scaling, in the newer place": {
    config: { rope_theta: undefined, rope_parameters: { rope_theta: 10000, rope_type: "linear", factor: 2 } },
  },
  "another base and epsilon": { config: { rope_theta: 500000, rms_norm_eps: 1e-3 } },
};

/** As the decoder wants it: the newer place of the rotary settings is the older one. */
const settled = (config: Variant["config"]): object => {
  const { rope_parameters: newer } = (config ?? {}) as { readonly rope_parameters?: object };
  return newer === undefined ? {} : { rope_theta: 10000, rope_scaling: newer };
};

suite("variants of a model", ({ test }) => {
  for (const [name, variant] of Object.entries(variants)) {
    test(
      `${name}: the loss is that of float64 to 2e-5`,
      inFolder(async (folder) => {
        const model = join(folder, "model");
        const text = join(folder, "text.jsonl");
        await writeDecoder(model, variant);
        writeFileSync(text, someText(6));
        const { reports } = await runRecipe("std/evaluate", { model, text, length: "32" });
        const found = reports.find(({ of }) => of?.measure === "mean_nll")?.value ?? NaN;
        const decoder = await readDecoder(model);
        const config = { ...decoder.config, ...settled(variant.config) };
        const corpus = await loadCorpus(text, "test", await loadTokenizer(model));
        const means = losses({ ...decoder, config }, listed(windows(corpus, 32)));
        const expected = means.reduce((sum, mean) => sum + mean, 0) / means.length;
        assert.ok(means.length > 4 && expected > 5, `${means.length} windows of loss ${expected} do not tell much`);
        assert.ok(Math.abs(found - expected) < 2e-5, `${found} is not ${expected}`);
      }),
    );
  }

  test("the device closes", closeDevice);
});
