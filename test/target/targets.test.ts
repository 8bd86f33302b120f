/** Folders for other programs: they are read back, and what does not fit is refused. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Plan } from "../../compiler/plan/plan.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";
import { type Change, configOf, formed, inQuantization, inTensors, type Kept } from "./changed-folder.ts";

const sizes = { hidden_size: 64, intermediate_size: 192, num_attention_heads: 4, num_key_value_heads: 2 };

const coding = (stages: string, format: string): string => `
import { rtn } from "std/quantize/rtn"
import { fp8, fp8_whole } from "std/quantize/fp8"
import { int8_rows } from "std/quantize/int8"
import { magnitude } from "std/prune/magnitude"
import { perplexity } from "std/evaluate"

recipe coded(model: Model, text: Corpus) {
${stages}
  report perplexity(small, text.test, length: 16), bytes(small)
  save small as "${format}"
}
`;

const reading = `
import { perplexity } from "std/evaluate"
recipe read(model: Model, text: Corpus) {
  report perplexity(model, text.test, length: 16), bytes(model)
}
`;

/** Runs a recipe on a model; what was planned, and what was reported. */
async function run(folder: string, text: string, model: string, out?: string) {
  const plans: Plan[] = [];
  writeFiles(folder, { "coded.lcomp": text, "text.jsonl": someText(10) });
  const flags = { model: join(folder, model), text: join(folder, "text.jsonl") };
  const watching = { planned: (plan: Plan) => void plans.push(plan) };
  const place = out === undefined ? undefined : join(folder, out);
  const { reports } = await runRecipe(join(folder, "coded.lcomp"), flags, place, watching);
  return { plan: plans[0] as Plan, reports: reports.map(({ value }) => value) };
}

const few = "for linear except lm_head";
const madeBy = (method: string, layers = few): string => `  stage small = ${method} of model ${layers}`;
const rounded = (arguments_: string, layers = few): string => madeBy(`rtn(${arguments_})`, layers);

