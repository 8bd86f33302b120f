/** The share of the squares of normally distributed numbers that rounding loses, which is known of each rule. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readTensor } from "../io/tensors.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";

/** Rules of other programs that lose more than the library's, or as much: the grid that need not contain 0, and the one without its last code. */
const others = `
/// Lin et al., 2023, arXiv:2306.00978, in their code
method awq_grid(every: Int) on linear(w: f32[out, in]) {
  let b = split(w, in -> (block, lane: every))
  let low = min(b, over lane)
  let scale = max(max(b, over lane) - low, 1e-5) / 15
  let zero = clamp(-round(low / scale), 0, 15)
  merge((clamp(round(b / scale) + zero, 0, 15) - zero) * scale, (block, lane) -> in)
}

/// Xiao et al., 2022, arXiv:2211.10438, in their code
method absmax(every: Int) on linear(w: f32[out, in]) {
  let b = split(w, in -> (block, lane: every))
  let scale = max(abs(b), over lane) / 7
  merge(clamp(round(b / scale), -8, 7) * scale, (block, lane) -> in)
}
`;

const losses: readonly (readonly [stage: string, loss: number])[] = [
  ["rtn(4, every: 32)", 0.00651],
  ["rtn(4, every: 64)", 0.00827],
  ["rtn(4, every: 128)", 0.01009],
  ["rtn(4, every: 32, symmetric: true)", 0.00896],
  ["rtn(4, every: 64, symmetric: true)", 0.01054],
  ["rtn(4, every: 128, symmetric: true)", 0.01224],
  ["awq_grid(32)", 0.00651],
  ["awq_grid(64)", 0.00827],
  ["awq_grid(128)", 0.01009],
  ["absmax(32)", 0.00939],
  ["absmax(64)", 0.01155],
  ["absmax(128)", 0.01372],
  ["nf4(64)", 0.00845],
  ["fp4(64)", 0.01487],
  ["q4_0()", 0.00736],
  ["q4_1()", 0.00612],
  ["q8_0()", 2.85e-5],
  ["e8p()", 0.092],
];

/** Each rule rounds a block of the model. */
const recipe = `import { e8p } from "std/quantize/e8p"
import { rtn } from "std/quantize/rtn"
import { nf4 } from "std/quantize/nf4"
import { fp4 } from "std/quantize/fp4"
import { q4_0, q4_1, q8_0 } from "std/quantize/ggml"
${others}
recipe rounded(model: Model, text: Corpus) {
${losses.map(([stage], i) => `  stage rounded${i} = ${stage} of ${i > 0 ? `rounded${i - 1}` : "model"} for layer[${i}]`).join("\n")}
  save rounded${losses.length - 1} as "huggingface"
}
`;

/** All matrices of a block, one after the other. */
async function block(folder: string, layer: number): Promise<readonly number[]> {
  const { tensors } = await openCheckpoint(folder);
  const matrices = [...tensors].filter(
    ([name, { shape }]) => name.startsWith(`model.layers.${layer}.`) && shape.length === 2,
  );
  const numbers = matrices.map(async ([, tensor]) => [...new Float32Array((await readTensor(tensor)).slice().buffer)]);
  return (await Promise.all(numbers)).flat();
}

const sumOfSquares = (numbers: readonly number[]): number => numbers.reduce((sum, x) => sum + x ** 2, 0);

suite("recipe: what rounding loses", ({ test }) => {
  test(
    "of normally distributed numbers, to 2 %",
    inFolder(async (folder) => {
      const [model, out] = [join(folder, "model"), join(folder, "out")];
      const config = {
        hidden_size: 128,
        intermediate_size: 256,
        num_attention_heads: 4,
        num_hidden_layers: losses.length,
      };
      await writeDecoder(model, { config, dtype: "F32" });
      writeFiles(folder, { "rounded.lcomp": recipe, "text.jsonl": someText(10) });
      await runRecipe(join(folder, "rounded.lcomp"), { model, text: join(folder, "text.jsonl") }, out);
      for (const [layer, [stage, loss]] of losses.entries()) {
        const [given, made] = [await block(model, layer), await block(out, layer)];
        const found = sumOfSquares(given.map((x, i) => x - (made[i] ?? NaN))) / sumOfSquares(given);
        assert.ok(Math.abs(found / loss - 1) < 0.02, `${stage} loses ${found}, not ${loss}`);
      }
    }),
  );

  test("the device closes", closeDevice);
});
