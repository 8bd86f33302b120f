/** Formats of ggml: what is left of weights is at most a hundredth worse than what its own searches leave. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readTensor } from "../io/tensors.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";
import { q5 } from "./rounding-rules.ts";

/** For each K-quant what ggml's library loses of the layer below, without and by importance: record_ggml_costs.py. */
const costs: Readonly<Record<string, readonly number[]>> = JSON.parse(
  readFileSync(new URL("./ggml_costs.json", import.meta.url), "utf8"),
);

/** The sum of squares that is lost, by importance of the columns where it is known. */
const costOf = (x: Float32Array, left: Float32Array, importance: readonly number[] | null): number =>
  x.reduce((sum, each, i) => sum + (importance?.[i % 256] ?? 1) * (each - (left[i] ?? NaN)) ** 2, 0);

const recipe = (stages: readonly string[]): string => `
import { q2_k, q3_k, q4_k, q5_k, q6_k, q2_k_codes, q3_k_codes, q4_k_codes, q5_k_codes, q6_k_codes } from "std/quantize/k_quants"
import { q2_k_imatrix, q3_k_imatrix, q4_k_imatrix, q5_k_imatrix, q6_k_imatrix, q4_0_imatrix, q4_1_imatrix, q5_0_imatrix, q5_1_imatrix, by_block } from "std/quantize/imatrix"
import { q4_0, q4_1, q5_0, q5_1, q8_0 } from "std/quantize/ggml"

fn importance(like: f32[in]) -> f32[in] = (1 + index(in) % 7)^2 + 0 * like

${Object.keys(costs)
  .map((name) => {
    const share = name === "q2_k" ? 1 : 2;
    const weight = name === "q6_k" ? "0 * w + importance(w[out: 0])" : `by_block(w, importance(w[out: 0]), ${share})`;
    return `method ${name}_weighted() on linear(w: f32[out, in]) { ${name}_codes(w, ${weight}) }`;
  })
  .join("\n")}

recipe trial(model: Model, text: Corpus) {
  let some = text.train.sample(2, length: 16, seed: 0)
${stages.map((stage, i) => `  stage s${i} = ${stage}`).join("\n")}
  save s${stages.length - 1} as "huggingface"
}
`;

const config = {
  hidden_size: 256,
  intermediate_size: 96,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  num_hidden_layers: 1,
};

const paths: Readonly<Record<string, string>> = {
  ...{ q: "self_attn.q_proj", k: "self_attn.k_proj", v: "self_attn.v_proj", o: "self_attn.o_proj" },
  ...{ gate: "mlp.gate_proj", up: "mlp.up_proj", down: "mlp.down_proj" },
};

/** The matrices of layers, by methods, before and after. */
async function tried(folder: string, methods: readonly string[], layers = Object.keys(paths)) {
  const [model, text, out] = [join(folder, "model"), join(folder, "text.jsonl"), join(folder, "out")] as const;
  await writeDecoder(model, { config, dtype: "F32" });
  const stages = methods.map(
    (method, i) => `${method}() of ${i === 0 ? "model" : `s${i - 1}`} over some for ${layers[i]}`,
  );
  writeFiles(folder, { "ggml.lcomp": recipe(stages), "text.jsonl": someText(10) });
  await runRecipe(join(folder, "ggml.lcomp"), { model, text }, out);
  const numbers = async (of: string, layer: string): Promise<Float32Array> => {
    const tensor = (await openCheckpoint(of)).tensors.get(`model.layers.0.${paths[layer]}.weight`);
    if (!tensor) throw new Error(`${of} lacks ${layer}`);
    return new Float32Array((await readTensor(tensor)).slice().buffer);
  };
  const found = methods.map(async (method, i) => {
    const layer = layers[i] ?? "";
    return { method, given: await numbers(model, layer), saved: await numbers(out, layer) };
  });
  return Promise.all(found);
}

const important = Array.from({ length: 256 }, (_, i) => (1 + (i % 7)) ** 2);

suite("recipe: ggml's formats", ({ test }) => {
  for (const importance of [null, important])
    test(
      `K-quants${importance ? " by importance" : ""} cost at most 1 % more than by ggml's own searches`,
      inFolder(async (folder) => {
        const names = Object.keys(costs);
        const all = await tried(folder, importance ? names.map((name) => `${name}_weighted`) : names);
        for (const [i, { method, given, saved }] of all.entries()) {
          const ours = costOf(given, saved, importance);
          const theirs = costs[names[i] ?? ""]?.[importance ? 1 : 0] ?? Number.NaN;
          assert.ok(ours <= 1.01 * theirs, `${method}: ${ours} and ${theirs}, ${ours / theirs}`);
        }
      }),
    );

  test(
    "rows that 256 does not divide get the codes of blocks of 32, and others beside them their own",
    inFolder(async (folder) => {
      const [even, uneven] = await tried(folder, ["q4_k", "q4_k"], ["up", "down"]);
      assert.equal([...(uneven?.saved ?? [])], [...q5(uneven?.given ?? new Float32Array())]);
      assert.ok(even && new Set(even.saved.subarray(0, 32)).size <= 16);
    }),
  );

  test(
    "imatrix: what text shows decides, and costs little of what weights are by themselves",
    inFolder(async (folder) => {
      const names = ["q2_k", "q3_k", "q4_k", "q6_k", "q4_0", "q4_1", "q5_1"];
      const plain = await tried(join(folder, "plain"), names);
      const all = await tried(
        folder,
        names.map((name) => `${name}_imatrix`),
      );
      for (const [i, { method, given, saved }] of all.entries()) {
        const unseen = plain[i]?.saved ?? new Float32Array();
        const ratio = costOf(given, saved, null) / costOf(given, unseen, null);
        assert.ok(ratio < 1.5 && ratio > 0.6, `${method} costs ${ratio} times as much`);
        assert.not.equal([...saved], [...unseen], method);
      }
    }),
  );

  test("the device closes", closeDevice);
});
