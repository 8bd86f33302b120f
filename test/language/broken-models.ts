/** Headers of small models, most with one thing wrong, for the messages that only a model brings out. */
import type { ModelFacts } from "../../compiler/model/facts.ts";

const config = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 32,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
};

const shapes = {
  "input_layernorm.weight": [16],
  "self_attn.q_proj.weight": [16, 16],
  "self_attn.k_proj.weight": [8, 16],
  "self_attn.v_proj.weight": [8, 16],
  "self_attn.o_proj.weight": [16, 16],
  "post_attention_layernorm.weight": [16],
  "mlp.gate_proj.weight": [24, 16],
  "mlp.up_proj.weight": [24, 16],
  "mlp.down_proj.weight": [16, 24],
};

function tensors(
  changes: Readonly<Record<string, readonly number[] | null>> = {},
  inBlock: Readonly<Record<string, readonly number[]>> = shapes,
  layers = 2,
): ModelFacts["tensors"] {
  const blocks = Array.from({ length: layers }, (_, layer) =>
    Object.entries(inBlock).map(([name, shape]) => [`model.layers.${layer}.${name}`, shape] as const),
  ).flat();
  const all = new Map<string, readonly number[] | null>([
    ["model.embed_tokens.weight", [32, 16]],
    ...blocks,
    ["model.norm.weight", [16]],
    ...Object.entries(changes),
  ]);
  return headers(Object.fromEntries([...all].flatMap(([name, shape]) => (shape ? [[name, shape]] : []))));
}

const headers = (shapes: Readonly<Record<string, readonly number[]>>): ModelFacts["tensors"] =>
  new Map(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      { dtype: "F32", shape, bytes: 4 * shape.reduce((a, b) => a * b, 1) },
    ]),
  );

/** Small floats with a scale for each matrix of the blocks. */
const small: ModelFacts["tensors"] = new Map(
  [...tensors()].flatMap(([name, tensor]) =>
    tensor.shape.length < 2 || !name.includes("layers")
      ? [[name, tensor] as const]
      : [
          [name, { ...tensor, dtype: "F8_E4M3", bytes: tensor.bytes / 4 }] as const,
          [`${name}_scale_inv`, { dtype: "F32", shape: [1, 1], bytes: 4 }] as const,
        ],
  ),
);

/** Of a weight that is there as numbers. */
const eighths = {
  format: "Eighths()",
  module: "own.lcomp",
  modules: { "own.lcomp": "format Eighths() of f32[out, in] {\n  code: int8[out, in]\n\n  decode = code / 8\n}\n" },
  tensors: ["model.layers.0.mlp.up_proj.weight"],
};

const plain: ModelFacts = { name: "models/plain", config, tensors: tensors() };

/** By the name that a golden file's first line asks for. */
export const models: Readonly<Record<string, ModelFacts>> = {
  plain,
  // Each block reads its number.
  tall: {
    name: "models/tall",
    config: {
      ...{ ...config, architectures: ["Qwen3ForCausalLM"], model_type: "qwen3", head_dim: 4, rms_norm_eps: 1e-6 },
      ...{ num_hidden_layers: 80, layer_types: Array.from({ length: 80 }, () => "full_attention") },
    },
    tensors: tensors({}, { ...shapes, "self_attn.q_norm.weight": [4], "self_attn.k_norm.weight": [4] }, 80),
  },
  missing: { ...plain, tensors: tensors({ "model.layers.1.mlp.up_proj.weight": null }) },
  shape: { ...plain, tensors: tensors({ "model.layers.0.self_attn.k_proj.weight": [16, 16] }) },
  extra: { ...plain, tensors: tensors({ "model.layers.0.self_attn.q_norm.weight": [4] }) },
  config: { ...plain, config: { ...config, intermediate_size: undefined } },
  absurd: { ...plain, config: { ...config, hidden_size: 1e15, num_hidden_layers: -3 } },
  prefixed: { ...plain, tensors: new Map([...plain.tensors].map(([name, tensor]) => [`_orig_mod.${name}`, tensor])) },
  double: {
    ...plain,
    tensors: new Map([...plain.tensors].map(([name, tensor]) => [name, { ...tensor, dtype: "F64" }])),
  },
  biased: {
    ...plain,
    tensors: tensors({ "model.layers.0.mlp.up_proj.bias": [24], "model.layers.1.mlp.up_proj.bias": [24] }),
  },
  head: { ...plain, tensors: tensors({ "lm_head.weight": [32, 16] }) },
  quantised: { ...plain, config: { ...config, quantization_config: { quant_method: "bitsandbytes" } } },
  rounded: { ...plain, config: { ...config, quantization_config: { quant_method: "fp8" } }, tensors: small },
  coded: { ...plain, config: { ...config, quantization_config: { quant_method: "lcomp", formats: [eighths] } } },
  names: { ...plain, config: { ...config, model_type: "mistral" } },
  adapter: { ...plain, hasAdapterBeside: true },
  code: { ...plain, config: { ...config, auto_map: { AutoModelForCausalLM: "modeling_own.OwnForCausalLM" } } },
  other: { ...plain, config: { ...config, architectures: ["PhiForCausalLM"] } },
  halfBiased: {
    name: "models/half-biased",
    config: { ...config, architectures: ["OwnForCausalLM"], model_type: "own" },
    tensors: headers({
      ...{ "embed.weight": [32, 16], "head.weight": [32, 16], "blocks.0.up.weight": [24, 16] },
      ...{ "blocks.0.down.weight": [16, 24], "blocks.1.up.weight": [24, 16], "blocks.1.up.bias": [24] },
      ...{ "blocks.1.down.weight": [16, 24] },
    }),
  },
  mrope: { ...plain, config: { ...config, rope_scaling: { rope_type: "mrope", mrope_section: [1, 1] } } },
};
