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

const { families } = JSON.parse(readFileSync(join(root, "test/peers/architectures.json"), "utf8"));
const gpt2: { readonly config: JsonObject; readonly tensors: { readonly [name: string]: readonly number[] } } =
  families.gpt2;
const config = { ...gpt2.config, vocab_size: 1024 };

/** As GPT-2 stores it. */
const fused: Matrices = new Map(
  Object.entries(gpt2.tensors).map(([name, own]) => {
    const shape = name.endsWith("wte.weight") ? [config.vocab_size, ...own.slice(1)] : own;
    return [name, { shape, values: values(name, shape) }];
  }),
);

/** The same with a matrix [out, in] for each layer. */
const apart = (of: Matrices): Matrices =>
  new Map(
    [...of].flatMap(([name, matrix]): [string, Matrix][] => {
      if (!/\.c_\w+\.(weight|bias)$/.test(name)) return [[name, matrix]];
      const rows = matrix.shape.length === 1 ? matrix : transposed(matrix);
      if (!name.includes("c_attn")) return [[name, rows]];
      const third = rows.values.length / 3;
      const shape = [(rows.shape[0] ?? 0) / 3, ...rows.shape.slice(1)];
      return ["q", "k", "v"].map((own, i) => [
        name.replace("c_attn", own),
        { shape, values: rows.values.slice(i * third, (i + 1) * third) },
      ]);
    }),
  );

function transposed({ shape: [rows = 0, columns = 0], values: all }: Matrix): Matrix {
  const values = Float32Array.from(
    { length: all.length },
    (_, i) => all[(i % rows) * columns + Math.floor(i / rows)] ?? 0,
  );
  return { shape: [columns, rows], values };
}

/** The library's description, in which heads have a size of their own, so that there may be fewer. */
const description = readFileSync(join(root, "stdlib/arch/gpt2.lcomp"), "utf8").replace(
  "size(model) / heads()",
  "config.head_dim",
);
const describedApart = ["q", "k", "v"]
  .reduce((text, name) => text.replace(`"attn.c_attn"[in, out]`, `"attn.${name}"`), description)
  .replaceAll("[in, out]", "");

async function write(folder: string, tensors: Matrices, dtype: FloatDType): Promise<void> {
  mkdirSync(folder);
  copyFileSync(join(root, "examples/tiny/tokenizer.json"), join(folder, "tokenizer.json"));
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, head_dim: 8 }));
  const declared = [...tensors].map(([name, { shape }]) => ({ name, shape, dtype }));
  const writer = await SafetensorsWriter.create(join(folder, "model.safetensors"), declared);
  for (const [name, matrix] of tensors) await writer.write(name, toStored(matrix.values, dtype));
  await writer.close();
}

/** What a stage leaves of a model. */
async function after(stage: string, folder: string, arch: string, tensors: Matrices, dtype: FloatDType) {
  await write(folder, tensors, dtype);
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

suite("matrices in their stored places", ({ test }) => {
  for (const [dtype, stage] of [
    ["F32", "by_row() of model for q, v, down"],
    ["BF16", "by_row() of model for layer[1].attn.c_attn, up"],
    ["F32", "wanda(sparsity: 50%) of model over text.train.sample(4, length: 16, seed: 0)"],
    [
      "F32",
      "minitron_width(mlp: 40, kv: 3, model: 20, multiple: 1) of model over text.train.sample(4, length: 16, seed: 0)",
    ],
  ] as const)
    test(
      `${dtype}: ${stage.replace(/ of model over.*/, "")}`,
      inFolder(async (folder) => {
        const stageApart = stage.replace("layer[1].attn.c_attn", "layer[1].q, layer[1].k, layer[1].v");
        const one = await after(stage, join(folder, "fused"), description, fused, dtype);
        const other = await after(stageApart, join(folder, "apart"), describedApart, apart(fused), dtype);
        const [found, expected] = [apart(one.tensors), other.tensors];
        assert.equal(one.config, other.config);
        assert.equal([...found.keys()].sort(), [...expected.keys()].sort());
        for (const [name, matrix] of expected) assert.equal(found.get(name), matrix, name);
        const given = apart(fused);
        const changed = [...found].filter(([name, { values }]) => String(values) !== String(given.get(name)?.values));
        assert.ok(changed.length >= 6, `${changed.length} changed`);
      }),
    );

  test("the device is given back", closeDevice);
});
