/** Layers of every form in folders for other programs: held whole, or refused before anything is computed. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { writeDecoder } from "../given/model-folder.ts";
import { writeRecorded } from "../given/recorded-model.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { closeTokens, runText } from "../recipe/on-tokens.ts";
import { configOf } from "./changed-folder.ts";

const source = (method: string, layers: string, format: string): string => `
import { mean_nll } from "std/evaluate"
import { rtn } from "std/quantize/rtn"

recipe shapes(model: Model, text: Corpus) {
  stage small = rtn(${method}) of model for ${layers}
  report mean_nll(small, text.test, length: 24)
  save small as "${format}"
}
`;

const reading = `
import { mean_nll } from "std/evaluate"
recipe read(model: Model, text: Corpus) {
  report mean_nll(model, text.test, length: 24)
}
`;

const tokens = Array.from({ length: 96 }, (_, i) => (i * i * 7 + 13 * i) % 96);

suite("targets: forms of layers", ({ test }) => {
  test(
    "q, k and v of GPT-2, which lie in one tensor, are written as one, and read back",
    inFolder(async (folder) => {
      const [model, out] = [join(folder, "model"), join(folder, "out")];
      writeRecorded(model, "gpt2");
      const text = source("4, every: 16, symmetric: true", "q, k, v, o", "gptq");
      const made = await runText(text, model, { test: tokens }, out);
      const read = await runText(reading, out, { test: tokens });
      const [a, b] = [made, read].map(({ reports }) => reports[0]?.value ?? NaN) as [number, number];
      assert.ok(Math.abs(a - b) < 1e-5, `${a}, ${b}`);
      const { tensors } = await openCheckpoint(out);
      assert.equal(tensors.get("transformer.h.0.attn.c_attn.qweight")?.shape, [4, 96]);
    }),
  );

  test(
    "layers with the inputs first are refused where only `Linear` is coded; those that are not coded are listed once",
    inFolder(async (folder) => {
      const [model, out] = [join(folder, "model"), join(folder, "out")];
      writeRecorded(model, "gpt2");
      for (const [format, layers, refused] of [
        ["awq", "q, k, v", /hold transformer\.h\.0\.attn\.c_attn\.weight, which has the inputs first.* no `Linear`/],
        ["compressed-tensors", "down", /hold transformer\.h\.0\.mlp\.c_proj\.weight, which has the inputs first/],
      ] as const) {
        const text = source("4, every: 16", layers, format);
        const error = await runText(text, model, { test: tokens }, out).then(() => "", String);
        assert.match(error, refused, error);
      }
      await runText(source("4, every: 16, symmetric: true", "o", "gptq"), model, { test: tokens }, out);
      const { dynamic } = configOf(out)["quantization_config"] as { dynamic: object };
      assert.is(Object.keys(dynamic).filter((name) => name.includes("h\\.0\\.attn")).length, 1);
    }),
  );

  test(
    "sizes that words do not divide are refused, with the nearest that they do",
    inFolder(async (folder) => {
      const model = join(folder, "model");
      const config = { hidden_size: 48, intermediate_size: 60, num_attention_heads: 4, num_key_value_heads: 4 };
      await writeDecoder(model, { config });
      for (const method of ["4, every: 12, symmetric: true", "4, every: 12"]) {
        const text = source(method, "down", "compressed-tensors");
        const error = await runText(text, model, { test: tokens }, join(folder, "out")).then(() => "", String);
        assert.match(error, /down_proj\.weight, whose `in` of 60 is no multiple of 8, as 56 and 64 would be/, error);
      }
    }),
  );

  test("the device closes", closeTokens);
});
