/** Folders that say themselves how their codes are stored: written, read back with the weights coded, and refused where they are damaged. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Plan } from "../../compiler/plan/plan.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { sha256 } from "../../runtime/io/hash.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readTensor } from "../io/tensors.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";
import { type Change, configOf, formed, inQuantization, inTensors } from "./changed-folder.ts";

const sizes = { hidden_size: 64, intermediate_size: 192, num_attention_heads: 4, num_key_value_heads: 2 };

const declared = `
import { rtn } from "std/quantize/rtn"
import { mxfp4 } from "std/quantize/mxfp4"
import { nvfp4 } from "std/quantize/nvfp4"
import { nf4 } from "std/quantize/nf4"
import { q8_0 } from "std/quantize/ggml"
import { perplexity } from "std/evaluate"
import { half } from "./half.lcomp"

/// A format of the recipe's own, with a function of another file.
format Own(bits: Int, low: Float) of f32[out, in] {
  code: uint(bits)[out, in]
  scale: f32[out]

  decode = half(scale) * (code + low)
}

method owned(bits: Int = 5) on linear(w: f32[out, in]) {
  let scale = max(abs(w), over in) / 15
  Own(bits, -15.5) { code: clamp(round(w / scale + 15.5), 0, 31), scale: 2 * scale }
}
`;

const half = "fn half(x) = x / 2\n";

const coding = `${declared}
recipe coded(model: Model, text: Corpus) {
  stage a = rtn(3, every: 32) of model for layer[0].mlp.*
  stage b = mxfp4() of a for layer[1].mlp.*
  stage c = nvfp4() of b for q
  stage d = nf4() of c for k
  stage e = q8_0() of d for layer[0].v, layer[0].o
  stage f = owned() of e for layer[1].v, layer[1].o
  report perplexity(f, text.test, length: 16), bytes(f)
  save f as "lcomp"
}
`;

const thin = `
import { QuantPlusLowRank, leading } from "std/lowrank/factors"
import { caldera } from "std/lowrank/caldera"
import { svd_llm } from "std/lowrank/svd_llm"
${declared}
/// Codes in the recipe's own format, and factors of what they leave.
method mended(rank: Int = 4) on linear(w: f32[out, in]) {
  let scale = max(abs(w), over in) / 15
  let code = clamp(round(w / scale + 15.5), 0, 31)
  let rest = w - scale * (code - 15.5)
  let left = leading(rest, f32(index(in) == index(in': size(in))), rank)
  QuantPlusLowRank(rank, Own(5, -15.5)) {
    q: { code, scale: 2 * scale }, left: { value: left }, right: { value: sum(left * rest, over out) },
  }
}

recipe coded(model: Model, text: Corpus) {
  let sample = text.test.sample(2, length: 16, seed: 0)
  stage a = mended() of model for q, k, v, o
  stage b = svd_llm(40%) of a over sample for gate, up
  stage c = caldera(3, every: 32, rank: 4, rounds: 1) of b over sample for down
  report perplexity(c, text.test, length: 16), bytes(c)
  save c as "lcomp"
}
`;

const again = (format: string): string => `
import { magnitude } from "std/prune/magnitude"
import { perplexity } from "std/evaluate"
recipe coded(model: Model, text: Corpus) {
  report perplexity(model, text.test, length: 16), bytes(model)
  save model as "${format}"
}
`;

/** Runs a recipe on a model; what was planned, and what was reported. */
async function run(folder: string, text: string, model: string, out: string) {
  const plans: Plan[] = [];
  writeFiles(folder, { "coded.lcomp": text, "half.lcomp": half, "text.jsonl": someText(10) });
  const flags = { model: join(folder, model), text: join(folder, "text.jsonl") };
  const watching = { planned: (plan: Plan) => void plans.push(plan) };
  const { reports } = await runRecipe(join(folder, "coded.lcomp"), flags, join(folder, out), watching);
  return { plan: plans[0] as Plan, reports: reports.map(({ value }) => value) };
}

/** The text of config.json, and of each tensor its form and its bytes. */
async function contents(folder: string): Promise<readonly string[]> {
  const { configText, tensors } = await openCheckpoint(folder);
  const shown = [...tensors.values()].map(async (tensor) => {
    const { name, dtype, shape } = tensor;
    return `${name} ${dtype} ${shape} ${sha256(await readTensor(tensor))}`;
  });
  return [configText, ...(await Promise.all(shown)).sort()];
}

