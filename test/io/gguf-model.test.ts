import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { randomBelow } from "../../runtime/io/random.ts";
import { loadTokenizer } from "../../runtime/io/tokenizer.ts";
import { Ids } from "../../runtime/tokenizer/ids.ts";
import { UserError } from "../../runtime/user-error.ts";
import { type Suite, suite } from "../harness/suite.ts";
import { root } from "../repository/sources.ts";
import { inFolder, refused } from "./folder.ts";
import { type Field, type Listed, writeGguf } from "./gguf.ts";

type Fields = Readonly<Record<string, Field>>;

const texts = ["<|end|>", "a", "b", "ab"];

/** The metadata of a model as small as one can be. */
const fields: Fields = {
  "general.architecture": ["text", "llama"],
  "llama.context_length": ["u32", 64],
  "llama.embedding_length": ["u32", 8],
  "llama.block_count": ["u32", 1],
  "llama.feed_forward_length": ["u32", 12],
  "llama.attention.head_count": ["u32", 2],
  "llama.attention.layer_norm_rms_epsilon": ["f32", 1e-5],
  "tokenizer.ggml.model": ["text", "gpt2"],
  "tokenizer.ggml.pre": ["text", "gpt-2"],
  "tokenizer.ggml.tokens": ["list", "text", texts],
  "tokenizer.ggml.merges": ["list", "text", ["a b"]],
  "tokenizer.ggml.bos_token_id": ["u32", 0],
};

const floats = (name: string, ...sizes: readonly number[]): Listed => ({
  name,
  sizes,
  data: new Uint8Array(4 * sizes.reduce((product, size) => product * size, 1)),
});

const tensors: readonly Listed[] = [
  floats("token_embd.weight", 8, 4),
  floats("blk.0.attn_q.weight", 8, 8),
  floats("output_norm.weight", 8),
];

interface Change {
  readonly fields?: Readonly<Record<string, Field | null>>;
  readonly tensors?: readonly Listed[];
}

/** Writes the model with fields changed, or left out where they are null, and with more tensors, or others of the same name. */
function write(folder: string, change: Change = {}): string {
  const all = Object.entries({ ...fields, ...change.fields }).filter(
    (entry): entry is [string, Field] => entry[1] !== null,
  );
  const names = new Set(change.tensors?.map(({ name }) => name));
  const kept = tensors.filter(({ name }) => !names.has(name));
  return writeGguf(folder, { fields: all, tensors: [...kept, ...(change.tensors ?? [])] });
}

const changed = (key: string, ...field: Field): Change => ({ fields: { [key]: field } });
const without = (key: string): Change => ({ fields: { [key]: null } });
const own = (key: string): string => `llama.${key}`;
const token = (key: string): string => `tokenizer.ggml.${key}`;

