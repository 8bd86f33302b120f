/** Models of real sizes, of which there are headers alone: what a plan of three stages and two evaluations comes to. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { loadRecipe, outline, plan } from "../../compiler/compile.ts";
import { mostCapable } from "../../compiler/plan/device-facts.ts";
import { showPlan } from "../../compiler/plan/plan-file.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { type Variant, writeHollow } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { hostWith } from "../language/run.ts";

const recipe = `import { shortgpt } from "std/prune/shortgpt"
import { minitron_width } from "std/prune/minitron"
import { wanda } from "std/prune/wanda"
import { perplexity } from "std/evaluate"

recipe three(model: Model, text: Corpus) {
  let sample = text.train.sample(128, length: 2048, seed: 0)
  stage shallow = shortgpt(drop: 25%) of model over sample
  stage narrow = minitron_width(mlp: 50%) of shallow over sample
  stage sparse = wanda(50%) of narrow over sample
  report perplexity(sparse, text.test), perplexity(model, text.test)
  save sparse as "huggingface"
}
`;

const llama = { vocab_size: 128_256, rms_norm_eps: 1e-5, rope_theta: 500_000, max_position_embeddings: 8192 };

const models: Readonly<Record<string, Variant>> = {
  "Llama-3.1-8B": {
    config: {
      ...{ ...llama, hidden_size: 4096, intermediate_size: 14_336, num_hidden_layers: 32 },
      ...{ num_attention_heads: 32, num_key_value_heads: 8 },
    },
    isUntied: true,
  },
  "Llama-3.1-70B": {
    config: {
      ...{ ...llama, hidden_size: 8192, intermediate_size: 28_672, num_hidden_layers: 80 },
      ...{ num_attention_heads: 64, num_key_value_heads: 8 },
    },
    isUntied: true,
  },
  "Qwen3-0.6B": {
    config: {
      ...{ architectures: ["Qwen3ForCausalLM"], model_type: "qwen3", head_dim: 128, vocab_size: 151_936 },
      ...{ hidden_size: 1024, intermediate_size: 3072, num_hidden_layers: 28, rms_norm_eps: 1e-6 },
      ...{ num_attention_heads: 16, num_key_value_heads: 8, max_position_embeddings: 40_960, rope_theta: 1_000_000 },
    },
  },
};

/** The bytes in BF16 of a model with three quarters of its blocks, each with half of its neurons. */
function bytesLeft({ config = {}, isUntied = false }: Variant): number {
  const [n, mlp, vocabulary, heads, kv] = [
    ...["hidden_size", "intermediate_size", "vocab_size", "num_attention_heads", "num_key_value_heads"],
  ].map((field) => Number(config[field])) as [number, number, number, number, number];
  const head = Number(config["head_dim"] ?? n / heads);
  const attention = 2 * heads * head * n + 2 * kv * head * n + (config["model_type"] === "qwen3" ? 2 * head : 0);
  const block = attention + 3 * n * (mlp / 2) + 2 * n;
  return 2 * (Math.floor(0.75 * Number(config["num_hidden_layers"])) * block + n + (isUntied ? 2 : 1) * vocabulary * n);
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(2)} s`;

suite("plan: large models", ({ test }) => {
  for (const [name, variant] of Object.entries(models))
    test(
      `${name} of headers alone goes through three stages and two evaluations`,
      inFolder(async (folder) => {
        await writeHollow(join(folder, "model"), { ...variant, dtype: "BF16" });
        const { config, tensors } = await openCheckpoint(join(folder, "model"));
        const loaded = loadRecipe(hostWith({ "own.lcomp": recipe }), "own.lcomp");
        const inputs = {
          parameters: new Map(),
          models: new Map([["model", { name, config, tensors }]]),
          corpora: new Map([["text", { tokens: { train: 1_000_000, test: 100_000 } }]]),
        };
        const begin = performance.now();
        const [save] = outline(loaded, inputs).saves;
        const outlined = seconds(begin);
        const saved = (save?.tensors ?? []).map(({ shape }) => 2 * shape.reduce((product, size) => product * size, 1));
        assert.is(
          saved.reduce((sum, bytes) => sum + bytes, 0),
          bytesLeft(variant),
        );
        const again = performance.now();
        const made = plan(loaded, inputs, mostCapable);
        const planned = seconds(again);
        const { length } = showPlan(made);
        assert.ok(made.steps.length < 5000, `${made.steps.length} steps`);
        assert.ok(length < 4 * 2 ** 20, `${length} bytes`);
        const size = `${made.steps.length} steps, ${made.programs.length} programs, ${(length / 2 ** 20).toFixed(2)} MiB`;
        process.stdout.write(`${name}: outlined in ${outlined}, planned with its peaks in ${planned}; ${size}\n`);
      }),
    );
});
