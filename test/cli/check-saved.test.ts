/** What is saved is read back: a folder that is not what was saved is found, whatever reads it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { plan } from "../../compiler/compile.ts";
import { translated } from "../../runtime/cli/host.ts";
import { openModel } from "../../runtime/cli/models.ts";
import { openRecipe, readRecipe, readTexts } from "../../runtime/cli/recipe.ts";
import { type Device, openDevice } from "../../runtime/gpu/device.ts";
import type { Checkpoint } from "../../runtime/io/checkpoint.ts";
import type { JsonObject } from "../../runtime/io/file.ts";
import { OutputFolder } from "../../runtime/io/output-folder.ts";
import type { CheckResult } from "../../runtime/run/result.ts";
import { runPlan } from "../../runtime/run/run-plan.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { writeFiles } from "../run/recipe.ts";
import { type Change, configOf, inTensors } from "../target/changed-folder.ts";

const sizes = { hidden_size: 64, intermediate_size: 192, num_attention_heads: 4, num_key_value_heads: 2 };

const recipe = (format: string): string => `
import { rtn } from "std/quantize/rtn"
import { perplexity } from "std/evaluate"
recipe coded(model: Model, text: Corpus) {
  stage small = rtn(4, every: 32, symmetric: true) of model for linear except lm_head
  report perplexity(small, text.test, length: 16)
  save small as "${format}"
}
`;

/** What becomes of files between writing and reading, and of what the plan knows that they say. */
interface Changes {
  readonly files?: Change;
  readonly known?: (config: JsonObject) => JsonObject;
}

/** Runs the recipe, and somebody changes what it has written before that is read back. */
async function checked(
  device: Device,
  folder: string,
  format: string,
  { files = () => undefined, known = (config) => config }: Changes = {},
): Promise<CheckResult | null> {
  writeFiles(folder, { "coded.lcomp": recipe(format), "text.jsonl": someText(10) });
  const flags = { model: join(folder, "model"), text: join(folder, "text.jsonl") };
  const open = await openRecipe(readRecipe(join(folder, "coded.lcomp")), flags);
  const { corpora, inputs } = await readTexts(open, flags);
  const facts = inputs.saved?.get("small");
  assert.ok(facts);
  const saved = new Map([["small", { ...facts, config: known(facts.config as JsonObject) }]]);
  const made = translated(open.shown, () => plan(open.loaded, { ...inputs, saved }, device.facts));
  const output = new OutputFolder(join(folder, "out"));
  try {
    const { signal } = new AbortController();
    const given = { device, models: open.models, corpora, signal, output, progress: () => undefined };
    const openSaved = async (path: string): Promise<Checkpoint> => {
      await files(output.partial);
      return openModel(path);
    };
    return (await runPlan(made, { ...given, openSaved })).checks[0] ?? null;
  } finally {
    output.abort();
  }
}

const inConfig =
  (change: (config: JsonObject) => JsonObject): Change =>
  (path) =>
    writeFileSync(join(path, "config.json"), JSON.stringify(change(configOf(path) as JsonObject)));

const gate = "model.layers.0.mlp.gate_proj";

suite("check of what is saved", ({ test }) => {
  test(
    "files as they were saved have the loss of their stage, and others have not",
    inFolder(async (folder) => {
      const device = await openDevice();
      try {
        await writeDecoder(join(folder, "model"), { config: sizes });
        for (const format of ["huggingface", "lcomp", "gptq", "compressed-tensors", "awq"]) {
          const found = await checked(device, folder, format);
          assert.ok(found && Math.abs(found.loss - found.saved_loss) <= 1e-5 * found.loss, format);
          assert.ok(found.windows === 8 && found.kl > 0 && found.kl < 1, format);
        }
        // As if it was written with a mistake: zero points that are less by one, which load, and speak garbage.
        const mistaken = (config: JsonObject): JsonObject => ({
          ...config,
          quantization_config: { ...(config["quantization_config"] as JsonObject), checkpoint_format: "gptq_v2" },
        });
        const spoiled = inTensors(`${gate}.weight.scale`, (tensor) => [
          { ...tensor, bytes: tensor.bytes.fill(0x2c, 0, 64) },
        ]);
        for (const [format, changes, expected] of [
          ["gptq", { files: inConfig(mistaken), known: mistaken }, /small has a loss of/],
          ["lcomp", { files: spoiled }, /small has a loss of/],
          ["huggingface", { files: inConfig((config) => ({ ...config, rms_norm_eps: 0.5 })) }, /the config of small/],
        ] as const satisfies readonly (readonly [string, Changes, RegExp])[]) {
          const error = await checked(device, folder, format, changes).then(() => "", String);
          assert.match(error, /nothing is kept: read back/, format);
          assert.match(error, expected, format);
        }
      } finally {
        device.close();
      }
    }),
  );
});