suite("targets", ({ test }) => {
  const written = [
    ["gptq", "rtn(4, every: 32, symmetric: true)", { checkpoint_format: "gptq", sym: true, bits: 4, group_size: 32 }],
    ["gptq", "rtn(8, every: 64)", { checkpoint_format: "gptq_v2", sym: false, bits: 8, group_size: 64 }],
    ["awq", "rtn(4, every: 32)", { bits: 4, group_size: 32, zero_point: true }],
    ["awq", "rtn(4, every: 64, symmetric: true)", { bits: 4, group_size: 64, zero_point: true }],
    ["compressed-tensors", "rtn(4, every: 32, symmetric: true)", { format: "pack-quantized", ignore: ["lm_head"] }],
    ["compressed-tensors", "rtn(8, every: 64)", { format: "pack-quantized", ignore: ["lm_head"] }],
    ["compressed-tensors", "fp8()", { format: "float-quantized", ignore: ["lm_head"] }],
    ["compressed-tensors", "fp8_whole()", { format: "float-quantized", ignore: ["lm_head"] }],
    ["compressed-tensors", "int8_rows()", { format: "int-quantized", ignore: ["lm_head"] }],
  ] as const;
  for (const [i, [target, given, said]] of written.entries())
    test(
      `${target} of ${given}: what is written is read back with its codes, and is as good`,
      inFolder(async (folder) => {
        await writeDecoder(join(folder, "model"), { config: sizes });
        const made = await run(folder, coding(madeBy(given), target), "model", "out");
        const read = await run(folder, reading, "out");
        assert.ok(Math.abs(Number(read.reports[0]) / Number(made.reports[0]) - 1) < 1e-6, `${read.reports[0]}`);
        const quantization = configOf(join(folder, "out"))["quantization_config"] as Record<string, unknown>;
        for (const [name, value] of Object.entries(said)) assert.equal(quantization[name], value, name);
        const blocks = read.plan.programs.filter(({ buffers }) =>
          buffers.some(({ slot }) => slot?.name.endsWith("q_proj.weight code")),
        );
        assert.ok(blocks.length > 0);
        for (const { slot, bytes } of blocks.flatMap(({ buffers }) => buffers))
          assert.ok(slot !== undefined || bytes < 4 * 64 * 64, `a buffer of ${bytes} bytes`);
      }),
      ...(i % 3 === 0 ? (["swiftshader"] as const) : []),
    );

  test(
    "layers that are not coded are said to be none, and groups of layers may be coded otherwise where config.json can say it",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "model"), { config: sizes, isUntied: true });
      for (const target of ["gptq", "awq", "compressed-tensors"]) {
        const layers = "for linear except layer[0].down, lm_head";
        const made = await run(folder, coding(rounded("4, every: 32", layers), target), "model", target);
        const read = await run(folder, reading, target);
        assert.ok(Math.abs(Number(read.reports[0]) / Number(made.reports[0]) - 1) < 1e-6, target);
      }
      const said = (target: string): Record<string, unknown> =>
        configOf(join(folder, target))["quantization_config"] as Record<string, unknown>;
      assert.equal(said("gptq")["dynamic"], { "-:^model\\.layers\\.0\\.mlp\\.down_proj$": {} });
      assert.equal(said("awq")["modules_to_not_convert"], ["model.layers.0.mlp.down_proj"]);
      assert.equal(said("compressed-tensors")["ignore"], ["model.layers.0.mlp.down_proj", "lm_head"]);
      const stages = `  stage four = rtn(4, every: 32) of model for self_attn.*
  stage small = fp8() of four for mlp.*`;
      const made = await run(folder, coding(stages, "compressed-tensors"), "model", "mixed");
      const read = await run(folder, reading, "mixed");
      assert.ok(Math.abs(Number(read.reports[0]) / Number(made.reports[0]) - 1) < 1e-6);
      const { format, config_groups } = said("mixed");
      const groups = Object.values(config_groups as Record<string, { readonly format: string }>);
      assert.equal(
        [format, ...groups.map((group) => group.format)],
        ["mixed-precision", "pack-quantized", "float-quantized"],
      );
    }),
  );

  for (const [target, stages, refused] of [
    ["gptq", rounded("3, every: 32"), /"gptq" does not hold Affine\(bits: 3, every: 32, symmetric: false\)/],
    ["awq", rounded("8, every: 32"), /"awq" does not hold Affine\(bits: 8/],
    ["compressed-tensors", rounded("5, every: 32"), /does not hold Affine\(bits: 5/],
    ["gptq", "  stage small = magnitude(50%) of model for up", /does not hold a model without codes/],
    [
      "awq",
      rounded("4, every: 32", "for self_attn.* except v"),
      /does not hold q \(Affine\(.*\)\) beside v \(numbers\) in block 0/,
    ],
    [
      "compressed-tensors",
      "  stage four = rtn(4, every: 32) of model for gate\n  stage small = rtn(8, every: 32) of four for up",
      /does not hold gate \(Affine\(bits: 4, .*\)\) beside up \(Affine\(bits: 8, .*\)\) in block 0/,
    ],
    [
      "gptq",
      "  stage four = rtn(4, every: 32) of model for self_attn.*\n  stage small = rtn(4, every: 64) of four for mlp.*",
      /several formats in one folder: Affine\(bits: 4, every: 32, .*every: 64/,
    ],
  ] as const)
    test(
      `${target}: ${refused.source} is said before anything is computed`,
      inFolder(async (folder) => {
        await writeDecoder(join(folder, "model"), { config: sizes });
        const error = await run(folder, coding(stages, target), "model", "out").then(() => "", String);
        assert.match(error, refused, error);
      }),
    );

  test(
    "folders with what other programs write beside are read; damaged ones are refused by the name of what is wrong",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "model"), { config: { ...sizes, num_hidden_layers: 1 } });
      for (const [target, damages] of Object.entries(damaged)) {
        const { reports } = await run(folder, coding(rounded("4, every: 32"), target), "model", target);
        cpSync(join(folder, target), join(folder, "surrounded"), { recursive: true, force: true });
        await surrounded[target]?.(join(folder, "surrounded"));
        const read = await run(folder, reading, "surrounded");
        assert.ok(Math.abs(Number(read.reports[0]) / Number(reports[0]) - 1) < 1e-6, target);
        for (const [damage, said] of damages) {
          cpSync(join(folder, target), join(folder, "damaged"), { recursive: true, force: true });
          await damage(join(folder, "damaged"));
          const error = await run(folder, reading, "damaged").then(() => "", String);
          assert.match(error, said, `${target}: ${error}`);
        }
      }
    }),
  );

  test("the device closes", closeDevice);
});

const gate = "model.layers.0.mlp.gate_proj";

const inConfig = inQuantization<Record<string, unknown>>;
const put =
  (fields: Record<string, unknown>) =>
  (quantization: Record<string, unknown>): void =>
    void Object.assign(quantization, fields);
