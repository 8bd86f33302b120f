/** `save … as "gguf"`: what is written reads as the model that was saved, and what GGUF does not hold is refused before anything runs. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import * as assert from "uvu/assert";
import { CompileError } from "../../grammar/diagnostic.ts";
import { openModel } from "../../runtime/cli/models.ts";
import { type Checkpoint, openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { withFile } from "../../runtime/io/file.ts";
import { readGgufHeader, sourceOf } from "../../runtime/io/gguf/header.ts";
import { ggufFile } from "../../runtime/io/gguf/write-model.ts";
import type { Part } from "../../runtime/io/gguf/write-tensors.ts";
import { tokenizerMetadata } from "../../runtime/io/gguf/write-tokenizer.ts";
import type { StoredTensor } from "../../runtime/io/safetensors.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { type Suite, suite } from "../harness/suite.ts";
import { inFolder, refused } from "../io/folder.ts";
import { readTensor } from "../io/tensors.ts";
import { root } from "../repository/sources.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";

interface Row {
  readonly name: string;
  /** What a file of llama.cpp's converter begins with, compressed. */
  readonly header: string;
  readonly bytes: number;
  readonly frequencies: { readonly [tensor: string]: readonly number[] };
}

const rows: readonly Row[] = JSON.parse(readFileSync(join(root, "test/peers/gguf_files.json"), "utf8")).rows;

const rowOf = (wanted: string): Row => rows.find(({ name }) => name === wanted) as Row;

/** Writes a model that is open as a GGUF file. */
async function write(model: Checkpoint, path: string, config = model.config): Promise<void> {
  const parts: readonly Part[] = [...model.tensors.values()];
  const file = await ggufFile(config, parts, async (name) => model.made.get(name)?.());
  const pieces: Uint8Array[] = [];
  const bytesOf = async function* ({ name }: Part) {
    yield await readTensor(model.tensors.get(name) as StoredTensor);
  };
  for await (const piece of file.bytes(bytesOf)) pieces.push(piece);
  writeFileSync(path, Buffer.concat(pieces));
}

/** The recorded file, with numbers that are small and differ for all that it does not record. */
async function given(folder: string, { header, bytes, frequencies }: Row): Promise<string> {
  const path = join(folder, "given.gguf");
  const data = Buffer.alloc(bytes);
  const begin = gunzipSync(Buffer.from(header, "base64"));
  for (let at = begin.byteLength; at + 1 < bytes; at += 2) data.writeUInt16LE(0x3c00 + (at % 1021), at);
  begin.copy(data);
  writeFileSync(path, data);
  const { tensors } = await withFile(path, async (file) => readGgufHeader(sourceOf(file)));
  for (const { name, offset } of tensors)
    data.set(new Uint8Array(Float32Array.from(frequencies[name] ?? []).buffer), offset);
  writeFileSync(path, data);
  return path;
}

const recipe = (save: string, stages = ""): string => `
import { rtn } from "std/quantize/rtn"
import { q4_0, q8_0 } from "std/quantize/ggml"
import { perplexity } from "std/evaluate"

recipe saved(model: Model, text: Corpus) {
${stages}
  report perplexity(${save}, text.test, length: 16)
  save ${save} as "gguf"
}
`;

const config = { hidden_size: 64, intermediate_size: 96, num_attention_heads: 4, num_key_value_heads: 2 };

async function run(folder: string, text: string) {
  writeFiles(folder, { "saved.lcomp": text, "text.jsonl": someText(10) });
  const flags = { model: join(folder, "model"), text: join(folder, "text.jsonl") };
  return runRecipe(join(folder, "saved.lcomp"), flags, join(folder, "out"));
}

/** The loss of a file that was saved. */
async function lossOf(folder: string): Promise<number> {
  writeFiles(folder, { "again.lcomp": recipe("model").replace(/\n {2}save .*/, "") });
  const flags = { model: join(folder, "out/model.gguf"), text: join(folder, "text.jsonl") };
  const { reports } = await runRecipe(join(folder, "again.lcomp"), flags);
  return Math.log(Number(reports[0]?.value));
}

/** Rows that llama.cpp's converter writes, and llama.cpp does not read. */
const unread = { "qwen3, tied, biases": /qwen3 do not know a tensor blk.0.attn_output.bias, which this model has/ };

const mistral = { model_type: "mistral", architectures: ["MistralForCausalLM"] };

