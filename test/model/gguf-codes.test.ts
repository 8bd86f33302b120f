/** GGUF files whose matrices are codes: they are read as they are, decoded where they are multiplied, and saved as what they stand for. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Plan } from "../../compiler/plan/plan.ts";
import { describeBlocks } from "../../compiler/target/blocks.ts";
import { openModel } from "../../runtime/cli/models.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { typeTable } from "../../runtime/io/gguf/tables.ts";
import { randomBelow } from "../../runtime/io/random.ts";
import { library } from "../given/library.ts";
import { someText } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { type Field, type Listed, writeGguf } from "../io/gguf.ts";
import { readRange, readTensor } from "../io/tensors.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";

const recipe = `import { perplexity } from "std/evaluate"

recipe read(model: Model, text: Corpus) {
  report perplexity(model, text.test, length: 16), bytes(model)
  save model as "huggingface"
}
`;

/** Types with a scale that makes their weights about 0.1 at most. */
const scales: Readonly<Record<string, number>> = {
  ...{ Q4_0: 0.01, Q4_1: 0.005, Q5_0: 0.005, Q5_1: 0.003, Q8_0: 0.001, IQ4_NL: 0.001 },
  ...{ Q2_K: 0.002, Q3_K: 0.001, Q4_K: 1e-4, Q5_K: 5e-5, Q6_K: 2.5e-5, IQ4_XS: 2.5e-5 },
};

const types = new Map(Object.entries(typeTable()).map(([id, type]) => [type.name, { id: Number(id), ...type }]));

function typeNamed(name: string) {
  const found = types.get(name);
  if (found === undefined) throw new Error(`there is no type ${name}`);
  return found;
}

/** A matrix of random blocks whose halves are scales. */
function matrix(name: string, of: string, [rows, columns]: readonly [number, number], seed = name.length): Listed {
  const { id, block, bytes: stride, format: module = "" } = typeNamed(of);
  const data = new Uint8Array((rows * columns * stride) / block);
  for (let at = 0; at < data.length; at++) data[at] = randomBelow(256, seed, at);
  const described = describeBlocks(library, [{ name, module, format: of, at: { shape: [1, block] } }]);
  const halves = described.fields.get(name)?.filter(({ dtype }) => dtype === "F16") ?? [];
  assert.is(halves[0]?.stride, stride, `bytes of a block of ${of}`);
  const view = new DataView(data.buffer);
  for (let at = 0; at < data.length; at += stride)
    for (const { start } of halves) {
      const scale = (scales[of] ?? NaN) * (0.5 + randomBelow(256, seed + 1, at + start) / 512);
      view.setUint16(at + start, new Uint16Array(Float16Array.of(scale).buffer)[0] ?? 0, true);
    }
  return { name, sizes: [columns, rows], type: id, data };
}

const floats = (name: string, size: number, value = 1): Listed => ({
  name,
  sizes: [size],
  data: new Uint8Array(new Float32Array(size).fill(value).buffer),
});

const texts = ["<|end|>", ...Array.from({ length: 95 }, (_, i) => (i === 0 ? "Ġ" : String.fromCharCode(32 + i)))];

const tokenizer: Readonly<Record<string, Field>> = {
  "tokenizer.ggml.model": ["text", "gpt2"],
  "tokenizer.ggml.pre": ["text", "gpt-2"],
  "tokenizer.ggml.tokens": ["list", "text", texts],
  "tokenizer.ggml.merges": ["list", "text", []],
  "tokenizer.ggml.bos_token_id": ["u32", 0],
};

const sizes = (architecture: string, more: Readonly<Record<string, Field>>): Readonly<Record<string, Field>> => ({
  "general.architecture": ["text", architecture],
  ...Object.fromEntries(
    Object.entries({ context_length: 64, embedding_length: 256, block_count: 1, feed_forward_length: 512 }).map(
      ([key, value]): [string, Field] => [`${architecture}.${key}`, ["u32", value]],
    ),
  ),
  [`${architecture}.attention.head_count`]: ["u32", 4],
  ...more,
  ...tokenizer,
});

const vocabulary: readonly [number, number] = [texts.length, 256];

/** A Llama, each matrix in the type that it is given; its head is the embedding if it is given none. */
function writeLlama(folder: string, of: Readonly<Record<string, string>>): string {
  const fields = sizes("llama", {
    "llama.attention.head_count_kv": ["u32", 2],
    "llama.attention.layer_norm_rms_epsilon": ["f32", 1e-5],
  });
  const own = (name: string, rows: number, columns: number, seed?: number): Listed =>
    matrix(`blk.0.${name}.weight`, of[name] ?? "", [rows, columns], seed);
  return writeGguf(folder, {
    fields,
    tensors: [
      matrix("token_embd.weight", of["token_embd"] ?? "", vocabulary),
      floats("blk.0.attn_norm.weight", 256),
      own("attn_q", 256, 256, 5),
      own("attn_k", 128, 256),
      own("attn_v", 128, 256),
      own("attn_output", 256, 256, 5),
      floats("blk.0.ffn_norm.weight", 256),
      own("ffn_gate", 512, 256),
      own("ffn_up", 512, 256),
      own("ffn_down", 256, 512),
      floats("output_norm.weight", 256),
      ...(of["output"] === undefined ? [] : [matrix("output.weight", of["output"], vocabulary)]),
    ],
  });
}