const wrong: readonly (readonly [what: string, change: Change, message: RegExp])[] = [
  [
    "no architecture",
    without("general.architecture"),
    /general.architecture in .* must be one of gemma2, gemma3, gpt2, gptneox, llama, olmo2/,
  ],
  ["an unknown one", changed("general.architecture", "text", "mamba"), /must be one of .*; it is "mamba"/],
  ["one that is a path", changed("general.architecture", "text", "../arch/llama"), /must be one of/],
  ["the table of tokenizers", changed("general.architecture", "text", "tokenizers"), /must be one of/],
  ["an adapter", changed("general.type", "text", "adapter"), /general.type in .* must be model; it is "adapter"/],
  ["a part", changed("split.count", "u16", 3), /is one of 3 parts; join them/],
  ["no size", without(own("embedding_length")), /llama.embedding_length in .* must be a whole number.*; it is missing/],
  ["a text for a size", changed(own("block_count"), "text", "1"), /llama.block_count .* must be a number; it is "1"/],
  [
    "more blocks than tensors",
    changed(own("block_count"), "u32", 2 ** 31 - 1),
    /a number of blocks that 3 tensors make/,
  ],
  [
    "half a head",
    changed(own("attention.head_count"), "u32", 3),
    /head_count in .* must be a divisor of .*, 8; it is 3/,
  ],
  [
    "no epsilon",
    without(own("attention.layer_norm_rms_epsilon")),
    /epsilon in .* must be a number above 0; it is missing/,
  ],
  [
    "sizes that differ",
    changed(own("feed_forward_length"), "list", "u32", [12, 16]),
    /must be the same for all layers/,
  ],
  ["values of another length", changed(own("attention.value_length"), "u32", 2), /must be 4, the length of keys/],
  ["positions for a part", changed(own("rope.dimension_count"), "u32", 2), /dimension_count in .* must be 4/],
  ["another vocabulary", changed(own("vocab_size"), "u32", 5), /vocab_size in .* must be 4, the number of tokens/],
  [
    "experts, and no experts",
    changed(own("expert_count"), "u32", 8),
    /llama.expert_used_count .* above 0; it is missing/,
  ],
  ["scaling of another kind", changed(own("rope.scaling.type"), "text", "longrope"), /must be none, linear or yarn/],
  ["a scaled attention", changed(own("rope.scaling.attn_factor"), "f32", 2), /attn_factor in .* must be 1/],
  ["a key that nothing reads", changed(own("logit_scale"), "f32", 2), /has llama.logit_scale, which no config.json/],
  ["several", { fields: { "llama.x": ["u8", 1], "llama.y": ["u8", 1] } }, /has llama.x and 1 more, which/],
  ["an unread key of tokens", changed(token("remove_extra_whitespaces"), "bool", 1), /has tokenizer.ggml.remove_extra/],
  ["no tokenizer", without(token("model")), /tokenizer.ggml.model in .* must be one of gpt2, llama; it is missing/],
  ["an unknown kind of tokenizer", changed(token("model"), "text", "bert"), /must be one of gpt2, llama; it is "bert"/],
  [
    "an unknown split",
    changed(token("pre"), "text", "falcon"),
    /a way to split texts that lcomp knows, .*; it is "falcon"/,
  ],
  ["no split", without(token("pre")), /tokenizer.ggml.pre in .*; it is missing/],
  ["no tokens", without(token("tokens")), /tokenizer.ggml.tokens in .* must be a list of texts; it is missing/],
  [
    "a token twice",
    changed(token("tokens"), "list", "text", ["a", "b", "a", "c"]),
    /tokens 0 and 2 in .* are both "a"/,
  ],
  [
    "fewer tokens than rows",
    changed(token("tokens"), "list", "text", ["a", "b"]),
    /has 2 tokens and 4 rows of token_embd/,
  ],
  ["no merges", without(token("merges")), /tokenizer.ggml.merges in .* must be a list of texts/],
  ["too few types", changed(token("token_type"), "list", "i32", [3]), /must be a number for each of 4 tokens/],
  [
    "a special token that is none",
    changed(token("eos_token_id"), "u32", 4),
    /must be the id of a token, below 4; it is 4/,
  ],
  [
    "nothing to begin with",
    { fields: { [token("bos_token_id")]: null, [token("add_bos_token")]: ["bool", 1] } },
    /put around/,
  ],
  ["no scores", changed(token("model"), "text", "llama"), /tokenizer.ggml.scores in .* must be a number for each/],
  ["no embedding", { tensors: [floats("token_embd.weight", 8)] }, /has no matrix token_embd.weight/],
  [
    "an unknown tensor",
    { tensors: [floats("blk.0.attn_sinks.weight", 8)] },
    /tensor blk.0.attn_sinks.weight .* belongs to no model/,
  ],
  [
    "a tensor of an object",
    { tensors: [floats("constructor.weight", 8)] },
    /tensor constructor.weight .* belongs to no/,
  ],
  ["half a head of rows", { tensors: [floats("blk.0.attn_q.weight", 8, 6)] }, /must have whole heads of 4 rows/],
  [
    "codes that no format of the library is of",
    {
      tensors: [9, 39].map((type, i) => ({
        name: `blk.${i}.ffn_up.weight`,
        sizes: [256, 2],
        type,
        data: new Uint8Array(type === 9 ? 640 : 272),
      })),
    },
    /blk.0.ffn_up.weight .* is Q8_1 \(32 weights in 40 bytes\), and 1 more are of such types; .* reads F32, F16, BF16, Q4_0, /,
  ],
  [
    "codes in a norm",
    { tensors: [{ name: "blk.0.attn_norm.weight", sizes: [32], type: 8, data: new Uint8Array(34) }] },
    /attn_norm.weight .* is \[32\] Q8_0, and must be of floats, as all but matrices are/,
  ],
  [
    "divisors of no scaling",
    { tensors: [{ ...floats("rope_freqs.weight", 2), data: new Uint8Array(Float32Array.of(1, 3).buffer) }] },
    /divides the frequencies of positions by numbers that come of no scaling/,
  ],
];