/** Of the model of a row with some fields otherwise: why no file holds it, or null if one does. */
const changes: readonly (readonly [row: string, more: object, why: RegExp | null])[] = [
  ["llama", { hidden_act: "gelu" }, /config.json has hidden_act "gelu", and a file of llama can only say "silu"/],
  [
    "llama",
    { model_type: "mamba" },
    /"gguf" has no architecture for the model_type mamba; there are gemma2, gemma3_te/,
  ],
  ["llama", { ...mistral, sliding_window: null }, null],
  [
    "llama",
    { ...mistral, sliding_window: 16 },
    /has sliding_window 16, and a file of llama can only say null; save as/,
  ],
  ["llama", mistral, /has sliding_window 4096, and a file of llama can only say null/],
  ["llama", { vocab_size: 95 }, /vocab_size/],
  ["llama", { rms_norm_eps: undefined }, /attention.layer_norm_rms_epsilon .* it is missing/],
  ["llama", { rope_parameters: { rope_type: "dynamic", factor: 2 } }, /rope.scaling.type .* none, linear or yarn/],
  ["llama", { rope_scaling: { type: "linear", factor: 2 } }, null],
  ["llama, yarn", { rope_scaling: { type: "yarn", factor: 4, beta_fast: 16 } }, /has rope_scaling .*"beta_fast":16/],
  ["qwen2", { head_dim: 16 }, /has head_dim 16, and a file of qwen2 can only say 8/],
  ["gemma3", { rope_theta: undefined, rope_parameters: {} }, null],
  ["gemma2", { attn_logit_softcapping: null }, /has attn_logit_softcapping null, and .* can only say 50/],
  ["gemma2", { query_pre_attn_scalar: 24 }, /attention.key_length would have to be 16 and 24/],
  ["gemma2", { layer_types: Array(4).fill("full_attention") }, /has layer_types .*"sliding_attention"/],
  ["phi3", { partial_rotary_factor: 0.8 }, null],
  ["phi3", { rope_scaling: { type: "su", short_factor: [1, 1, 1, 1] } }, /positions stretched without long_factor/],
  ["gpt_neox", { hidden_act: "gelu_fast" }, /has hidden_act "gelu_fast"/],
  ["gpt_neox", { rope_parameters: { rope_theta: 500, partial_rotary_factor: 1 } }, null],
  ["gpt2", { scale_attn_by_inverse_layer_idx: true }, /has scale_attn_by_inverse_layer_idx true/],
  ["mixtral", { sliding_window: 16 }, /has sliding_window 16/],
  ["mixtral", { num_local_experts: undefined, num_experts: 4 }, null],
  ["qwen2_moe", { mlp_only_layers: [0] }, /has mlp_only_layers \[0\]/],
  ["qwen3_moe", { norm_topk_prob: undefined }, /has norm_topk_prob false, and a file of qwen3moe can only say true/],
];

function writeRows({ test }: Pick<Suite, "test">): void {
  for (const row of rows.filter(({ name }) => !(name in unread)))
    test(
      `${row.name}: a file of llama.cpp's converter is written again with the same config, tokenizer and weights`,
      inFolder(async (folder) => {
        const first = await openCheckpoint(await given(folder, row));
        const path = join(folder, "again.gguf");
        await write(first, path);
        const second = await openCheckpoint(path);
        assert.equal(second.config, first.config);
        assert.equal([...second.made.keys()], [...first.made.keys()]);
        for (const [name, text] of first.made) assert.is(second.made.get(name)?.(), text(), name);
        assert.equal([...second.tensors.keys()].sort(), [...first.tensors.keys()].sort());
        for (const [name, tensor] of first.tensors)
          assert.equal(await readTensor(second.tensors.get(name) as StoredTensor), await readTensor(tensor), name);
      }),
    );

  for (const [name, why] of Object.entries(unread))
    test(
      `${name}: is refused`,
      inFolder(async (folder) => {
        const model = await openCheckpoint(await given(folder, rowOf(name)));
        await refused(() => write(model, join(folder, "again.gguf")), why);
      }),
    );

  for (const [name, more, why] of changes)
    test(
      `${name}, with ${JSON.stringify(more).slice(0, 80)}: ${why ? "is refused" : "is written"}`,
      inFolder(async (folder) => {
        const model = await openCheckpoint(await given(folder, rowOf(name)));
        const config = JSON.parse(JSON.stringify({ ...model.config, ...more }));
        const written = () => write(model, join(folder, "again.gguf"), config);
        await (why ? refused(written, why) : written());
      }),
    );

  for (const name of ["olmo2", "gpt_neox", "qwen2_moe"])
    test(
      `${name} whose head is its embedding: is refused, as llama.cpp wants both`,
      inFolder(async (folder) => {
        const model = await openCheckpoint(await given(folder, rowOf(name)));
        const tensors = new Map([...model.tensors].filter(([tensor]) => !/^(lm_head|embed_out)/.test(tensor)));
        const written = () => write({ ...model, tensors }, join(folder, "again.gguf"));
        await refused(written, /demand a tensor output.weight, which this model lacks/);
      }),
    );

  test(
    "experts of which one is stored otherwise are refused",
    inFolder(async (folder) => {
      const model = await openCheckpoint(await given(folder, rowOf("mixtral")));
      const tensors = new Map(model.tensors);
      const name = "model.layers.1.block_sparse_moe.experts.2.w1.weight";
      tensors.set(name, { ...(tensors.get(name) as StoredTensor), dtype: "F16" });
      const written = () => write({ ...model, tensors }, join(folder, "again.gguf"));
      await refused(
        written,
        /of blk.1.ffn_gate_exps.weight .*experts.0.w1.weight is .* F32, .*experts.2.w1.weight is .* F16/,
      );
    }),
  );
}