const weights = (quantization: Record<string, unknown>): Record<string, unknown> =>
  (quantization as { config_groups: { group_0: { weights: Record<string, unknown> } } }).config_groups.group_0.weights;

/** A tensor of whole numbers, each larger by some. */
const moved =
  (by: number) =>
  (tensor: Kept): readonly Kept[] => [
    { ...tensor, bytes: new Uint8Array(new Int32Array(tensor.bytes.slice().buffer).map((each) => each + by).buffer) },
  ];

const both =
  (...changes: readonly Change[]): Change =>
  async (folder) => {
    for (const change of changes) await change(folder);
  };

/** What today's programs write beside, by target: fields that say nothing of how the weights are read. */
const surrounded: Readonly<Record<string, Change>> = {
  gptq: inConfig((quantization) => {
    put({ method: "gptq", act_group_aware: true, is_marlin_format: false, meta: { quantizer: ["gptqmodel:5.0"] } })(
      quantization,
    );
    put({ block_name_to_quantize: "model.layers", modules_in_block_to_quantize: null, pack_dtype: "int32" })(
      quantization,
    );
    delete quantization["checkpoint_format"];
  }),
  awq: inConfig(
    put({ format: "gemm", backend: "auto", act_group_aware: true, damp_percent: 0.1, sym: true, desc_act: false }),
  ),
  "compressed-tensors": inConfig((quantization) => {
    put({ scale_dtype: null, zp_dtype: "torch.int8" })(weights(quantization));
    put({ sparsity_config: {}, transform_config: {}, moe_sparsity_config: null, format: "mixed-precision" })(
      quantization,
    );
  }),
};

