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
import { byFour, doubled, others, rtn } from "./rounding-cases.ts";
import * as rules from "./rounding-rules.ts";

const recipe = (stages: string, more = ""): string => `
import { rtn } from "std/quantize/rtn"
import { mxfp4 } from "std/quantize/mxfp4"
import { nvfp4 } from "std/quantize/nvfp4"
import { nf4 } from "std/quantize/nf4"
import { fp4 } from "std/quantize/fp4"
import { q4_0, q4_1, q5_0, q5_1, q8_0 } from "std/quantize/ggml"
import { magnitude } from "std/prune/magnitude"
import { wanda } from "std/prune/wanda"
import { minitron_width } from "std/prune/minitron"
import { shortgpt } from "std/prune/shortgpt"
import { perplexity } from "std/evaluate"

format Nibble() of f32[out, in] {
  code: uint(4)[out, in]

  decode = f32(code)
}

/// Rows that get smaller and smaller.
method fainter() on linear(w: f32[out, in]) { w * 2^(-16 - index(out) % 16) }

/// Numbers that the format does not hold.
method beyond() on linear(w: f32[out, in]) { Nibble() { code: 16 + 0 * w } }

/// One list of levels for all rows.
format Table() of f32[out, in] {
  code: uint(4)[out, in]
  level: f16[out, entry: 16]

  decode = level[entry: code + 0]
}

method tabled() on linear(w: f32[out, in]) {
  let most = max(abs(w), over in)
  Table() { code: clamp(round(8 * w / most) + 8, 0, 15), level: most * (index(entry: 16) - 8) / 8 }
}

format Powers() of f32[out, in] {
  code: e2m1[out, in]
  scale: e8m0[out]

  decode = scale * code
}

method endless() on linear(w: f32[out, in]) {
  let most = max(w, over in)
  Powers() { code: w / (most - most), scale: 1 + 0 * most }
}

method negative() on linear(w: f32[out, in]) { Powers() { code: 1 + 0 * w, scale: 0 * max(w, over in) - 2 } }

/// Codes that nobody uses hold nothing.
method unused() on linear(w: f32[out, in]) {
  let wide = Nibble() { code: 99 + 0 * w }
  Nibble() { code: 3 + 0 * w } where true else wide
}

format Whole() of f32[out, in] {
  code: uint(4)[out, in]
  scale: f32[out]

  decode = scale * code
}

method vast() on linear(w: f32[out, in]) { Whole() { code: 15 + 0 * w, scale: 100000 + 0 * max(w, over in) } }

/// Some rows are 0, the others of many sizes.
method spread() on linear(w: f32[out, in]) { w * 2^(index(out) % 21 - 10) where index(out) % 7 > 0 }

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
  const { reports, checks } = await runRecipe(join(folder, "coded.lcomp"), flags, join(folder, out ?? "out"), watching);
  if (planned === undefined) throw new Error("nothing was planned");
  return { plan: planned, reports, checks };
}

const matrices = ["q", "k", "v", "o"]
  .map((name) => `self_attn.${name}_proj`)
  .concat(["gate", "up", "down"].map((name) => `mlp.${name}_proj`));

async function numbers(folder: string, name: string): Promise<Float32Array> {
  const tensor = (await openCheckpoint(folder)).tensors.get(name);
  if (!tensor) throw new Error(`${folder} has no ${name}`);
  return new Float32Array((await readTensor(tensor)).slice().buffer);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

function assertSame(found: Float32Array, wanted: Float32Array, off: number, what: string): void {
  if (off === 0) assert.equal([...found], [...wanted], what);
  const far = found.findIndex((x, i) => !(Math.abs(x - (wanted[i] ?? NaN)) <= off * Math.abs(x)));
  assert.is(far, -1, `${what}[${far}] is ${found[far]}, not ${wanted[far]}`);
}

/** By what \`spread\` multiplies a row. */
const spread = (row: number): number => (row % 7 === 0 ? 0 : 2 ** ((row % 21) - 10));

suite("recipe: coded weights", ({ test }) => {
  const all = [rtn(2, 16), rtn(3, 64), byFour, rtn(5, 32), rtn(7, 64), rtn(8, 16), ...others, doubled];
  for (const [i, { stage, rule, code, bits, more = 0, off = 0 }] of all.entries())
    test(
      `${stage}: codes are what they should be, are read as they are saved, and nothing dense is made of them`,
      inFolder(async (folder) => {
        const { plan, reports, checks } = await run(
          folder,
          `  stage small = ${stage} of model for linear except lm_head`,
        );
        for (const name of matrices) {
          const tensor = `model.layers.1.${name}.weight`;
          const [given, saved] = [
            await numbers(join(folder, "model"), tensor),
            await numbers(join(folder, "out"), tensor),
          ];
          assertSame(saved, rule(given), off, tensor);
        }
        const [check] = checks;
        assert.ok(check && Math.abs(check.loss / check.saved_loss - 1) < 1e-6, JSON.stringify(check));
        const { tensors } = await openCheckpoint(join(folder, "model"));
        const isCoded = (name: string): boolean => matrices.some((each) => name.endsWith(`${each}.weight`));
        const expected = [...tensors.values()].map((tensor) =>
          isCoded(tensor.name) ? ((tensor.bytes / 4) * bits) / 8 + more : tensor.bytes,
        );
        assert.is(reports.at(-1)?.value, sum(expected));
        const smallest = 4 * 32 * 64;
        const blocks = plan.programs.filter(({ buffers }) =>
          buffers.some(({ slot }) => slot?.dtype === code && slot.role === "weight" && slot.name.startsWith("model.")),
        );
        assert.ok(blocks.length > 0);
        for (const { buffers } of blocks)
          for (const { slot, bytes: size } of buffers)
            assert.ok(slot !== undefined || size < smallest || size <= 4 * 16 * 192, `a buffer of ${size} bytes`);
      }),
      ...(i % 5 === 1 ? (["swiftshader"] as const) : []), // which compiles each of these blocks for seconds; the last among them
    );

  for (const { stage, rule, off = 0 } of [byFour, ...others, doubled])
    test(
      `${stage}: rows of zeros and of all sizes`,
      inFolder(async (folder) => {
        const stages = `  stage uneven = spread() of model for linear except lm_head
  stage small = ${stage} of uneven for linear except lm_head`;
        await writeDecoder(join(folder, "model"), { config, dtype: "F32" });
        writeFiles(folder, {
          "coded.lcomp": recipe(stages).replace(/\n {2}report .*/, ""),
          "text.jsonl": someText(10),
        });
        await runAgain(folder, "model");
        const tensor = "model.layers.0.mlp.down_proj.weight";
        const [given, saved] = [
          await numbers(join(folder, "model"), tensor),
          await numbers(join(folder, "out"), tensor),
        ];
        assertSame(saved, rule(given.map((x, i) => x * spread(Math.floor(i / 192)))), off, tensor);
      }),
    );

  test(
    "rtn: what a scale of 16 bits cannot say is 0, and nothing is no number",
    inFolder(async (folder) => {
      await run(
        folder,
        "  stage tiny = fainter() of model for linear except lm_head\n  stage small = rtn(4, every: 32) of tiny for linear except lm_head",
      );
      const saved = await numbers(join(folder, "out"), "model.layers.0.mlp.down_proj.weight");
      assert.ok(
        saved.every((x) => Math.abs(x) <= 2 ** -14) && saved.some((x) => x !== 0) && saved.some((x) => x === 0),
      );
    }),
  );

  test(
    "a dimension that a field gives a size: levels of a row, of which each weight has one near",
    inFolder(async (folder) => {
      await run(folder, "  stage small = tabled() of model for linear except lm_head");
      const names = async (of: string): Promise<readonly string[]> =>
        [...(await openCheckpoint(join(folder, of))).tensors.keys()].sort();
      assert.equal(await names("out"), await names("model"));
      const tensor = "model.layers.0.mlp.down_proj.weight";
      const [given, saved] = [await numbers(join(folder, "model"), tensor), await numbers(join(folder, "out"), tensor)];
      for (let start = 0; start < given.length; start += 192) {
        const [before, after] = [given, saved].map((all) => [...all.subarray(start, start + 192)]);
        const most = Math.max(...(before ?? []).map(Math.abs));
        assert.ok(new Set(after).size <= 16);
        assert.ok(after?.every((x, i) => Math.abs(x - (before?.[i] ?? NaN)) <= (1.01 * most) / 8));
      }
    }),
  );

  test(
    "what a stage decodes are numbers, which another method changes, prunes and codes again; all others stay codes",
    inFolder(async (folder) => {
      const { reports } = await run(
        folder,
        `  stage eight = rtn(8, every: 32) of model for linear except lm_head
  stage sparse = wanda(50%) of eight decode over sample for gate, up, o
  stage small = rtn(4, every: 32) of sparse decode for q, up`,
      );
      const at = (name: string): string => `model.layers.1.${name}_proj.weight`;
      const given = (name: string): Promise<Float32Array> => numbers(join(folder, "model"), at(name));
      const saved = (name: string): Promise<Float32Array> => numbers(join(folder, "out"), at(name));
      const [eight, four] = [rules.affine(8, 32), rules.affine(4, 32)];
      assert.equal([...(await saved("self_attn.q"))], [...four(eight(await given("self_attn.q")))]);
      assert.equal([...(await saved("self_attn.k"))], [...eight(await given("self_attn.k"))]);
      const gate = await saved("mlp.gate");
      const before = eight(await given("mlp.gate"));
      assert.ok(gate.every((x, i) => x === 0 || x === before[i]));
      assert.ok(gate.filter((x) => x === 0).length >= gate.length / 2);
      const [, bytes] = reports.map(({ value }) => value);
      const stored = (name: string): number => ({ q: 4, up: 4, gate: 32, o: 32 })[name.split("_")[0] ?? ""] ?? 8;
      const { tensors } = await openCheckpoint(join(folder, "model"));
      const sizes = [...tensors.values()].map(({ name, bytes }) => {
        const [, own = ""] = /(\w+)_proj\.weight$/.exec(name) ?? [];
        const bits = own === "" ? 32 : stored(own);
        return (bytes * (bits < 32 ? bits + (16 + bits) / 32 : 32)) / 32;
      });
      assert.is(bytes, sum(sizes));
    }),
    "swiftshader",
  );

  test(
    "blocks of codes are dropped as they are, and what is cut is decoded first",
    inFolder(async (folder) => {
      const coded = "  stage four = rtn(4, every: 32) of model for linear except lm_head\n";
      const { plan } = await run(folder, `${coded}  stage small = shortgpt(1) of four over sample`, "depth");
      const given = await openCheckpoint(join(folder, "depth"));
      assert.is(given.config["num_hidden_layers"], 1);
      const [first, second] = await Promise.all(
        [0, 1].map((layer) => numbers(join(folder, "model"), `model.layers.${layer}.mlp.up_proj.weight`)),
      );
      const left = [...(await numbers(join(folder, "depth"), "model.layers.0.mlp.up_proj.weight"))];
      const kept = [first, second].map((w) => [...rules.affine(4, 32)(w as Float32Array)]);
      assert.ok(kept.some((w) => w.every((x, i) => x === left[i])));
      assert.ok(plan.steps.some(({ reads }) => Object.values(reads).some((ref) => "pick" in ref)));
      const width = `${coded}  stage small = minitron_width(mlp: 50%, multiple: 16) of four decode over sample`;
      writeFiles(folder, { "coded.lcomp": recipe(width) });
      await runAgain(folder, "model", "width");
      const narrow = await numbers(join(folder, "width"), "model.layers.0.mlp.up_proj.weight");
      const rows = (w: readonly number[]): readonly string[] =>
        Array.from({ length: w.length / 64 }, (_, row) => w.slice(64 * row, 64 * (row + 1)).join());
      const all = new Set(rows(kept[0] as number[]));
      assert.is(rows([...narrow]).length, 96);
      assert.ok(rows([...narrow]).every((row) => all.has(row)));
    }),
  );

  test(
    "codes that nobody uses may hold anything",
    inFolder(async (folder) => {
      await run(folder, "  stage small = unused() of model for linear except lm_head");
      const saved = await numbers(join(folder, "out"), "model.layers.0.mlp.down_proj.weight");
      assert.ok(saved.every((x) => x === 3));
    }),
  );

  test(
    "codes that stand for more than the tensor's type holds are not saved",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "model"), { config, dtype: "F16" });
      const text = recipe("  stage small = vast() of model for linear except lm_head").replace(/\n {2}report .*/, "");
      writeFiles(folder, { "coded.lcomp": text, "text.jsonl": someText(10) });
      const error = await runAgain(folder, "model").then(() => "", String);
      assert.match(
        error,
        /codes of model\.layers\.0\.self_attn\.q_proj\.weight stand for NaN, or for more than f16 holds/,
      );
    }),
  );

  for (const [what, stages, said] of [
    [
      "numbers that a field does not hold",
      "  stage small = beyond() of model for linear except lm_head",
      /numbers are not what code: uint\(4\)\[out, in\] stores of them/,
    ],
    [
      "an infinity in a small float",
      "  stage small = endless() of model for linear except lm_head",
      /numbers are not what code: e2m1\[out, in\] stores of them/,
    ],
    [
      "a negative power of two",
      "  stage small = negative() of model for linear except lm_head",
      /numbers are not what scale: e8m0\[out\] stores of them/,
    ],
    [
      "a run that does not divide",
      "  stage small = rtn(4, every: 48) of model for linear except lm_head",
      /`in` of 64 is not divisible by 48|does not divide/,
    ],
    [
      "codes of codes",
      "  stage four = rtn(4, every: 32) of model for linear except lm_head\n  stage small = rtn(3, every: 32) of four for linear except lm_head",
      /makes codes of weights that are codes already, Affine\(bits: 4, every: 32, symmetric: false\) of `four`/,
    ],
    [
      "pruning of codes",
      "  stage four = rtn(4, every: 32) of model for linear except lm_head\n  stage small = magnitude(50%) of four for linear except lm_head",
      /drops weights that `four` has made codes of, Affine\(bits: 4, every: 32, symmetric: false\)/,
    ],
    [
      "a narrower model of codes",
      "  stage four = rtn(4, every: 32) of model for linear except lm_head\n  stage small = minitron_width(mlp: 50%, multiple: 16) of four over sample",
      /cutting `model\.layers\.0\.mlp\.down_proj\.weight`, which is stored as Affine\(bits: 4, every: 32, symmetric: false\)/,
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
        assert.match(error, said, error);
      }),
      "swiftshader",
    );

  test("the device closes", closeDevice);
});
