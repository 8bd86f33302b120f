/** Matrices that are stored [in, out], and layers that share one, behind stages: the same as if each had one [out, in] of its own. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { FloatDType } from "../../compiler/plan/stored-types.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import type { JsonObject } from "../../runtime/io/file.ts";
import type { StoredTensor } from "../../runtime/io/safetensors.ts";
import { SafetensorsWriter } from "../../runtime/io/safetensors-writer.ts";
import { someText } from "../given/model-folder.ts";
import { values } from "../given/weights.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readWeight, toStored } from "../io/tensors.ts";
import { root } from "../repository/sources.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";

interface Matrix {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}
type Matrices = ReadonlyMap<string, Matrix>;

interface Family {
  readonly config: JsonObject;
  readonly tensors: { readonly [name: string]: readonly number[] };
}

const { families }: { readonly families: Readonly<Record<string, Family>> } = JSON.parse(
  readFileSync(join(root, "test/peers/architectures.json"), "utf8"),
);

/** A model as it is stored, and one with a matrix [out, in] for each layer. */
interface Stored {
  readonly config: JsonObject;
  readonly tensors: Matrices;
  readonly apart: (of: Matrices) => Matrices;
  /** The library's description of each, in which heads have a size of their own, so that there may be fewer. */
  readonly description: string;
  readonly describedApart: string;
  /** Where q, k and v lie. */
  readonly fused: string;
}

function stored(
  name: "gpt2" | "gpt_neox",
  fused: string,
  size: string,
  apart: Stored["apart"],
  [text, one]: [string, (layer: string) => string],
): Stored {
  const family = families[name] as Family;
  const config = { ...family.config, vocab_size: 1024, head_dim: 8 };
  const tensors = Object.entries(family.tensors).map(([tensor, own]): [string, Matrix] => {
    const shape = /(wte|embed_in|embed_out)\.weight$/.test(tensor) ? [config.vocab_size, ...own.slice(1)] : own;
    return [tensor, { shape, values: values(tensor, shape) }];
  });
  const library = readFileSync(join(root, `stdlib/arch/${name}.lcomp`), "utf8");
  const description = library.replace(size, "config.head_dim");
  const describedApart = ["q", "k", "v"]
    .reduce((all, layer) => all.replace(text, one(layer)), description)
    .replaceAll("[in, out]", "");
  return { config, tensors: new Map(tensors), apart, description, describedApart, fused };
}

/** GPT-2: [in, out], all of q before all of k and of v. */
const gpt2 = stored(
  "gpt2",
  "attn.c_attn",
  "size(model) / heads()",
  (of) =>
    new Map(
      [...of].flatMap(([name, matrix]): [string, Matrix][] => {
        if (!/\.c_\w+\.(weight|bias)$/.test(name)) return [[name, matrix]];
        const rows = matrix.shape.length === 1 ? matrix : transposed(matrix);
        return name.includes("c_attn") ? thirds(name, "c_attn", rows, 1) : [[name, rows]];
      }),
    ),
  [`"attn.c_attn"[in, out]`, (layer) => `"attn.${layer}"`],
);

/** GPT-NeoX: q, k and v of one head after those of another. */
const neox = stored(
  "gpt_neox",
  "attention.query_key_value",
  "config.hidden_size / config.num_attention_heads",
  (of) =>
    new Map(
      [...of].flatMap(([name, matrix]): [string, Matrix][] =>
        name.includes("query_key_value")
          ? thirds(name, "query_key_value", matrix, (matrix.shape[0] ?? 0) / 24)
          : [[name, matrix]],
      ),
    ),
  [`"attention.query_key_value"[kv, out, in]`, (layer) => `"attention.${layer}"`],
);

/** The rows of q, k and v, which lie one after the other in each of some runs. */
function thirds(name: string, fused: string, { shape, values: all }: Matrix, runs: number): [string, Matrix][] {
  const length = all.length / 3 / runs;
  const rows = [(shape[0] ?? 0) / 3, ...shape.slice(1)];
  return ["q", "k", "v"].map((layer, i) => {
    const own = Array.from({ length: runs }, (_, at) => [
      ...all.subarray((3 * at + i) * length, (3 * at + i + 1) * length),
    ]);
    return [name.replace(fused, layer), { shape: rows, values: Float32Array.from(own.flat()) }];
  });
}

