/** Several `save`s of one recipe: a folder for each in the result, which is whole or not there, by `run` and by `apply`. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { writeFiles } from "../run/recipe.ts";
import { lcomp } from "./lcomp.ts";

const recipe = (more = ""): string => `
import { rtn } from "std/quantize/rtn"
import { q8_0 } from "std/quantize/ggml"
import { mean_nll } from "std/evaluate"
recipe both(model: Model, text: Corpus, most: Float = 100) {
  stage small = rtn(4, every: 32) of model for layer
  stage eight = q8_0() of model for layer, embed
  let dense = small
  report mean_nll(eight, text.test, length: 16)
  expect mean_nll(eight, text.test, length: 16) < most
  save small as "lcomp"
  save eight as "gguf"
  save dense as "huggingface"
${more}}
`;

const config = {
  hidden_size: 64,
  intermediate_size: 64,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  num_hidden_layers: 1,
};

suite("cli: several saves", ({ test }) => {
  test(
    "each lies in a folder of its name, one lock has all, and what was planned is carried out alike",
    inFolder(async (folder) => {
      await writeDecoder(join(folder, "model"), { config, dtype: "BF16" });
      writeFiles(folder, { "both.lcomp": recipe(), "text.jsonl": someText(10) });
      const inputs = ["--model", "model", "--text", "text.jsonl"];
      const ran = lcomp(folder, ["run", "both.lcomp", ...inputs, "--out", "out", "--json", "--quiet"]);
      assert.is(ran.status, 0, ran.stderr);
      const { checks } = JSON.parse(ran.stdout);
      assert.equal(Object.keys(checks), ["small", "eight", "dense"]);
      for (const check of Object.values<{ loss: number; saved_loss: number }>(checks))
        assert.ok(Math.abs(check.loss / check.saved_loss - 1) < 1e-2, JSON.stringify(check));
      assert.equal(readdirSync(join(folder, "out")).sort(), ["dense", "eight", "lcomp.lock.json", "small"]);
      assert.ok(readdirSync(join(folder, "out/eight")).includes("model.gguf"));
      assert.is(lcomp(folder, ["verify", "out"]).status, 0);
      const lock = readFileSync(join(folder, "out/lcomp.lock.json"), "utf8");
      const planned = lcomp(folder, ["plan", "both.lcomp", ...inputs, "--output", "both.json", "--json"]);
      const { saved, saves } = JSON.parse(planned.stdout);
      assert.equal(saved, saves[0]);
      assert.equal(
        saves.map(({ model, format }: { model: string; format: string }) => `${model} ${format}`),
        ["small lcomp", "eight gguf", "dense huggingface"],
      );
      const refused = lcomp(folder, ["apply", "both.json", ...inputs, "--out", "out"]);
      assert.match(refused.stderr, /add --force to replace it/);
      const applied = lcomp(folder, ["apply", "both.json", ...inputs, "--out", "out", "--force", "--quiet"]);
      assert.is(applied.status, 0, applied.stderr);
      assert.is(readFileSync(join(folder, "out/lcomp.lock.json"), "utf8"), lock);
      writeFileSync(join(folder, "out/small/own.txt"), "");
      const stray = lcomp(folder, ["apply", "both.json", ...inputs, "--out", "out", "--force"]);
      assert.match(stray.stderr, /small\/own\.txt in it is not of the result that is there/);
      rmSync(join(folder, "out"), { recursive: true });
      const unkept = lcomp(folder, ["run", "both.lcomp", ...inputs, "--out", "out", "--most", "0", "--quiet"]);
      assert.is(unkept.status, 1);
      assert.ok(!readdirSync(folder).includes("out"));
    }),
  );

  test(
    "two of one name are refused",
    inFolder(async (folder) => {
      writeFiles(folder, { "both.lcomp": recipe('  save small as "gguf"\n') });
      const { status, stdout, stderr } = lcomp(folder, ["check", "both.lcomp"]);
      assert.is(status, 1);
      assert.match(stdout + stderr, /two models are saved as `small` \[saved-twice\]/);
    }),
  );
});
