/** What config.json and the names of tensors mean: row by row what test/peers/config.py has recorded of Transformers. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { suite } from "../harness/suite.ts";
import { readTensor } from "../io/tensors.ts";
import { root } from "../repository/sources.ts";
import {
  absent,
  type Exceptions,
  float32,
  judge,
  openEvaluations,
  type Row,
  recorded,
  type Tensor,
  type Tensors,
} from "./transformers.ts";

interface Variant extends Row {
  /** The tensors of the example, changed as this says. */
  readonly tensors: string;
}

const record = recorded<Variant>("config.json");

const refused: Exceptions["refused"] = {
  "llama: an unknown architecture": /is a OtherForCausalLM, which no architecture describes/,
  "llama: is_causal false": /sees later tokens \(`is_causal` in config.json\), which no architecture describes/,
  "llama: is_causal null": /sees later tokens/,
  "llama: per_layer_config": /of layers that differ \(`per_layer_config` in config.json\), which no architecture/,
  "llama: num_hidden_layers 3": /has 9 tensors that `llama` does not know/,
  "llama: hidden_act mish": /an activation of this name is not supported/,
  "llama: rope_parameters by kind of layer": /rotary positions for a part of each head, or by kind of layer, is not/,
  "llama: rope_theta true": /`base` of `rotated_by` must be a number, and is true/,
  "llama: llama3 with equal bounds": /`high_freq_factor` not above `low_freq_factor`/,
  "llama: double precision": /the stored type F64 of .* and \d+ more is not supported/,
  "llama: scales beside the weights": /are quantised already: the checkpoint has `.*weight_scale`/,
  "llama: rope_theta a text":
    /`base` of `rotated_by` must be a number, and is "10000" \(`rope_theta` in config\.json\)/,
  "llama: rope_parameters a list":
    /must be an object of config\.json, and is a list \(`rope_parameters` in config\.json\)/,
  "llama: linear, factor a text": /a tensor or a number, and is "2" \(`rope_scaling\.factor` in config\.json\)/,
  "llama: intermediate_size a list": /^`intermediate_size` in config\.json is a list, not a whole number/,
  "llama: num_attention_heads 3": /^by config\.json `group` is 1\.5, not a whole number/m,
  "mistral: layer_types": /a Mistral config with `layer_types`/,
};

const readAs: Exceptions["readAs"] = {
  "llama: no model_type": "llama: as it is", // the architecture says it
  "mistral: no model_type": "mistral: a window",
  "llama: num_hidden_layers 4.0": "llama: as it is", // to JSON, 4.0 is 4
  "llama: rms_norm_eps 1, a whole number": "llama: rms_norm_eps 1.0",
};

const noted: Exceptions["noted"] = {
  "llama: code of its own": /names code of its own/,
  "llama: no model_type": /has no `model_type`, without which Transformers does not load it/,
  "mistral: no model_type": /has no `model_type`, without which Transformers does not load it/,
  "llama: model_type mistral": /names LlamaForCausalLM and the `model_type` mistral/,
  "mistral: architectures of Llama": /names LlamaForCausalLM and the `model_type` mistral/,
  "llama: attention biases left over": /no such biases, and the checkpoint has 16/,
  "llama: attention biases left over, nothing said": /no such biases, and the checkpoint has 16/,
  "llama: mlp biases left over": /no such biases, and the checkpoint has 12/,
  "llama: a bias of the head left over": /no such biases, and the checkpoint has one: `lm_head\.bias`/,
  "mistral: attention_bias true": /no such biases, and the checkpoint has 16/,
  "mistral: mlp_bias true": /no such biases, and the checkpoint has 12/,
  "mistral: biases left over": /no such biases, and the checkpoint has 16/,
  "llama: tied, another head is stored": /`lm_head.weight` is stored, though/,
  "llama: tied, the same head is stored": /`lm_head.weight` is stored, though/,
  "mistral: tied, another head is stored": /`lm_head.weight` is stored, though/,
};

const exceptions: Exceptions = { refused, readAs, noted, tolerance: 2e-5 };
const evaluations = await openEvaluations(record);
const example = await openCheckpoint(join(root, "examples/tiny"));

