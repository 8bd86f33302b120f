/** What config.json and the names of tensors mean: row by row what test/peers/config.py has recorded of Transformers. */
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { loadRecipe, outline, plan } from "../../compiler/compile.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { CompileError } from "../../grammar/diagnostic.ts";
import { openDevice } from "../../runtime/gpu/device.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import type { JsonObject } from "../../runtime/io/file.ts";
import { runPlan } from "../../runtime/run/run-plan.ts";
import { library } from "../given/library.ts";
import { suite } from "../harness/suite.ts";
import { safetensorsBytes } from "../io/folder.ts";
import { readTensor } from "../io/tensors.ts";
import { root } from "../repository/sources.ts";

interface Row {
  readonly name: string;
  readonly config: JsonObject;
  readonly drop: readonly string[];
  readonly tensors: string;
  /** What Transformers gives; without it, it raises, or fills in random weights. */
  readonly nll?: number;
}

interface Record {
  readonly versions: JsonObject;
  readonly length: number;
  readonly tokens: readonly number[];
  readonly rows: readonly Row[];
}

const record: Record = JSON.parse(readFileSync(join(root, "test/peers/config.json"), "utf8"));

/** With which sentence rows are refused: those that have a figure all the same, and those whose sentence must name the field. */
const refused: { readonly [name: string]: RegExp } = {
  "llama: an unknown architecture": /is a OtherForCausalLM, which no architecture describes/,
  "llama: num_hidden_layers 3": /has 9 tensors that `llama` does not know/,
  "llama: hidden_act mish": /an activation of this name is not supported/,
  "llama: rope_parameters by kind of layer": /rotary positions for a part of each head, or by kind of layer, is not/,
  "llama: partial_rotary_factor": /rotary positions for a part of each head/,
  "llama: proportional": /rotary positions for a part of each head/,
  "llama: longrope": /rotary scaling other than linear, dynamic, llama3 and yarn/,
  "llama: rope_theta true": /`base` of `rope` must be a number, and is true/,
  "llama: llama3 with equal bounds": /`high_freq_factor` not above `low_freq_factor`/,
  "llama: double precision": /the stored type F64 of .* and \d+ more is not supported/,
  "llama: scales beside the weights": /are quantised already: the checkpoint has `.*weight_scale`/,
  "llama: rope_theta a text": /`base` of `rope` must be a number, and is "10000" \(`rope_theta` in config\.json\)/,
  "llama: rope_parameters a list":
    /must be an object of config\.json, and is a list \(`rope_parameters` in config\.json\)/,
  "llama: linear, factor a text": /a tensor or a number, and is "2" \(`rope_scaling\.factor` in config\.json\)/,
  "llama: intermediate_size a list": /^`intermediate_size` in config\.json is a list, not a whole number/,
  "llama: num_attention_heads 3": /^by config\.json `group` is 1\.5, not a whole number/m,
  "mistral: layer_types": /a Mistral config with `layer_types`/,
};

/** Rows that Transformers refuses by their types alone, and as which row they are read here. */
const readAs: { readonly [name: string]: string } = {
  "llama: no model_type": "llama: as it is", // the architecture says it
  "mistral: no model_type": "mistral: a window",
  "llama: num_hidden_layers 4.0": "llama: as it is", // to JSON, 4.0 is 4
  "llama: rms_norm_eps 1, a whole number": "llama: rms_norm_eps 1.0",
};

/** Rows of which something is said besides. */
const noted: { readonly [name: string]: RegExp } = {
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

const recipe = loadRecipe(library, "std/evaluate");
const device = await openDevice();
const folder = mkdtempSync(join(tmpdir(), "lcomp-config-"));
const example = await openCheckpoint(join(root, "examples/tiny"));

interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}
type Tensors = ReadonlyMap<string, Tensor>;

const [embed, head] = ["model.embed_tokens.weight", "lm_head.weight"];
const float32 = (shape: readonly number[], values: Float32Array): Tensor => ({
  dtype: "F32",
  shape,
  bytes: new Uint8Array(values.buffer),
});

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

