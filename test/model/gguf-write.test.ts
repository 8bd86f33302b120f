/** `save … as "gguf"`: what is written reads as the model that was saved, and what GGUF does not hold is refused before anything runs. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import * as assert from "uvu/assert";
import { CompileError } from "../../grammar/diagnostic.ts";
import { openModel } from "../../runtime/cli/models.ts";
import { type Checkpoint, openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { ggufFile } from "../../runtime/io/gguf/write-model.ts";
import type { Part } from "../../runtime/io/gguf/write-tensors.ts";
import { tokenizerMetadata } from "../../runtime/io/gguf/write-tokenizer.ts";
import type { StoredTensor } from "../../runtime/io/safetensors.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, refused } from "../io/folder.ts";
import { readTensor } from "../io/tensors.ts";
import { root } from "../repository/sources.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";

interface Row {
  readonly name: string;
  /** What a file of llama.cpp's converter begins with, compressed. */
  readonly header: string;
  readonly bytes: number;
  readonly divisors: readonly number[] | null;
}

const rows: readonly Row[] = JSON.parse(readFileSync(join(root, "test/peers/gguf_files.json"), "utf8")).rows;

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
function given(folder: string, { header, bytes, divisors }: Row): string {
  const path = join(folder, "given.gguf");
  const data = Buffer.alloc(bytes);
  const begin = gunzipSync(Buffer.from(header, "base64"));
  for (let at = begin.byteLength; at + 1 < bytes; at += 2) data.writeUInt16LE(0x3c00 + (at % 1021), at);
  begin.copy(data);
  if (divisors) Buffer.from(Float32Array.from(divisors).buffer).copy(data, data.byteLength - 4 * divisors.length);
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

suite("models saved as GGUF", ({ test }) => {
  for (const row of rows)
    test(
      `${row.name}: a file of llama.cpp's converter is written again with the same config, tokenizer and weights`,
      inFolder(async (folder) => {
        const first = await openCheckpoint(given(folder, row));
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
    "what a file cannot say of a config or of a tokenizer is refused",
    inFolder(async (folder) => {
      const row = rows.find(({ name }) => name === "llama") as Row;
      const model = await openCheckpoint(given(folder, row));
      const path = join(folder, "again.gguf");
      const changed = (more: object) => () => write(model, path, { ...model.config, ...more });
      await refused(
        changed({ hidden_act: "gelu" }),
        /config.json has hidden_act "gelu", and a file of llama can only say "silu"/,
      );
      await refused(
        changed({ model_type: "mamba" }),
        /"gguf" has no architecture for the model_type mamba; there are gemma3/,
      );
      await refused(changed({ vocab_size: 95 }), /vocab_size/);
      await refused(changed({ rms_norm_eps: undefined }), /attention.layer_norm_rms_epsilon .* it is missing/);
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
