/** Weights in a format: what is stored, how it is read, and what is refused. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Plan } from "../../compiler/plan/plan.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readTensor } from "../io/tensors.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";

const recipe = (stages: string, more = ""): string => `
import { rtn } from "std/quantize/rtn"
import { magnitude } from "std/prune/magnitude"
import { minitron_width } from "std/prune/minitron"
import { perplexity } from "std/evaluate"

format Nibble() of f32[out, in] {
  code: uint(4)[out, in]

  decode = f32(code)
}

/// Numbers that the format does not hold.
method beyond() on linear(w: f32[out, in]) { Nibble() { code: 16 + 0 * w } }

recipe coded(model: Model, text: Corpus) {
  let sample = text.train.sample(2, length: 16, seed: 0)
${stages}
  report perplexity(small, text.test, length: 16), bytes(small)
  save small as "huggingface"
}
${more}`;

const config = {
  hidden_size: 64,
  intermediate_size: 192,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  num_hidden_layers: 2,
};

/** Runs it on a model of f32; what was planned, and what was reported. */
async function run(folder: string, stages: string, out?: string) {
  await writeDecoder(join(folder, "model"), { config, dtype: "F32" });
  writeFiles(folder, { "coded.lcomp": recipe(stages), "text.jsonl": someText(10) });
  return runAgain(folder, "model", out);
}

async function runAgain(folder: string, model: string, out?: string) {
  let planned: Plan | undefined;
  const flags = { model: join(folder, model), text: join(folder, "text.jsonl") };
  const watching = {
    planned: (plan: Plan): void => {
      planned = plan;
    },
  };
  const { reports } = await runRecipe(join(folder, "coded.lcomp"), flags, join(folder, out ?? "out"), watching);
  if (planned === undefined) throw new Error("nothing was planned");
  return { plan: planned, reports };
}

const matrices = ["q", "k", "v", "o"]
  .map((name) => `self_attn.${name}_proj`)
  .concat(["gate", "up", "down"].map((name) => `mlp.${name}_proj`));

/** What rounding to the nearest code leaves of numbers. */
function rounded(w: Float32Array, bits: number, every: number): Float32Array {
  const most = 2 ** bits - 1;
  const half = (x: number): number => Math.f16round(x);
  return w.map((_, i) => {
    const start = i - (i % every);
    const group = w.subarray(start, start + every);
    const [low, high] = [Math.min(0, ...group), Math.max(0, ...group)];
    const scale = half(Math.fround(Math.fround(high - low) / most));
    const even = (x: number): number => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
    const zero = even(Math.fround(-low / scale));
    const code = Math.min(Math.max(even(Math.fround((w[i] ?? 0) / scale)) + zero, 0), most);
    return Math.fround(scale * (code - zero));
  });
}

async function numbers(folder: string, name: string): Promise<Float32Array> {
  const tensor = (await openCheckpoint(folder)).tensors.get(name);
  if (!tensor) throw new Error(`${folder} has no ${name}`);
  return new Float32Array((await readTensor(tensor)).slice().buffer);
}

suite("recipe: coded weights", ({ test }) => {
  for (const [bits, every] of [
    [2, 16],
    [3, 64],
    [4, 32],
    [5, 32],
    [7, 64],
    [8, 16],
  ] as const)
    test(
      `rtn to ${bits} bits by ${every}: codes are what they should be, are read as they are saved, and nothing dense is made of them`,
      inFolder(async (folder) => {
        const { plan, reports } = await run(
          folder,
          `  stage small = rtn(${bits}, every: ${every}) of model for linear except lm_head`,
        );
        for (const name of matrices) {
          const tensor = `model.layers.1.${name}.weight`;
          const [given, saved] = [
            await numbers(join(folder, "model"), tensor),
            await numbers(join(folder, "out"), tensor),
          ];
          assert.equal([...saved], [...rounded(given, bits, every)], tensor);
        }
        const [perplexity, bytes] = reports.map(({ value }) => value);
        writeFiles(folder, {
          "coded.lcomp": recipe("  stage small = magnitude(0%) of model for linear except lm_head"),
        });
        const again = await runAgain(folder, "out", "again");
        assert.ok(Math.abs(Number(perplexity) / Number(again.reports[0]?.value) - 1) < 1e-6, `${perplexity}`);
        const { tensors } = await openCheckpoint(join(folder, "model"));
        const isCoded = (name: string): boolean => matrices.some((each) => name.endsWith(`${each}.weight`));
        const expected = [...tensors.values()].map((tensor) => {
          const count = tensor.bytes / 4;
          const groups = count / every;
          return isCoded(tensor.name)
            ? Math.ceil((count * bits) / 8) + 2 * groups + Math.ceil((groups * bits) / 8)
            : tensor.bytes;
        });
        assert.is(
          bytes,
          expected.reduce((sum, each) => sum + each, 0),
        );
        const smallest = 4 * 32 * 64;
        const blocks = plan.programs.filter(({ buffers }) =>
          buffers.some(
            ({ slot }) => slot?.dtype === `u${bits}` && slot.role === "weight" && slot.name.startsWith("model."),
          ),
        );
        assert.ok(blocks.length > 0);
        for (const { buffers } of blocks)
          for (const { slot, bytes: size } of buffers)
            assert.ok(slot !== undefined || size < smallest || size <= 4 * 16 * 192, `a buffer of ${size} bytes`);
      }),
      "swiftshader",
    );

  for (const [what, stages, said] of [
    [
      "numbers that a field does not hold",
      "  stage small = beyond() of model for linear except lm_head",
      /numbers are not what code: uint\(4\)\[out, in\] stores of them/,
    ],
    [
      "a run that does not divide",
      "  stage small = rtn(4, every: 48) of model for linear except lm_head",
      /`in` of 64 is not divisible by 48|does not divide/,
    ],
    [
      "codes of codes",
      "  stage four = rtn(4, every: 32) of model for linear except lm_head\n  stage small = rtn(3, every: 32) of four for linear except lm_head",
      /which is stored as Affine\(bits: 4, every: 32\) already/,
    ],
    [
      "pruning of codes",
      "  stage four = rtn(4, every: 32) of model for linear except lm_head\n  stage small = magnitude(50%) of four for linear except lm_head",
      /which is stored as Affine\(bits: 4, every: 32\) already/,
    ],
    [
      "a narrower model of codes",
      "  stage four = rtn(4, every: 32) of model for linear except lm_head\n  stage small = minitron_width(mlp: 50%, multiple: 16) of four over sample",
      /whose weights are codes/,
    ],
  ] as const)
    test(
      `${what}: refused with a sentence, and nothing is left`,
      inFolder(async (folder) => {
        const error = await run(folder, stages).then(
          () => "",
          (thrown: unknown) =>
            String(
              thrown instanceof Error
                ? "diagnostics" in thrown
                  ? JSON.stringify(thrown.diagnostics)
                  : thrown.message
                : thrown,
            ),
        );
        assert.match(error, said);
      }),
      "swiftshader",
    );

  test("the device closes", closeDevice);
});
