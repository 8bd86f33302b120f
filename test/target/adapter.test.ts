/** Low-rank factors beside coded weights: an adapter as PEFT has it, which is read back with the codes, and refused where it is damaged. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { readHeader } from "../../runtime/io/safetensors.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";

const sizes = { hidden_size: 64, intermediate_size: 192, num_attention_heads: 4, num_key_value_heads: 2 };

const coding = (stages: string, saved: string): string => `
import { caldera } from "std/lowrank/caldera"
import { lqer } from "std/lowrank/lqer"
import { rtn } from "std/quantize/rtn"
import { svd_llm } from "std/lowrank/svd_llm"
import { perplexity } from "std/evaluate"

recipe coded(model: Model, text: Corpus) {
  let sample = text.test.sample(4, length: 16, seed: 0)
${stages}
  report perplexity(small, text.test, length: 16), bytes(small)
${saved}
}
`;

const reading = `
import { perplexity } from "std/evaluate"
recipe read(model: Model, text: Corpus) {
  report perplexity(model, text.test, length: 16), bytes(model)
}
`;

/** What a recipe reports of a model, and finds of what it saves. */
async function run(folder: string, text: string, model: string, out?: string) {
  writeFiles(folder, { "coded.lcomp": text, "text.jsonl": someText(10) });
  const flags = { model: join(folder, model), text: join(folder, "text.jsonl") };
  const result = await runRecipe(join(folder, "coded.lcomp"), flags, out === undefined ? undefined : join(folder, out));
  return { loss: Number(result.reports[0]?.value), checks: result.checks };
}

const configIn = (folder: string): string => join(folder, "adapter", "adapter_config.json");

const mixed = `  stage half = caldera(4, every: 32, rank: 8, rounds: 1) of model over sample for self_attn.*
  stage up = lqer(4, every: 32, rank: 4) of half over sample for layer[0].gate, down
  stage small = rtn(4, every: 32) of up for layer[0].up`;

suite("adapter", ({ test }) => {
  test(
    "factors of several ranks, coded or not, lie beside codes, and the folder is as good as the stage",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "model"), { config: sizes });
      const saved = '  save small as "compressed-tensors"\n  save half as "compressed-tensors"';
      const made = await run(folder, coding(mixed, saved), "model", "out");
      assert.ok(made.checks.length === 2 && made.checks.every((check) => check !== null));
      const out = join(folder, "out", "small");
      const read = await run(folder, reading, "out/small");
      assert.ok(Math.abs(read.loss / made.loss - 1) < 1e-6, `${read.loss} ${made.loss}`);
      const config = JSON.parse(readFileSync(configIn(out), "utf8"));
      const [gate, q] = ["model.layers.0.mlp.gate_proj", "model.layers.0.self_attn.q_proj"];
      assert.equal([config.r, config.lora_alpha, config.rank_pattern[gate], config.alpha_pattern[gate]], [8, 8, 4, 4]);
      assert.ok(config.target_modules.includes(q) && !config.target_modules.includes("model.layers.1.mlp.up_proj"));
      const { tensors } = await readHeader(join(out, "adapter", "adapter_model.safetensors"));
      const shapes = new Map(tensors.map(({ name, dtype, shape }) => [name, `${dtype} ${shape.join(" ")}`]));
      assert.equal(shapes.get(`base_model.model.${gate}.lora_A.weight`), "F32 4 64");
      assert.equal(shapes.get(`base_model.model.${gate}.lora_B.weight`), "F32 192 4");
    }),
  );

  test(
    "without its adapter the folder is another model; a damaged one is refused by the name of what is wrong",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "model"), { config: { ...sizes, num_hidden_layers: 1 } });
      const stages = "  stage small = lqer(4, every: 32, rank: 4) of model over sample for linear except lm_head";
      const made = await run(folder, coding(stages, '  save small as "compressed-tensors"'), "model", "out");
      const place = configIn(join(folder, "out"));
      const config = JSON.parse(readFileSync(place, "utf8"));
      for (const [change, said] of [
        [{ lora_alpha: 8 }, /the factors of model\.layers\.0\S+ have a scale, 8\/4; it must be 1/],
        [{ r: 8, lora_alpha: 8 }, /has the rank 8, and its factors have 4/],
        [{ target_modules: ["q_proj"] }, /k_proj is not adapted, and has factors/],
        [{ use_dora: true }, /`use_dora` in its adapter_config\.json is true, and must be false/],
        [{ peft_type: "IA3" }, /`peft_type` .* must be "LORA"/],
      ] as const) {
        writeFileSync(place, JSON.stringify({ ...config, ...change }));
        const error = await run(folder, reading, "out").then(() => "", String);
        assert.match(error, said, error);
      }
      rmSync(join(folder, "out", "adapter"), { recursive: true });
      const whole = join(folder, "out", "config.json");
      const own = JSON.parse(readFileSync(whole, "utf8"));
      writeFileSync(whole, JSON.stringify({ ...own, adapter_config: {} })); // says nothing of one beside the weights
      const { loss } = await run(folder, reading, "out");
      assert.ok(Math.abs(loss / made.loss - 1) > 1e-5, `${loss} ${made.loss}`);
    }),
  );

  for (const [target, stages, refused] of [
    ["compressed-tensors", "  stage small = svd_llm(40%) of model over sample for down", /does not hold LowRank\(/],
    [
      "gptq",
      "  stage small = lqer(4, every: 32, rank: 4) of model over sample for linear except lm_head",
      /does not hold QuantPlusLowRank\(/,
    ],
  ] as const)
    test(
      `${target}: ${refused.source} is said before anything is computed`,
      inFolder(async (folder) => {
        await writeDecoder(join(folder, "model"), { config: sizes });
        const text = coding(stages, `  save small as "${target}"`);
        const error = await run(folder, text, "model", "out").then(() => "", String);
        assert.match(error, refused, error);
      }),
    );

  test("the device closes", closeDevice);
});