/** A file for each variant, made when a row asks for it. */
const files = new Map<string, string>();
async function fileOf(variant: string): Promise<string> {
  const known = files.get(variant);
  if (known !== undefined) return known;
  const stored = await Promise.all(
    [...example.tensors.values()].map(
      async (tensor) =>
        [tensor.name, { dtype: tensor.dtype, shape: tensor.shape, bytes: await readTensor(tensor) }] as const,
    ),
  );
  const tensors = variants[variant]?.(new Map(stored)) ?? absent(variant);
  let end = 0;
  const header = Object.fromEntries(
    [...tensors].map(([name, { dtype, shape, bytes }]) => {
      end += bytes.length;
      return [name, { dtype, shape, data_offsets: [end - bytes.length, end] }];
    }),
  );
  const path = join(folder, `${files.size}.safetensors`);
  writeFileSync(path, safetensorsBytes(header, Buffer.concat([...tensors.values()].map(({ bytes }) => bytes))));
  files.set(variant, path);
  return path;
}

function absent(what: string): never {
  throw new Error(`there is no ${what}`);
}

/** Mean losses by tensors and plan: rows that make the same plan of the same weights are computed once. */
const computed = new Map<string, number>();

/** What lcomp makes of a row: a mean loss and what it says beside it, or the sentences with which it refuses. */
type Found = { readonly loss: number; readonly notes: string } | { readonly refusal: string };

async function evaluated({ name, config, drop, tensors }: Row): Promise<Found> {
  const place = join(folder, name.replaceAll(/\W/g, "-"));
  mkdirSync(place);
  const kept = Object.entries({ ...example.config, ...config }).filter(([key]) => !drop.includes(key));
  writeFileSync(join(place, "config.json"), JSON.stringify(Object.fromEntries(kept)));
  linkSync(await fileOf(tensors), join(place, "model.safetensors"));
  const model = await openCheckpoint(place);
  const compiled = compile(model);
  if ("refusal" in compiled) return compiled;
  const { made, notes } = compiled;
  const key = JSON.stringify([tensors, made.kernels, made.programs, made.steps]);
  const loss = computed.get(key) ?? (await meanLoss(made, model));
  computed.set(key, loss);
  return { loss, notes };
}

function compile({
  config,
  tensors,
}: typeof example): { readonly made: Plan; readonly notes: string } | { readonly refusal: string } {
  const length = { kind: "number", value: record.length, text: String(record.length), span: nowhere } as const;
  const inputs = {
    parameters: new Map([["length", length]]),
    models: new Map([["model", { name: "model", config, tensors }]]),
    corpora: new Map([["text", { tokens: { test: record.tokens.length } }]]),
  };
  try {
    const { notes } = outline(recipe, inputs);
    return { made: plan(recipe, inputs, device.facts), notes: notes.map(({ title }) => title).join("\n") };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return { refusal: error.message };
  }
}

const nowhere = { file: { path: "", text: "" }, start: 0, end: 0 };

async function meanLoss(made: Plan, model: typeof example): Promise<number> {
  const given = {
    device,
    models: new Map([["model", model]]),
    corpora: new Map([["text", { test: Int32Array.from(record.tokens) }]]),
  };
  const { signal } = new AbortController();
  const { reports } = await runPlan(made, { ...given, output: null, recipe: "", signal, progress: () => undefined });
  return reports.find(({ of }) => of?.measure === "mean_nll")?.value ?? absent("mean_nll");
}

/** The loss of Transformers, or a refusal; what differs from that must be listed above. */
function judge({ name, nll, tensors }: Row, found: Found): void {
  const as = readAs[name];
  const expected = as === undefined ? nll : record.rows.find((row) => row.name === as)?.nll;
  const sentence = refused[name];
  if ("refusal" in found) {
    assert.match(found.refusal, sentence ?? (expected === undefined ? /./ : /a figure/));
    if (tensors !== "as they are") assert.not.match(found.refusal, /\n/, "one problem");
    return;
  }
  const { loss, notes } = found;
  assert.is(sentence, undefined, `${loss} where a refusal is listed`);
  assert.ok(Math.abs(loss - (expected ?? Number.NaN)) < 2e-5, `${loss}, and Transformers gives ${expected}`);
  assert.match(notes, noted[name] ?? /^$/);
}

suite(`config.json as Transformers ${record.versions["transformers"]} reads it`, ({ test }) => {
  for (const row of record.rows) {
    test(row.name, async () => judge(row, await evaluated(row)));
  }

  test("at least 40 rows have figures, of both families", () => {
    for (const family of ["llama", "mistral"])
      assert.ok(record.rows.some(({ name, nll }) => name.startsWith(family) && nll !== undefined));
    assert.ok(record.rows.filter(({ name, nll }) => nll !== undefined && refused[name] === undefined).length >= 40);
  });

  test("the device and the folder are given back", () => {
    device.close();
    rmSync(folder, { recursive: true });
  });
});
