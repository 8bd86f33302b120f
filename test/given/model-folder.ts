/** Small models of random numbers in Hugging Face folders, with the tokenizer of examples/tiny. */
import { copyFileSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FloatDType } from "../../compiler/plan/stored-types.ts";
import { randomBelow } from "../../runtime/io/random.ts";
import type { TensorDeclaration } from "../../runtime/io/safetensors.ts";
import { declaredBytes, SafetensorsWriter } from "../../runtime/io/safetensors-writer.ts";
import { toStored } from "../io/tensors.ts";
import { root } from "../repository/sources.ts";

const example = join(root, "examples/tiny");

/** Sizes by which a variant differs, and how it is stored. */
export interface Variant {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly dtype?: FloatDType;
  readonly isUntied?: boolean;
  /** In how many files the weights lie. */
  readonly shards?: number;
}

/** A config with a bias in every linear layer of the blocks. */
export const biased = { attention_bias: true, mlp_bias: true };

const plain = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_act: "silu",
  vocab_size: 1024,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  bos_token_id: 0,
  eos_token_id: 0,
};

type Config = typeof plain & {
  readonly head_dim?: number;
  readonly attention_bias?: boolean;
  readonly mlp_bias?: boolean;
};

type Shape = readonly [name: string, shape: readonly number[]];

function shapesOf(config: Config, { isUntied = false }: Variant) {
  const { hidden_size: n, intermediate_size: mlp, num_attention_heads: heads } = config;
  const head = config.head_dim ?? n / heads;
  const linears: readonly Shape[] = [
    ["self_attn.q_proj", [heads * head, n]],
    ["self_attn.k_proj", [config.num_key_value_heads * head, n]],
    ["self_attn.v_proj", [config.num_key_value_heads * head, n]],
    ["self_attn.o_proj", [n, heads * head]],
    ["mlp.gate_proj", [mlp, n]],
    ["mlp.up_proj", [mlp, n]],
    ["mlp.down_proj", [n, mlp]],
  ];
  const ofHeads: readonly string[] = config.model_type === "qwen3" ? ["q_norm", "k_norm"] : [];
  const block: readonly Shape[] = [
    ["input_layernorm.weight", [n]],
    ["post_attention_layernorm.weight", [n]],
    ...ofHeads.map((path): Shape => [`self_attn.${path}.weight`, [head]]),
    ...linears.flatMap(([path, shape]): Shape[] => [
      [`${path}.weight`, shape],
      ...(config[path.startsWith("mlp") ? "mlp_bias" : "attention_bias"]
        ? [[`${path}.bias`, [shape[0] ?? 0]] as const]
        : []),
    ]),
  ];
  const layers = Array.from({ length: config.num_hidden_layers }, (_, layer) =>
    block.map(([name, shape]): Shape => [`model.layers.${layer}.${name}`, shape]),
  );
  const around: readonly Shape[] = [
    ["model.embed_tokens.weight", [config.vocab_size, n]],
    ["model.norm.weight", [n]],
    ...(isUntied ? [["lm_head.weight", [config.vocab_size, n]] as const] : []),
  ];
  return [...around, ...layers.flat()];
}

interface Shard {
  readonly path: string;
  readonly tensors: readonly TensorDeclaration[];
}

/** Writes all but the weights, and says which go where. */
function writeBesides(folder: string, variant: Variant): readonly Shard[] {
  const { dtype = "F32", shards = 1, isUntied = false } = variant;
  const config = { ...plain, tie_word_embeddings: !isUntied, ...variant.config };
  mkdirSync(folder, { recursive: true });
  for (const name of ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"])
    copyFileSync(join(example, name), join(folder, name));
  writeFileSync(join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  const shapes = shapesOf(config, variant);
  const files = Array.from({ length: shards }, (_, shard) => ({
    name: shards === 1 ? "model.safetensors" : `model-${shard + 1}-of-${shards}.safetensors`,
    own: shapes.filter((_, i) => i % shards === shard),
  }));
  const weightMap = Object.fromEntries(files.flatMap(({ name: file, own }) => own.map(([name]) => [name, file])));
  if (shards > 1)
    writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap }));
  return files.map(({ name: file, own }) => ({
    path: join(folder, file),
    tensors: own.map(([name, shape]) => ({ name, shape, dtype })),
  }));
}

/** Writes a model; the same variant always has the same numbers. */
export async function writeDecoder(folder: string, variant: Variant = {}): Promise<void> {
  const normal = normals();
  for (const { path, tensors } of writeBesides(folder, variant)) {
    const writer = await SafetensorsWriter.create(path, tensors);
    for (const { name, shape } of tensors)
      await writer.write(name, toStored(valuesOf(name, shape, normal), variant.dtype ?? "F32"));
    await writer.close();
  }
}

/** Writes a model whose weights are all 0, in files that take no room on the disk, whatever its size. */
export async function writeHollow(folder: string, variant: Variant): Promise<void> {
  for (const { path, tensors } of writeBesides(folder, variant)) {
    const writer = await SafetensorsWriter.create(path, tensors);
    await writer.abandon();
    truncateSync(path, statSync(path).size + tensors.reduce((sum, tensor) => sum + declaredBytes(tensor), 0));
  }
}

/** Writes a large model in BF16: each tensor is a piece of the same few normal numbers, again and again. */
export async function writeNoise(folder: string, variant: Omit<Variant, "dtype">): Promise<void> {
  const normal = normals();
  const few = Float32Array.from({ length: 2 ** 20 - 3 }, normal); // of a length that no dimension divides
  const known = new Map<number | undefined, Uint8Array>();
  const bytesFor = (columns: number | undefined): Uint8Array => {
    const scaled = (value: number): number => (columns === undefined ? 1 + 0.2 * value : value / Math.sqrt(columns));
    const bytes = known.get(columns) ?? toStored(few.map(scaled), "BF16");
    known.set(columns, bytes);
    return bytes;
  };
  for (const { path, tensors } of writeBesides(folder, { ...variant, dtype: "BF16" })) {
    const writer = await SafetensorsWriter.create(path, tensors);
    for (const { name, shape } of tensors) {
      const count = shape.reduce((product, size) => product * size, 1);
      const bytes = bytesFor(shape[1]);
      for (let at = 0; at < 2 * count; at += bytes.byteLength)
        await writer.write(name, bytes.subarray(0, Math.min(bytes.byteLength, 2 * count - at)), at);
    }
    await writer.close();
  }
}

/** Normal numbers, the same each time. */
function normals(): () => number {
  let drawn = 0;
  const unit = (): number => (randomBelow(2 ** 24, 20, drawn++) + 0.5) / 2 ** 24;
  return () => Math.sqrt(-2 * Math.log(unit())) * Math.cos(2 * Math.PI * unit());
}

/** Gains near 1, the rest so large that every part of the model counts. */
function valuesOf(name: string, shape: readonly number[], normal: () => number): Float32Array {
  const count = shape.reduce((product, size) => product * size, 1);
  const scale = name.endsWith(".bias") ? 0.3 : 1 / Math.sqrt(shape[1] ?? 16);
  const isGain = shape.length === 1 && !name.endsWith(".bias");
  return Float32Array.from({ length: count }, () => (isGain ? 1 + 0.2 * normal() : scale * normal()));
}

/** Some texts of the example's world, one per line. */
export const someText = (documents: number): string =>
  readFileSync(join(root, "examples/world/train.jsonl"), "utf8").split("\n").slice(0, documents).join("\n");