function transposed({ shape: [rows = 0, columns = 0], values: all }: Matrix): Matrix {
  const values = Float32Array.from(
    { length: all.length },
    (_, i) => all[(i % rows) * columns + Math.floor(i / rows)] ?? 0,
  );
  return { shape: [columns, rows], values };
}

async function write(folder: string, config: JsonObject, tensors: Matrices, dtype: FloatDType): Promise<void> {
  mkdirSync(folder);
  copyFileSync(join(root, "examples/tiny/tokenizer.json"), join(folder, "tokenizer.json"));
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const declared = [...tensors].map(([name, { shape }]) => ({ name, shape, dtype }));
  const writer = await SafetensorsWriter.create(join(folder, "model.safetensors"), declared);
  for (const [name, matrix] of tensors) await writer.write(name, toStored(matrix.values, dtype));
  await writer.close();
}

/** What a stage leaves of a model. */
async function after(
  stage: string,
  folder: string,
  config: JsonObject,
  arch: string,
  tensors: Matrices,
  dtype: FloatDType,
) {
  await write(folder, config, tensors, dtype);
  const source = `import { wanda } from "std/prune/wanda"
import { minitron_width } from "std/prune/minitron"
${arch}
method by_row() on linear(w: f32[out, in]) { w * (2 where index(out) % 3 == 0 else 0.5) }
recipe one(model: Model, text: Corpus) {
  stage made = ${stage}
  save made as "huggingface"
}`;
  writeFiles(folder, { "one.lcomp": source, "text.txt": someText(60) });
  const out = join(folder, "out");
  await runRecipe(join(folder, "one.lcomp"), { model: folder, text: join(folder, "text.txt") }, out);
  const made = await openCheckpoint(out);
  const read = async ([name, tensor]: [string, StoredTensor]) =>
    [name, { shape: tensor.shape, values: await readWeight(tensor) }] as const;
  return { config: made.config, tensors: new Map(await Promise.all([...made.tensors].map(read))) };
}

const sample = "over text.train.sample(4, length: 16, seed: 0)";

suite("matrices in their stored places", ({ test }) => {
  for (const [dtype, model, stage] of [
    ["F32", gpt2, "by_row() of model for q, v, down"],
    ["BF16", gpt2, "by_row() of model for layer[1].attn.c_attn, up"],
    ["F32", gpt2, `wanda(sparsity: 50%) of model ${sample}`],
    ["F32", gpt2, `minitron_width(mlp: 40, kv: 3, model: 20, multiple: 1) of model ${sample}`],
    ["BF16", neox, "by_row() of model for q, v, down"],
    ["F32", neox, "by_row() of model for layer[1].attention.query_key_value, up"],
    ["F32", neox, `minitron_width(mlp: 40, kv: 3, model: 20, multiple: 1) of model ${sample}`],
  ] as const)
    test(
      `${model.config.model_type}, ${dtype}: ${stage.replace(/ of model over.*/, "")}`,
      inFolder(async (folder) => {
        const { config, tensors, description, apart, describedApart, fused } = model;
        const stageApart = stage.replace(`layer[1].${fused}`, "layer[1].q, layer[1].k, layer[1].v");
        const one = await after(stage, join(folder, "fused"), config, description, tensors, dtype);
        const other = await after(stageApart, join(folder, "apart"), config, describedApart, apart(tensors), dtype);
        const [found, expected] = [apart(one.tensors), other.tensors];
        assert.equal(one.config, other.config);
        assert.equal([...found.keys()].sort(), [...expected.keys()].sort());
        for (const [name, matrix] of expected) assert.equal(found.get(name), matrix, name);
        const given = apart(tensors);
        const changed = [...found].filter(([name, { values }]) => String(values) !== String(given.get(name)?.values));
        assert.ok(changed.length >= 6, `${changed.length} changed`);
      }),
    );

  test("the device is given back", closeDevice);
});