function readModels({ test }: Suite): void {
  for (const [what, change, message] of wrong)
    test(
      `${what} is refused`,
      inFolder((folder) => refused(() => openCheckpoint(write(folder, change)), message)),
    );

  test(
    "a file is known by its ending or by its first bytes; a folder that holds one says so",
    inFolder(async (folder) => {
      const path = write(folder);
      const other = join(folder, "weights.bin");
      writeFileSync(other, readFileSync(path));
      assert.equal((await openCheckpoint(other)).config, (await openCheckpoint(path)).config);
      await refused(() => openCheckpoint(folder), /has no config.json; give .*model.gguf itself/);
      writeFileSync(join(folder, "config.json"), "{}");
      await refused(() => openCheckpoint(folder), /has neither model.safetensors nor .*; give .*model.gguf itself/);
      await refused(() => openCheckpoint("absent.gguf"), /cannot open absent.gguf: there is no such file or folder/);
      writeFileSync(other, "GG");
      await refused(() => openCheckpoint(other), /is a file; give the folder .*, or a GGUF file/);
      writeFileSync(path, "not GGUF, by any means: it ends");
      await refused(() => openCheckpoint(path), /is no GGUF file: it begins with "not "/);
    }),
  );

  test(
    "the config says what metadata says, and what its absence means; licence and languages are in the card, all else is named",
    inFolder(async (folder) => {
      const more: Fields = {
        "general.name": ["text", "small"],
        "general.license": ["text", "apache-2.0"],
        "general.languages": ["list", "text", ["en", "no"]],
        "general.file_type": ["u32", 0],
        "other.key": ["u8", 1],
        [token("eot_token_id")]: ["u32", 3],
        [token("fim_pre_token_id")]: ["u32", 1],
        [token("eos_token_id")]: ["u32", 2],
        [own("attention.head_count_kv")]: ["list", "u32", [1]],
        [own("rope.freq_base")]: ["f32", 10000],
        [own("rope.scaling.type")]: ["text", "yarn"],
        [own("rope.scaling.factor")]: ["f32", 1.1],
      };
      const { config, configText, card, leftBehind, made } = await openCheckpoint(write(folder, { fields: more }));
      assert.equal(config, {
        architectures: ["LlamaForCausalLM"],
        model_type: "llama",
        hidden_act: "silu",
        vocab_size: 4,
        hidden_size: 8,
        intermediate_size: 12,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        head_dim: 4,
        max_position_embeddings: 64,
        rms_norm_eps: 1e-5,
        rope_theta: 10000,
        rope_scaling: { rope_type: "yarn", factor: 1.1, original_max_position_embeddings: 64 },
        attention_bias: false,
        mlp_bias: false,
        tie_word_embeddings: true,
        bos_token_id: 0,
        eos_token_id: 2,
        torch_dtype: "float32",
      });
      assert.equal(JSON.parse(configText), config);
      assert.match(configText, /"rope_theta": 10000\.0,.*"factor": 1\.1,.*"original_max_position_embeddings": 64\n/s);
      assert.equal(
        card.flatMap(({ lines }) => lines),
        ["license: apache-2.0", "language:", "- en", '- "no"'],
      );
      assert.equal(
        leftBehind.map(({ name }) => name),
        ["general.name", "other.key", token("fim_pre_token_id")],
      );
      const generation = JSON.parse(made.get("generation_config.json")?.() ?? "");
      assert.equal(generation, { bos_token_id: 0, eos_token_id: [2, 3] });
    }),
  );

  test(
    "a licence that no card can say is named",
    inFolder(async (folder) => {
      const { card, leftBehind } = await openCheckpoint(write(folder, changed("general.license", "text", "\ufffd")));
      assert.equal([card, leftBehind.map(({ name }) => name)], [[], ["general.license"]]);
    }),
  );

  test("the same model, damaged in 2000 ways, is opened or refused in one sentence", inFolder(readDamaged));
}

async function readDamaged(folder: string): Promise<void> {
  const bytes = readFileSync(write(folder));
  const path = join(folder, "damaged.gguf");
  let draws = 0;
  const pick = (below: number): number => randomBelow(below, 5, draws++);
  for (let i = 0; i < 2000; i++) {
    const copy = Buffer.from(bytes);
    for (let times = 1 + pick(3); times > 0; times--) copy[24 + pick(800)] = pick(4) === 0 ? pick(256) : pick(16);
    writeFileSync(path, copy);
    try {
      await openCheckpoint(path);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      assert.not.match(error.message, /\n/);
    }
  }
}

