/** What is saved is read back: a folder that is not what was saved is found, whatever reads it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { plan } from "../../compiler/compile.ts";
import { checkSaved, type SavedCheck } from "../../runtime/cli/check-saved.ts";
import { openRecipe, readRecipe, readTexts, translated } from "../../runtime/cli/recipe.ts";
import { type Device, openDevice } from "../../runtime/gpu/device.ts";
import { OutputFolder } from "../../runtime/io/output-folder.ts";
import { runPlan } from "../../runtime/run/run-plan.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { writeFiles } from "../run/recipe.ts";
import { type Change, configOf, inQuantization, inTensors } from "../target/changed-folder.ts";

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

/** Runs the recipe, changes what it has written, and checks that. */
async function checked(device: Device, folder: string, format: string, change: Change): Promise<SavedCheck | null> {
  writeFiles(folder, { "coded.lcomp": recipe(format), "text.jsonl": someText(10) });
  const flags = { model: join(folder, "model"), text: join(folder, "text.jsonl") };
  const open = await openRecipe(readRecipe(join(folder, "coded.lcomp")), flags);
  const { corpora, inputs } = await readTexts(open, flags);
  const made = translated(open.shown, () => plan(open.loaded, inputs, device.facts));
  const output = new OutputFolder(join(folder, "out"));
  try {
    const { signal } = new AbortController();
    const given = { device, models: open.models, corpora, signal, output };
    await runPlan(made, { ...given, progress: () => undefined });
    await change(output.partial);
    return await checkSaved({ open, plan: made, inputs, device, options: { output, signal, corpora } });
  } finally {
    output.abort();
  }
}

const nothing: Change = () => undefined;
const gate = "model.layers.0.mlp.gate_proj";

suite("check of what is saved", ({ test }) => {
  test(
    "a folder as it was saved has the loss of its stage, and one that was changed has not",
    inFolder(async (folder) => {
      const device = await openDevice();
      try {
        await writeDecoder(join(folder, "model"), { config: sizes });
        for (const format of ["huggingface", "lcomp", "gptq", "compressed-tensors", "awq"]) {
          const found = await checked(device, folder, format, nothing);
          assert.ok(found && Math.abs(found.loss - found.saved_loss) <= 1e-5 * found.loss, format);
          assert.ok(found.windows === 8 && found.kl > 0 && found.kl < 1, format);
        }
        for (const [format, change] of [
          // Zero points that are less by one: it loads, and speaks garbage.
          [
            "gptq",
            inQuantization(
              (said: Record<string, unknown>) => void Object.assign(said, { checkpoint_format: "gptq_v2" }),
            ),
          ],
          [
            "lcomp",
            inTensors(`${gate}.weight.scale`, (tensor) => [{ ...tensor, bytes: tensor.bytes.fill(0x2c, 0, 64) }]),
          ],
          [
            "huggingface",
            (path) =>
              writeFileSync(join(path, "config.json"), JSON.stringify({ ...configOf(path), rms_norm_eps: 0.5 })),
          ],
        ] as const satisfies readonly (readonly [string, Change])[]) {
          const error = await checked(device, folder, format, change).then(() => "", String);
          assert.match(error, /nothing is kept: read back, small has a loss of/, format);
        }
      } finally {
        device.close();
      }
    }),
  );
});