const [embed, head] = ["model.embed_tokens.weight", "lm_head.weight"];
const renamed = (tensors: Tensors, rename: (name: string) => string): Tensors =>
  new Map([...tensors].map(([name, tensor]) => [rename(name), tensor]));

const biasOf = (rows: number): Tensor =>
  float32(
    [rows],
    Float32Array.from({ length: rows }, (_, j) => (((j * 37) % 11) - 5) / 50),
  );

function withBiases(tensors: Tensors, part: string): Tensors {
  const made = [...tensors].flatMap(([name, { shape }]): (readonly [string, Tensor])[] => {
    if (!name.includes(`.${part}.`)) return [];
    const [rows = 0] = shape;
    return [[name.replace(".weight", ".bias"), biasOf(rows)]];
  });
  return new Map([...tensors, ...made]);
}

function withHead(tensors: Tensors, scale: number): Tensors {
  const { shape, bytes } = tensors.get(embed) as Tensor;
  const values = new Float16Array(bytes.slice().buffer);
  return new Map([
    ...tensors,
    [
      head,
      float32(
        shape,
        Float32Array.from(values, (value) => value * scale),
      ),
    ],
  ]);
}

const retyped = (tensors: Tensors, dtype: string, width: number): Tensors =>
  new Map(
    [...tensors].map(([name, { shape, bytes }]) => [
      name,
      { dtype, shape, bytes: new Uint8Array(bytes.length * width) },
    ]),
  );

/** As in config.py. */
const variants: { readonly [name: string]: (tensors: Tensors) => Tensors } = {
  "as they are": (tensors) => tensors,
  "another head": (tensors) => withHead(tensors, 1.25),
  "the same head": (tensors) => withHead(tensors, 1),
  "only the head": (tensors) => renamed(tensors, (name) => (name === embed ? head : name)),
  "attention biases": (tensors) => withBiases(tensors, "self_attn"),
  "mlp biases": (tensors) => withBiases(tensors, "mlp"),
  "a bias of the head": (tensors) => new Map([...tensors, ["lm_head.bias", biasOf(tensors.get(embed)?.shape[0] ?? 0)]]),
  "no prefix": (tensors) => renamed(tensors, (name) => name.replace(/^model\./, "")),
  "a prefix of a compiled model": (tensors) => renamed(tensors, (name) => `_orig_mod.${name}`),
  "double precision": (tensors) => retyped(tensors, "F64", 4),
  "rotary buffers": (tensors) =>
    new Map([
      ...tensors,
      ["model.layers.0.self_attn.rotary_emb.inv_freq", float32([16], new Float32Array(16))],
      ["model.rotary_emb.inv_freq", float32([16], new Float32Array(16))],
    ]),
  scales: (tensors) =>
    new Map([...tensors, ["model.layers.0.mlp.up_proj.weight_scale", float32([384, 1], new Float32Array(384))]]),
};

async function variant(name: string): Promise<Tensors> {
  const stored = await Promise.all(
    [...example.tensors.values()].map(
      async (tensor) =>
        [tensor.name, { dtype: tensor.dtype, shape: tensor.shape, bytes: await readTensor(tensor) }] as const,
    ),
  );
  return variants[name]?.(new Map(stored)) ?? absent(name);
}

suite(`config.json as Transformers ${record.versions["transformers"]} reads it`, ({ test }) => {
  for (const row of record.rows) {
    test(row.name, async () => {
      const found = await evaluations.evaluate(row, example.config, row.tensors, () => variant(row.tensors));
      judge(row, found, record, exceptions);
      if ("refusal" in found && row.tensors !== "as they are") assert.not.match(found.refusal, /\n/, "one problem");
    });
  }

  test("at least 40 rows have figures, of both families", () => {
    for (const family of ["llama", "mistral"])
      assert.ok(record.rows.some(({ name, nll }) => name.startsWith(family) && nll !== undefined));
    assert.ok(record.rows.filter(({ name, nll }) => nll !== undefined && refused[name] === undefined).length >= 40);
  });

  test("the device and the folder are given back", () => {
    evaluations.close();
  });
});
