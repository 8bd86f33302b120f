/** Layers that lie in one stored tensor, in a format: codes of all of them, one after the other. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { writeRecorded } from "../given/recorded-model.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readDecoder } from "../run/decoder.ts";
import { closeTokens, runText } from "./on-tokens.ts";
import * as rules from "./rounding-rules.ts";

const source = (stages: string): string => `
import { mean_nll } from "std/evaluate"
import { rtn } from "std/quantize/rtn"
import { nvfp4 } from "std/quantize/nvfp4"

method halved() on linear(w: f32[out, in]) { w / 2 }

recipe pieces(model: Model, text: Corpus) {
${stages}
  report mean_nll(small, text.test, length: 24)
  save small as "huggingface"
}
`;

const tokens = Array.from({ length: 96 }, (_, i) => (i * i * 7 + 13 * i) % 96);

suite("recipe: coded layers of one tensor", ({ test }) => {
  test(
    "q, k and v of GPT-2 are codes in one tensor, and are read as they are saved",
    inFolder(async (folder) => {
      const [model, out, again] = ["model", "out", "again"].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      writeRecorded(model, "gpt2");
      const stages = "  stage small = rtn(4, every: 16) of model for q, k, v, down";
      const coded = await runText(source(stages), model, { test: tokens }, out);
      const [given, found] = [await readDecoder(model), await readDecoder(out)];
      const path = "transformer.h.1.attn.c_attn.weight";
      const [w, v] = [given, found].map(({ tensors }) => tensors.get(path) ?? new Float64Array()) as [
        Float64Array,
        Float64Array,
      ];
      const inputs = Math.sqrt(w.length / 3);
      const outputs = 3 * inputs;
      const turned = Float32Array.from(w, (_, i) => w[(i % inputs) * outputs + Math.floor(i / inputs)] ?? NaN);
      const expected = rules.affine(4, 16)(turned);
      const far = v.findIndex((x, i) => x !== expected[(i % outputs) * inputs + Math.floor(i / outputs)]);
      assert.is(far, -1, `${v[far]}`);
      const dense = await runText(source("  let small = model").replace(/ *save .*/, ""), out, { test: tokens });
      const [a, b] = [coded, dense].map(({ reports }) => reports[0]?.value ?? NaN) as [number, number];
      assert.ok(Math.abs(a - b) < 1e-6, `${a}, ${b}`);
      const more = `${stages}\n  stage half = halved() of small decode for k`
        .replaceAll("small", "four")
        .replace("half", "small");
      await runText(source(more), model, { test: tokens }, again);
      const halved = (await readDecoder(again)).tensors.get(path) ?? new Float64Array();
      const isOfKeys = (i: number): boolean => Math.floor((i % outputs) / inputs) === 1;
      assert.equal([...halved], [...v.map((x, i) => (isOfKeys(i) ? x / 2 : x))]);
    }),
    "swiftshader",
  );

  test(
    "q, k and v of GPT-NeoX, which lie in one tensor head by head, are codes as those of the whole matrix",
    inFolder(async (folder) => {
      const [model, out] = ["model", "out"].map((name) => join(folder, name)) as [string, string];
      writeRecorded(model, "gpt_neox");
      const stages = "  stage small = rtn(4, every: 16) of model for q, k, v";
      const coded = await runText(source(stages), model, { test: tokens }, out);
      const path = "gpt_neox.layers.1.attention.query_key_value.weight";
      const [w, v] = [await readDecoder(model), await readDecoder(out)].map(({ tensors }) => tensors.get(path));
      assert.equal([...(v ?? [])], [...rules.affine(4, 16)(Float32Array.from(w ?? []))]);
      const dense = await runText(source("  let small = model").replace(/ *save .*/, ""), out, { test: tokens });
      const [a, b] = [coded, dense].map(({ reports }) => reports[0]?.value ?? NaN) as [number, number];
      assert.ok(Math.abs(a - b) < 1e-6, `${a}, ${b}`);
    }),
  );

  test(
    "some of them alone, and formats with one number for all rows, are refused",
    inFolder(async (folder) => {
      writeRecorded(join(folder, "model"), "gpt2");
      const refused = (stages: string): Promise<string> =>
        runText(source(stages), join(folder, "model"), { test: tokens }).then(
          () => "",
          (error: Error) => error.message,
        );
      assert.match(
        await refused("  stage small = rtn(4, every: 16) of model for q, k"),
        /a format for `q` alone, where q, k, v lie in one tensor, is not supported/,
      );
      assert.match(
        await refused("  stage small = nvfp4() of model for q, k, v"),
        /a format for `q` of which `\w+` is one for all rows, where q, k, v lie in one tensor/,
      );
    }),
  );

  test("the device is given back", closeTokens);
});