const damaged: Readonly<Record<string, readonly (readonly [Change, RegExp])[]>> = {
  gptq: [
    [inTensors(`${gate}.qzeros`, () => []), /there is no tensor model\.layers\.0\.mlp\.gate_proj\.qzeros/],
    [inTensors(`${gate}.g_idx`, () => []), /there is no tensor model\.layers\.0\.mlp\.gate_proj\.g_idx/],
    [inTensors(`${gate}.qweight`, formed("I32", [192, 8])), /qweight is I32 \[192, 8\], and must be I32 \[8, 192\]/],
    [inTensors(`${gate}.scales`, formed("F16", [192, 2])), /scales is F16 \[192, 2\], and must be F16 \[2, 192\]/],
    [inTensors(`${gate}.scales`, formed("I32", [2, 192])), /scales is I32 \[2, 192\], and must be F16/],
    [
      inTensors(`${gate}.g_idx`, (tensor) => [tensor, { ...tensor, name: `${gate}.more` }]),
      /`model\.layers\.0\.mlp\.gate_proj\.more`/,
    ],
    [
      inTensors("model.norm.weight", (tensor) => [
        tensor,
        ...formed("F32", [192, 64])({ ...tensor, name: `${gate}.weight` }),
      ]),
      /gate_proj\.weight is there beside its codes/,
    ],
    [inConfig(put({ bits: 8 })), /qweight is I32 \[8, 64\], and must be I32 \[16, 64\]/],
    [inConfig(put({ bits: 3 })), /no layout of codes is known .* bits 3/],
    [inConfig(put({ group_size: 64 })), /qzeros is I32 \[2, 8\], and must be I32 \[1, 8\]/],
    [inConfig(put({ group_size: 0 })), /has runs of 0 inputs/],
    [inConfig(put({ group_size: 48 })), /has runs of 48 inputs, which do not divide its 64/],
    [inConfig(put({ group_size: "32" })), /has runs of "32" inputs/],
    [inConfig(put({ checkpoint_format: "marlin" })), /no layout of codes is known .* version marlin/],
    [inConfig(put({ rotation: "hadamard" })), /`rotation` in its config\.json is not known/],
    [
      inConfig(put({ dynamic: { "-:.*gate_proj": {} } })),
      /gate_proj\.qweight is there, and by config\.json .* is not coded/,
    ],
    [inConfig(put({ dynamic: { "+:.*gate_proj": { bits: 8 } } })), /layers of `\+:\.\*gate_proj` are coded otherwise/],
    [inConfig(put({ group_size: 7 })), /q_proj has runs of 7 inputs, which do not divide its 64/],
    [inConfig(put({ method: "qqq" })), /`method` in its config\.json is "qqq", and must be "gptq"/],
    [inConfig(put({ dynamic: ["up"] })), /the layers that it lists are \["up"\], which is no object/],
    [
      inConfig(put({ dynamic: { "-:(?i)UP": {} } })),
      /the pattern `\(\?i\)UP`, by which it lists layers, is not understood/,
    ],
    [inConfig(put({ lm_head: "yes" })), /no layout of codes is known .* outside yes/],
    [inConfig(put({ desc_act: 1 })), /no layout of codes is known .* order 1/],
    [
      inTensors(`${gate}.g_idx`, moved(1)),
      /64 numbers of model\.layers\.0\.mlp\.gate_proj\.g_idx in model are others than/,
    ],
    [
      both(inConfig(put({ desc_act: true })), inTensors(`${gate}.g_idx`, moved(-1))),
      /32 numbers of \S*gate_proj\.g_idx in model are not from 0 to 1, .* use a sound copy/,
    ],
    [
      both(inConfig(put({ desc_act: true })), inTensors(`${gate}.g_idx`, moved(1000))),
      /64 numbers of \S*g_idx in model are not from 0 to 1/,
    ],
    [inConfig(put({ quant_method: "quip" })), /quantised already, by quip/],
    [inConfig((quantization) => delete quantization["bits"]), /does not say its `bits`/],
  ],
  awq: [
    [inTensors(`${gate}.scales`, () => []), /there is no tensor model\.layers\.0\.mlp\.gate_proj\.scales/],
    [inTensors(`${gate}.qweight`, formed("I32", [8, 192])), /qweight is I32 \[8, 192\], and must be I32 \[64, 24\]/],
    [inConfig(put({ version: "gemv" })), /`version` in its config\.json is "gemv", and must be "gemm"/],
    [inConfig(put({ bits: 8 })), /no layout of codes is known/],
    [inConfig(put({ modules_to_not_convert: [1, null] })), /the layers that it lists are \[1,null\], which is no list/],
    [inConfig(put({ modules_to_not_convert: ["gate_proj"] })), /gate_proj\.qweight is there, and by config\.json/],
  ],
  "compressed-tensors": [
    [
      inTensors(`${gate}.weight_zero_point`, () => []),
      /there is no tensor model\.layers\.0\.mlp\.gate_proj\.weight_zero_point/,
    ],
    [
      inTensors(`${gate}.weight_packed`, formed("I32", [8, 192])),
      /weight_packed is I32 \[8, 192\], and must be I32 \[192, 8\]/,
    ],
    [
      inConfig((quantization) => put({ num_bits: 8 })(weights(quantization))),
      /weight_packed is I32 \[64, 8\], and must be I32 \[64, 16\]/,
    ],
    [
      inConfig((quantization) => put({ symmetric: true })(weights(quantization))),
      /`model\.layers\.0\.\S*weight_zero_point`/,
    ],
    [
      inConfig((quantization) => put({ strategy: "channel" })(weights(quantization))),
      /q_proj has runs that are not known: .* strategy channel, group 32/,
    ],
    [
      inConfig((quantization) => put({ actorder: "group" })(weights(quantization))),
      /no layout of codes is known .* order group/,
    ],
    [inConfig(put({ ignore: [] })), /there is no tensor lm_head\.weight_packed/],
    [
      inConfig(put({ ignore: ["lm_head", "re:.*gate_proj"] })),
      /gate_proj\.weight_packed is there, and by config\.json/,
    ],
    [inConfig(put({ quantization_status: "frozen" })), /`quantization_status` in its config\.json is "frozen"/],
    [
      inConfig(put({ sparsity_config: { format: "sparse-24-bitmask" } })),
      /`sparsity_config` in its config\.json is not known/,
    ],
    [inTensors(`${gate}.weight_shape`, moved(1)), /4 numbers of \S*gate_proj\.weight_shape in model are others than/],
    [inConfig(put({ config_groups: {} })), /no group of layers is coded/],
    [inConfig(put({ ignore: "lm_head" })), /the layers that it lists are "lm_head", which is no list of texts/],
    [inConfig(put({ ignore: ["re:(?P<a>lm_head)"] })), /the pattern `\(\?P<a>lm_head\)`, .* is not understood/],
    [
      inConfig(put({ kv_cache_scheme: { num_bits: 8, type: "float" } })),
      /`kv_cache_scheme` in its config\.json is .*, and must be null/,
    ],
    [
      inConfig(({ config_groups: groups }) =>
        put({ format: "nvfp4-pack-quantized" })((groups as { group_0: Record<string, unknown> }).group_0),
      ),
      /no layout of codes is known .* format nvfp4-pack-quantized/,
    ],
  ],
};