/** GPT-2, whose folder has matrices the other way round, and three in one. */
function writeGpt2(folder: string, of: string): string {
  const fields = sizes("gpt2", { "gpt2.attention.layer_norm_epsilon": ["f32", 1e-5] });
  const own = (name: string, rows: number, columns: number): readonly Listed[] => [
    matrix(`blk.0.${name}.weight`, of, [rows, columns]),
    floats(`blk.0.${name}.bias`, rows, 0.01),
  ];
  const norm = (name: string): readonly Listed[] => [floats(`${name}.weight`, 256), floats(`${name}.bias`, 256, 0)];
  return writeGguf(folder, {
    fields,
    tensors: [
      matrix("token_embd.weight", of, vocabulary),
      matrix("position_embd.weight", of, [64, 256]),
      ...norm("blk.0.attn_norm"),
      ...own("attn_qkv", 768, 256),
      ...own("attn_output", 256, 256),
      ...norm("blk.0.ffn_norm"),
      ...own("ffn_up", 512, 256),
      ...own("ffn_down", 256, 512),
      ...norm("output_norm"),
    ],
  });
}

/** Evaluates a model, saves what its codes stand for, and evaluates that: the same loss, and nothing dense is made of codes. */
async function readAndSave(folder: string, model: string): Promise<void> {
  const evaluated = recipe.replace(/\n {2}save .*/, "");
  writeFiles(folder, { "save.lcomp": recipe, "evaluate.lcomp": evaluated, "text.jsonl": someText(10) });
  const lossOf = async (of: string, out?: string) => {
    let planned: Plan | undefined;
    const watching = {
      planned: (plan: Plan): void => {
        planned = plan;
      },
    };
    const flags = { model: of, text: join(folder, "text.jsonl") };
    const { reports } = await runRecipe(join(folder, out ? "save.lcomp" : "evaluate.lcomp"), flags, out, watching);
    return { loss: Math.log(Number(reports[0]?.value)), bytes: Number(reports[1]?.value), plan: planned };
  };
  const coded = await lossOf(model, join(folder, "out"));
  const dense = await lossOf(join(folder, "out"));
  assert.ok(Math.abs(coded.loss - dense.loss) < 1e-5, `${coded.loss} of codes, ${dense.loss} of numbers`);
  const read = (await openModel(model)).tensors.values();
  assert.is(
    coded.bytes,
    [...read].reduce((sum, { bytes }) => sum + bytes, 0),
  );
  // What is saved is read back as numbers, by the last steps.
  const { steps = [], programs = [] } = coded.plan ?? {};
  const own = new Set(steps.flatMap(({ program, part }) => (part.purpose === undefined ? [program] : [])));
  const scratch = programs
    .filter(({ name }) => own.has(name))
    .flatMap(({ buffers }) => buffers.flatMap(({ slot, bytes }) => (slot ? [] : [bytes])));
  assert.ok(
    scratch.every((bytes) => bytes < texts.length * 256 * 4),
    `buffers of ${scratch.join(", ")} bytes`,
  );
}

/** The numbers of a saved tensor. */
async function saved(folder: string, name: string): Promise<Float32Array> {
  const tensor = (await openCheckpoint(join(folder, "out"))).tensors.get(name);
  if (tensor?.dtype !== "F32") throw new Error(`there is no ${name} of F32`);
  return new Float32Array((await readTensor(tensor)).slice().buffer);
}

/** In which row of the file each row of a head lies. */
const rowInFile = (row: number, head: number): number => {
  const at = row % head;
  return row - at + (at < head / 2 ? 2 * at : 2 * at - head + 1);
};

/** Two mixes, in which each type occurs; q and o have the same. */
const mixes: readonly Readonly<Record<string, string>>[] = [
  {
    ...{ token_embd: "Q4_0", attn_q: "Q5_1", attn_k: "Q4_1", attn_v: "Q5_0", attn_output: "Q5_1" },
    ...{ ffn_gate: "Q8_0", ffn_up: "Q2_K", ffn_down: "Q3_K", output: "Q6_K" },
  },
  {
    ...{ token_embd: "Q6_K", attn_q: "Q4_K", attn_k: "Q5_K", attn_v: "IQ4_NL", attn_output: "Q4_K" },
    ...{ ffn_gate: "IQ4_XS", ffn_up: "Q4_K", ffn_down: "Q8_0" },
  },
];

suite("GGUF files of codes", ({ test }) => {
  for (const mix of mixes)
    test(
      `${[...new Set(Object.values(mix))].join(", ")}: read as they are, rows where they belong, and the embedding by its rows`,
      inFolder(async (folder) => {
        await readAndSave(folder, writeLlama(folder, mix));
        // Both have the same bytes in the file, and only q's rows are in another order there.
        const [q, o] = [
          await saved(folder, "model.layers.0.self_attn.q_proj.weight"),
          await saved(folder, "model.layers.0.self_attn.o_proj.weight"),
        ];
        assert.ok(o.some((x) => x !== 0 && Number.isFinite(x)));
        for (let row = 0; row < 256; row++) {
          const from = rowInFile(row, 64) * 256;
          assert.equal(q.subarray(row * 256, row * 256 + 256), o.subarray(from, from + 256), `row ${row}`);
        }
      }),
    );

  test(
    "GPT-2: matrices that its folder has the other way round, and one of three layers",
    inFolder(async (folder) => readAndSave(folder, writeGpt2(folder, "Q4_K"))),
  );

  test(
    "fields are read from any byte to any other",
    inFolder(async (folder) => {
      const { tensors } = await openModel(writeLlama(folder, mixes[0] ?? {}));
      for (const tensor of tensors.values()) {
        const whole = await readRange(tensor, 0, tensor.bytes);
        for (let draw = 0; draw < 20; draw++) {
          const [a = 0, b = 0] = [0, 1].map((end) => randomBelow(tensor.bytes + 1, draw, end));
          const [start, end] = [Math.min(a, b), Math.max(a, b)];
          assert.equal(await readRange(tensor, start, end), whole.slice(start, end), tensor.name);
        }
      }
    }),
  );

  test("the device closes", closeDevice);
});