const idsOf = async (path: string, given: readonly string[]): Promise<readonly (readonly number[])[]> => {
  const { encode } = await loadTokenizer(path);
  return given.map((text) => {
    const ids = new Ids();
    encode(text, ids, () => undefined);
    return [...ids.taken()];
  });
};

function readTokenizers({ test }: Suite): void {
  const record = JSON.parse(readFileSync(join(root, "test/peers/tokenizer_class.json"), "utf8"));

  test(
    "tokens with scores make of texts what the merges make that the scores come of",
    inFolder(async (folder) => {
      const { vocab, merges } = record.pieces.model;
      const tokens = Object.keys(vocab).sort((a, b) => vocab[a] - vocab[b]);
      const ranks = new Map(merges.map(([a, b]: readonly string[], rank: number) => [`${a}${b}`, rank]));
      const path = write(folder, {
        fields: {
          [token("model")]: ["text", "llama"],
          [token("pre")]: ["text", "default"],
          [token("tokens")]: ["list", "text", tokens],
          [token("scores")]: ["list", "f32", tokens.map((text) => -Number(ranks.get(text) ?? 1e6))],
          [token("token_type")]: ["list", "i32", tokens.map((_, id) => (id === 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1))],
          [token("merges")]: null,
          [token("bos_token_id")]: null,
        },
        tensors: [floats("token_embd.weight", 8, tokens.length)],
      });
      writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(record.pieces));
      writeFileSync(join(folder, "config.json"), JSON.stringify({ vocab_size: tokens.length }));
      assert.equal(await idsOf(path, record.texts), await idsOf(folder, record.texts));
      const { before, after, head } = await loadTokenizer(path);
      assert.equal([before, after, head], [[1], [], 1]);
    }),
  );

  test(
    "texts are split as the file says, and begin as it says",
    inFolder(async (folder) => {
      const tokens = ["<|end|>", "1", "2", "3", "4", "12", "123", "1234"];
      const given = (more: Fields): string =>
        write(folder, {
          fields: {
            [token("tokens")]: ["list", "text", tokens],
            [token("token_type")]: ["list", "i32", [3, 1, 1, 1, 1, 1, 1, 1]],
            [token("merges")]: ["list", "text", ["1 2", "12 3", "123 4"]],
            ...more,
          },
          tensors: [floats("token_embd.weight", 8, tokens.length)],
        });
      const pieces = { "gpt-2": [7], smollm: [1, 2, 3, 4], qwen2: [1, 2, 3, 4], "deepseek-r1-qwen": [1, 2, 3, 4] };
      for (const [pre, ids] of Object.entries({ ...pieces, "llama-bpe": [6, 4], llama3: [6, 4] })) {
        const path = given({ [token("pre")]: ["text", pre] });
        assert.equal(await idsOf(path, ["1234", "1<|end|>"]), [ids, [1, 0]], pre);
        assert.equal((await loadTokenizer(path)).before, pre.startsWith("llama") ? [0] : [], pre);
      }
      const other = Object.entries(fields).flatMap(([key, field]) =>
        key.startsWith("llama.") ? [[key.replace("llama", "qwen2"), field] as const] : [],
      );
      const path = given({ ...Object.fromEntries(other), "general.architecture": ["text", "qwen2"] });
      assert.equal(await idsOf(path, ["1234"]), [[7]], "whatever Transformers does for the type of the model");
      const around = given({
        [token("add_bos_token")]: ["bool", 1],
        [token("add_eos_token")]: ["bool", 1],
        [token("eos_token_id")]: ["u32", 1],
      });
      const { before, after } = await loadTokenizer(around);
      assert.equal([before, after], [[0], [1]]);
    }),
  );

  test(
    "a file without merges that fit names the merge",
    inFolder(async (folder) => {
      const path = writeGguf(folder, { fields: { ...fields, [token("merges")]: ["list", "text", ["a c"]] }, tensors });
      await refused(() => loadTokenizer(path), /model.merges\[0\] in .*tokenizer.json must join two tokens/);
    }),
  );
}

suite("models in GGUF files", (t) => {
  readModels(t);
  readTokenizers(t);
});