suite("models saved as GGUF", ({ test }) => {
  writeRows({ test });

  test(
    "codes of several formats, and numbers beside them, are read back as they were saved",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "model"), { config, dtype: "BF16" });
      const stages = `  stage some = q8_0() of model for linear except lm_head, down, gate
  stage small = q4_0() of some for down`;
      const { reports } = await run(folder, recipe("small", stages));
      assert.ok(Math.abs((await lossOf(folder)) - Math.log(Number(reports[0]?.value))) < 1e-6);
      const { tensors } = await openModel(join(folder, "out/model.gguf"));
      const typeOf = (name: string): string | undefined => tensors.get(`model.layers.1.${name}`)?.dtype;
      assert.equal(["self_attn.q_proj.weight.code", "mlp.down_proj.weight.code", "mlp.gate_proj.weight"].map(typeOf), [
        "I8",
        "U8",
        "BF16",
      ]);
      assert.is(typeOf("input_layernorm.weight"), "F32");
    }),
    "swiftshader",
  );

  test(
    "a Mistral is read as the Llama that it is without a window",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "model"), { config: { ...config, ...mistral, sliding_window: null } });
      const { reports } = await run(folder, recipe("model"));
      assert.ok(Math.abs((await lossOf(folder)) - Math.log(Number(reports[0]?.value))) < 1e-6);
      assert.is((await openModel(join(folder, "out/model.gguf"))).config["model_type"], "llama");
    }),
  );

  test(
    "a format that GGUF does not hold is refused, and the nearest are named",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "model"), { config });
      const text = recipe("small", "  stage small = rtn(4, every: 32) of model for linear except lm_head");
      const error: unknown = await run(folder, text).catch((thrown: unknown) => thrown);
      if (!(error instanceof CompileError)) throw error;
      const [first] = error.diagnostics;
      assert.match(first?.title ?? "", /"gguf" does not hold Affine\(bits: 4, every: 32.*\)/);
      assert.match(first?.hint ?? "", /it holds Q4_0, Q4_1, .*"lcomp" holds every format/);
    }),
  );

  test(
    "what a file cannot say of a tokenizer is refused",
    inFolder(async (folder) => {
      const model = await openCheckpoint(await given(folder, rowOf("llama")));
      const path = join(folder, "again.gguf");
      const tokenizer = JSON.parse(model.made.get("tokenizer.json")?.() ?? "{}");
      const withPart = (more: object) => () =>
        write({ ...model, made: new Map([["tokenizer.json", () => JSON.stringify({ ...tokenizer, ...more })]]) }, path);
      await refused(
        withPart({ normalizer: { type: "Lowercase" } }),
        /GGUF does not hold the tokenizer .* how it splits/,
      );
      await refused(withPart({ model: { type: "Unigram" } }), /its model is not BPE/);
      await refused(() => write({ ...model, made: new Map() }, path), /its folder has no tokenizer.json; put it there/);
    }),
  );

  test("a split at the spaces that a normalizer has replaced is none, nor a template that puts nothing around; any other split is refused", async () => {
    const texts = ["<unk>", "<s>", "</s>", "a", "b", "▁", "ab", "▁ab"];
    const definition = (pattern: string): string =>
      JSON.stringify({
        normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
        pre_tokenizer: { type: "Split", pattern: { String: pattern }, behavior: "MergedWithPrevious", invert: false },
        post_processor: { type: "TemplateProcessing", single: [{ Sequence: { id: "A", type_id: 0 } }] },
        decoder: {
          type: "Sequence",
          decoders: [
            { type: "Replace", pattern: { String: "▁" }, content: " " },
            { type: "ByteFallback" },
            { type: "Fuse" },
          ],
        },
        added_tokens: texts.slice(0, 3).map((content, id) => ({ id, content, special: true })),
        model: {
          type: "BPE",
          vocab: Object.fromEntries(texts.map((text, id) => [text, id])),
          merges: [
            ["a", "b"],
            ["▁", "ab"],
          ],
          ...{ unk_token: "<unk>", fuse_unk: true, byte_fallback: true },
        },
      });
    const settings = JSON.stringify({ bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" });
    const written = (pattern: string) => () =>
      tokenizerMetadata(
        async (name) => ({ "tokenizer.json": definition(pattern), "tokenizer_config.json": settings })[name],
        {},
        texts.length,
      );
    const metadata = await written(" ")();
    assert.equal(metadata.get("tokenizer.ggml.model")?.value, "llama");
    assert.equal(metadata.get("tokenizer.ggml.scores")?.value, Float32Array.of(0, 0, 0, 0, 0, 0, 0, -1));
    await refused(written("▁"), /GGUF does not hold the tokenizer .* how it splits/);
  });

  test("the device closes", closeDevice);
});
