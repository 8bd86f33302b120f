/** Packed words are those of the programs' own packers, for the same codes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readTensor } from "../io/tensors.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";
import { inTensors } from "./changed-folder.ts";

type Rows = readonly (readonly number[])[];

interface Layout {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Golden {
  readonly q: Rows;
  readonly z: Rows;
  readonly s_f16_bits: Rows;
  /** The name of codes has no space; that of a layout does, and its dimensions behind it. */
  readonly layouts: { readonly "ct8.q": Rows } & Readonly<Record<`${string} ${string}`, Layout>>;
}

const readGolden = (): Golden => JSON.parse(readFileSync("../shared/oracles/golden_pack.json", "utf8"));

/** The layout of that name. */
function layoutOf({ layouts }: Golden, name: string): Layout {
  const full = Object.keys(layouts).find((each): each is `${string} ${string}` => each.startsWith(`${name} `));
  if (!full) throw new Error(`the oracle has no ${name}`);
  return layouts[full] as Layout;
}

/** `four` makes codes, zero points and the bits of scales of what a matrix holds, `code + 16 * zero + 256 * bits`; `eight` codes alone. */
const recipe = (stages: string, target: string): string => `
import { rtn } from "std/quantize/rtn"
import { Affine } from "std/quantize/affine"

method four() on linear(w: f32[out, in]) {
  let b = split(w, in -> (block, lane: 32))
  let bits = floor(b / 256)
  let low = b - 256 * bits
  let zero = floor(low / 16)
  let power = floor(bits / 1024)
  let scale = (1 + (bits - 1024 * power) / 1024) * 2^(power - 15)
  Affine(4, 32) { code: low - 16 * zero, scale: max(scale, over lane), zero: max(zero, over lane) }
}

method eight() on linear(w: f32[out, in]) {
  let code = split(w, in -> (block, lane: 32))
  Affine(8, 32, true) { code, scale: 1 + 0 * max(code, over lane), zero: 128 + 0 * max(code, over lane) }
}

recipe coded(model: Model, text: Corpus) {
${stages}
  save small as "${target}"
}
`;

const [rows, columns, layer] = [32, 64, "model.layers.0.self_attn.k_proj"] as const;

/** Saves a model for a target whose `k` holds a number for each output and input; the tensors of `k`. */
async function saved(folder: string, target: string, stages: string, of: (o: number, i: number) => number) {
  const [model, text, out] = [join(folder, "model"), join(folder, "text.jsonl"), join(folder, target)];
  const sizes = { hidden_size: columns, intermediate_size: 192, num_hidden_layers: 1 };
  await writeDecoder(model, { config: { ...sizes, num_attention_heads: 4, num_key_value_heads: 2 } });
  const numbers = Float32Array.from({ length: rows * columns }, (_, i) => of(Math.floor(i / columns), i % columns));
  await inTensors(`${layer}.weight`, (tensor) => [{ ...tensor, bytes: new Uint8Array(numbers.buffer) }])(model);
  writeFiles(folder, { "coded.lcomp": recipe(stages, target), "text.jsonl": someText(10) });
  await runRecipe(join(folder, "coded.lcomp"), { model, text }, out);
  const { tensors } = await openCheckpoint(out);
  return async (name: string) => {
    const tensor = tensors.get(`${layer}.${name}`);
    if (!tensor) throw new Error(`${target} has no ${name}`);
    const { buffer } = (await readTensor(tensor)).slice();
    return { shape: tensor.shape, data: [...(name === "scales" ? new Float16Array(buffer) : new Int32Array(buffer))] };
  };
}

/** By target: the tensors of a layer, and their layouts in the oracle. */
const layouts: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  gptq: { qweight: "gptq.qweight", qzeros: "gptq_v2.qzeros", scales: "gptq.scales", g_idx: "gptq.g_idx" },
  awq: { qweight: "awq.qweight", qzeros: "awq.qzeros", scales: "awq.scales" },
  "compressed-tensors": { weight_packed: "ct.weight_packed", weight_zero_point: "ct.weight_zero_point" },
};

const coded = (bits: number, symmetric: boolean, method: string): string => `
  stage others = rtn(${bits}, every: 32, symmetric: ${symmetric}) of model for linear except lm_head, k
  stage small = ${method}() of others for k`;

suite("packed words", ({ test }) => {
  for (const [target, tensors] of Object.entries(layouts))
    test(
      `${target}: four bits`,
      inFolder(async (folder) => {
        const golden = readGolden();
        const at = (of: Rows, o: number, i: number): number => of[o]?.[i] ?? NaN;
        const read = await saved(folder, target, coded(4, false, "four"), (o, i) => {
          const run = Math.floor(i / 32);
          return at(golden.q, o, i) + 16 * at(golden.z, o, run) + 256 * at(golden.s_f16_bits, o, run);
        });
        for (const [name, layout] of Object.entries(tensors)) {
          const { shape, data } = layoutOf(golden, layout);
          assert.equal(await read(name), { shape, data }, name);
        }
      }),
    );

  test(
    "compressed-tensors: eight bits, of a few outputs and inputs; all others are 0",
    inFolder(async (folder) => {
      const golden = readGolden();
      const codes = golden.layouts["ct8.q"];
      const stages = coded(8, true, "eight");
      const read = await saved(folder, "compressed-tensors", stages, (o, i) => 128 + (codes[o]?.[i] ?? 0));
      const { data } = await read("weight_packed");
      const { shape, data: words } = layoutOf(golden, "ct8.weight_packed");
      const [height = NaN, width = NaN] = shape;
      const zeros = 0x80808080 | 0;
      const isIn = (i: number): boolean => i < (height * columns) / 4 && i % (columns / 4) < width;
      assert.equal(
        data.filter((_, i) => isIn(i)),
        words,
      );
      assert.ok(data.every((word, i) => isIn(i) || word === zeros));
    }),
  );

  test("the device closes", closeDevice);
});
