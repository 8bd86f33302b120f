/** Folders of eight-bit numbers with scales: what they stand for, number by number, is what a model of these numbers is. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { randomBelow } from "../../runtime/io/random.ts";
import type { TensorDeclaration } from "../../runtime/io/safetensors.ts";
import { SafetensorsWriter } from "../../runtime/io/safetensors-writer.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readTensor } from "../io/tensors.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";

const config = {
  ...{ hidden_size: 64, intermediate_size: 192, num_attention_heads: 4, num_key_value_heads: 2, num_hidden_layers: 1 },
};

const reading = `
import { perplexity } from "std/evaluate"
recipe read(model: Model, text: Corpus) {
  report perplexity(model, text.test, length: 16)
}
`;

/** The number of a byte as OCP's e4m3 has it; NaN has none. */
function e4m3(byte: number): number {
  const [exponent, fraction] = [(byte >> 3) & 15, byte & 7];
  const size = exponent === 0 ? fraction * 2 ** -9 : (1 + fraction / 8) * 2 ** (exponent - 7);
  return byte & 128 ? -size : size;
}

interface Kind {
  readonly name: string;
  readonly quantization: object;
  /** How many rows and columns share a scale, and the shape of the scales. */
  readonly tile: (rows: number, columns: number) => readonly [rows: number, columns: number];
  readonly shape: (rows: number, columns: number) => readonly number[];
  readonly scale: string;
  readonly isWhole?: boolean;
}

const compressed = (format: string, type: string, strategy: string, more: object = {}): object => ({
  ...{ quant_method: "compressed-tensors", format, quantization_status: "compressed", ignore: ["lm_head"] },
  config_groups: {
    group_0: { targets: ["Linear"], weights: { num_bits: 8, type, symmetric: true, strategy, ...more } },
  },
});

const tiles = (rows: number, columns: number): readonly number[] => [Math.ceil(rows / 48), Math.ceil(columns / 40)];

const kinds: readonly Kind[] = [
  {
    name: "fp8 by tiles that do not divide",
    quantization: {
      quant_method: "fp8",
      weight_block_size: [48, 40],
      activation_scheme: "dynamic",
      ignored_layers: ["lm_head"],
      expert_dtype: "fp8",
    },
    tile: () => [48, 40],
    shape: tiles,
    scale: "weight_scale_inv",
  },
  {
    name: "fp8 as a whole",
    quantization: {
      quant_method: "fp8",
      weight_block_size: null,
      modules_to_not_convert: ["lm_head", "model.layers.0.mlp.gate"],
    },
    tile: (rows, columns) => [rows, columns],
    shape: () => [],
    scale: "weight_scale_inv",
  },
  {
    name: "compressed-tensors, floats by rows",
    quantization: compressed("float-quantized", "float", "channel"),
    tile: (_, columns) => [1, columns],
    shape: (rows) => [rows, 1],
    scale: "weight_scale",
  },
  {
    name: "compressed-tensors, floats as a whole",
    quantization: compressed("float-quantized", "float", "tensor"),
    tile: (rows, columns) => [rows, columns],
    shape: () => [1],
    scale: "weight_scale",
  },
  {
    name: "compressed-tensors, floats by tiles",
    quantization: compressed("float-quantized", "float", "block", { block_structure: [48, 40] }),
    tile: () => [48, 40],
    shape: tiles,
    scale: "weight_scale",
  },
  {
    name: "compressed-tensors, whole numbers by rows",
    quantization: compressed("int-quantized", "int", "channel"),
    tile: (_, columns) => [1, columns],
    shape: (rows) => [rows, 1],
    scale: "weight_scale",
    isWhole: true,
  },
];

interface Written extends TensorDeclaration {
  readonly bytes: Uint8Array;
}

async function write(folder: string, tensors: readonly Written[]): Promise<void> {
  const writer = await SafetensorsWriter.create(join(folder, "written"), tensors);
  for (const { name, bytes } of tensors) await writer.write(name, bytes);
  await writer.close();
  cpSync(join(folder, "written"), join(folder, "model.safetensors"));
}

const bytesOf = (numbers: Float32Array): Uint8Array => new Uint8Array(numbers.buffer);

/** A matrix of random codes: the tensors that hold them, and the numbers that they stand for. */
function coded(
  { name, shape }: TensorDeclaration,
  { tile, shape: shaped, scale, isWhole = false }: Kind,
  stream: number,
) {
  const [rows = 0, columns = 0] = shape;
  const [high, wide] = tile(rows, columns);
  const across = Math.ceil(columns / wide);
  const scales = Float32Array.from(
    { length: Math.ceil(rows / high) * across },
    (_, i) => (1 + randomBelow(64, stream, i) / 64) / (isWhole ? 1024 : 2048),
  );
  const codes = Uint8Array.from({ length: rows * columns }, (_, i) => {
    const byte = randomBelow(256, stream + 1, i);
    return isWhole || (byte & 127) !== 127 ? byte : 0;
  });
  const numbers = Float32Array.from(codes, (byte, i) => {
    const at = Math.floor(Math.floor(i / columns) / high) * across + Math.floor((i % columns) / wide);
    return (isWhole ? (byte << 24) >> 24 : e4m3(byte)) * (scales[at] ?? 0);
  });
  const path = name.slice(0, -".weight".length);
  const own: readonly Written[] = [
    { name, dtype: isWhole ? "I8" : "F8_E4M3", shape, bytes: codes },
    { name: `${path}.${scale}`, dtype: "F32", shape: shaped(rows, columns), bytes: bytesOf(scales) },
  ];
  return { own, dense: { name, dtype: "F32", shape, bytes: bytesOf(numbers) } as const };
}

async function perplexity(folder: string, model: string): Promise<number> {
  writeFiles(folder, { "read.lcomp": reading, "text.jsonl": someText(10) });
  const flags = { model: join(folder, model), text: join(folder, "text.jsonl") };
  const { reports } = await runRecipe(join(folder, "read.lcomp"), flags);
  return Number(reports[0]?.value);
}

suite("target: eight-bit folders", ({ test }) => {
  for (const kind of kinds)
    test(
      `${kind.name}: as the numbers that it stands for`,
      inFolder(async (folder) => {
        for (const model of ["dense", "coded"]) await writeDecoder(join(folder, model), { config });
        const [dense, own]: Written[][] = [[], []];
        for (const [i, tensor] of [...(await openCheckpoint(join(folder, "dense"))).tensors.values()].entries()) {
          const { name, dtype, shape } = tensor;
          const whole = { name, dtype, shape, bytes: await readTensor(tensor) };
          const made = name.endsWith("_proj.weight") ? coded(whole, kind, 100 + 2 * i) : { own: [whole], dense: whole };
          dense?.push(made.dense);
          own?.push(...made.own);
        }
        await write(join(folder, "dense"), dense ?? []);
        await write(join(folder, "coded"), own ?? []);
        const path = join(folder, "coded/config.json");
        const given = JSON.parse(readFileSync(path, "utf8"));
        writeFileSync(path, JSON.stringify({ ...given, quantization_config: kind.quantization }));
        const [wanted, found] = [await perplexity(folder, "dense"), await perplexity(folder, "coded")];
        assert.ok(Math.abs(found / wanted - 1) < 1e-6, `${found} and not ${wanted}`);
      }),
    );

  test("the device closes", closeDevice);
});