suite("target: lcomp", ({ test }) => {
  test(
    "what is written is read back with its codes, is written again as it was, and as the numbers that it stands for",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "model"), { config: sizes });
      const made = await run(folder, coding, "model", "out");
      const read = await run(folder, again("lcomp"), "out", "again");
      assert.equal(read.reports, made.reports);
      const [before, after] = await Promise.all(["out", "again"].map((name) => contents(join(folder, name))));
      assert.equal(after, before);
      const smallest = 4 * 64 * 64;
      const blocks = read.plan.programs.filter(({ buffers }) =>
        buffers.some(({ slot }) => slot?.name.endsWith("q_proj.weight code")),
      );
      assert.ok(blocks.length > 0);
      for (const { slot, bytes } of blocks.flatMap(({ buffers }) => buffers))
        assert.ok(slot !== undefined || bytes < smallest, `a buffer of ${bytes} bytes`);
      await run(folder, again("huggingface"), "out", "numbers");
      await run(folder, coding.replace('"lcomp"', '"huggingface"'), "model", "same");
      const [numbers, same] = [
        await openCheckpoint(join(folder, "numbers")),
        await openCheckpoint(join(folder, "same")),
      ];
      assert.is(configOf(join(folder, "numbers"))["quantization_config"], undefined);
      assert.equal([...numbers.tensors.keys()].sort(), [...same.tensors.keys()].sort());
      for (const [name, tensor] of same.tensors) {
        const other = numbers.tensors.get(name);
        assert.equal(other && (await readTensor(other)), await readTensor(tensor), name);
      }
    }),
    "swiftshader",
  );

  test(
    "formats with formats among their arguments are read back, and no product of thin factors is made",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "model"), { config: { ...sizes, num_hidden_layers: 1 } });
      const made = await run(folder, thin, "model", "out");
      const read = await run(folder, again("lcomp"), "out", "again");
      assert.equal(read.reports, made.reports);
      const [before, after] = await Promise.all(["out", "again"].map((name) => contents(join(folder, name))));
      assert.equal(after, before);
      const blocks = read.plan.programs.filter(({ buffers }) =>
        buffers.some(({ slot }) => slot?.name.endsWith("q_proj.weight q.code")),
      );
      assert.ok(blocks.length > 0);
      for (const { slot, bytes } of blocks.flatMap(({ buffers }) => buffers))
        assert.ok(slot !== undefined || bytes < 4 * 64 * 64, `a buffer of ${bytes} bytes`);
    }),
  );

  test(
    "a damaged folder is refused by the name of what is wrong",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "model"), { config: { ...sizes, num_hidden_layers: 1 } });
      await run(
        folder,
        coding
          .replaceAll("layer[1]", "layer[0]")
          .replace(/ {2}stage [be].*\n/g, "")
          .replace("of b", "of a")
          .replace("of e", "of d"),
        "model",
        "out",
      );
      for (const [damage, said] of damages) {
        cpSync(join(folder, "out"), join(folder, "damaged"), { recursive: true, force: true });
        await damage(join(folder, "damaged"));
        const error = await run(folder, again("lcomp"), "damaged", "never").then(() => "", String);
        assert.match(error, said, error);
      }
    }),
  );

  test("the device closes", closeDevice);
});

const inConfig = inQuantization<{ formats: Record<string, unknown>[] }>;

const gate = "model.layers.0.mlp.gate_proj.weight";

const damages: readonly (readonly [Change, RegExp])[] = [
  [inTensors(`${gate}.scale`, () => []), /there is no tensor model\.layers\.0\.mlp\.gate_proj\.weight\.scale/],
  [
    inTensors(`${gate}.code`, formed("F32", [192, 24])),
    /gate_proj\.weight\.code is F32 \[192, 24\], and must be U8 \[192, 2, 12\]/,
  ],
  [
    inTensors(`${gate}.scale`, formed("F32", [2, 192])),
    /gate_proj\.weight\.scale is F32 \[2, 192\], and must be F16 \[192, 2\]/,
  ],
  [
    inTensors(`${gate}.zero`, (tensor) => [tensor, { ...tensor, name: "model.layers.0.mlp.gate_proj.more" }]),
    /`model\.layers\.0\.mlp\.gate_proj\.more`/,
  ],
  [
    inConfig(({ formats }) => Object.assign(formats[0] ?? {}, { format: "Affine(bits: 4, every: 32)" })),
    /weight\.code is U8 \[64, 6, 12\], and must be U8 \[64, 6, 16\]/,
  ],
  [
    inConfig(({ formats }) => Object.assign(formats[0] ?? {}, { format: "Affine(bits: 3, every: 36)" })),
    /does not divide|not divisible/,
  ],
  [
    inConfig(({ formats }) => Object.assign(formats[0] ?? {}, { format: "affine_grid" })),
    /`affine_grid` is no format of/,
  ],
  [
    inConfig(({ formats }) => Object.assign(formats[0] ?? {}, { modules: {} })),
    /is no format of `std\/quantize\/affine`/,
  ],
  [
    inConfig(({ formats }) => Object.assign(formats[0] ?? {}, { tensors: ["model.norm.weight"] })),
    /model\.norm\.weight is no matrix of the model/,
  ],
  [inConfig(({ formats }) => Object.assign(formats[0] ?? {}, { tensors: 3 })), /each of its `formats` has/],
  [inConfig(({ formats }) => void formats.pop()), /no tensor `model\.layers\.0/],
  [inConfig(({ formats }) => void formats.push(formats[0] ?? {})), /has two formats/],
  [
    inConfig((quantization) => Object.assign(quantization, { quant_method: "unheard" })),
    /quantised already, by unheard/,
  ],
];
