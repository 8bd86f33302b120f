/** Model folders from outside: each gives the figure of Transformers (of codes, that of a reader in NumPy), or one problem that names what is wrong. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { CompileError } from "../../grammar/diagnostic.ts";
import { StoreFolder } from "../../runtime/store/store-folder.ts";
import { UserError } from "../../runtime/user-error.ts";
import { suite, testUnless } from "../harness/suite.ts";
import { closeDevice, runRecipe } from "../run/recipe.ts";
import { assertLoss, casesFolder, casesReason } from "./cases.ts";

const reason = casesReason();
const folder = reason === null ? casesFolder() : "";

const figures: readonly (readonly [name: string, loss: number])[] = [
  ["base", 0.513433],
  ["tied-head-differs", 0.574272],
  ["two-thetas", 1.025812],
  ["llama-window", 0.513433],
  ["stray-biases", 0.513433],
  ["only-lm-head", 0.513433],
  ["swish", 0.513433],
  ["no-architectures", 0.513433],
  ["base-architecture", 0.513433],
  ["no-prefix", 0.513433],
  ["bom-config", 0.513433],
  ["bom-tokenizer-config", 0.513433],
  ["broken-generation-config", 0.513433],
  ["infinity-in-config", 0.513433],
  ["hub/models--org--name/snapshots/0123abcd", 0.513433],
  ["gptq", 10.611257],
];

const refusals: readonly (readonly [name: string, sentence: RegExp])[] = [
  ["compiled-prefix", /^the names in the checkpoint begin with `_orig_mod\.`/],
  ["f64", /^the stored type F64 of `model\.embed_tokens\.weight` and 10 more is not supported yet$/],
  ["fp8", /are quantised already: `\S+_proj\.weight` is stored as F8_E4M3$/],
  ["int8", /are quantised already: `\S+_proj\.weight` is stored as I8$/],
  ["weight-scale", /are quantised already: the checkpoint has `\S+\.weight_scale`$/],
  ["hub/models--org--name", /has no config\.json; \S+snapshots\/0123abcd has one: give that folder$/],
];

/** Most of these models are one, read from other files: what has the same content is run once. */
const store = new StoreFolder(join(tmpdir(), `lcomp-config-${process.pid}`), { isTemporary: true });

const evaluate = (name: string) =>
  runRecipe("std/evaluate", { model: join(folder, name), text: join(folder, "text.jsonl"), length: "128" }, undefined, {
    folder: store,
  });

suite("cases: configs and weights", (own) => {
  const test = testUnless(reason, own);
  for (const [name, loss] of figures)
    test(`${name} gives ${loss}`, async () => {
      const { reports } = await evaluate(name);
      assertLoss(reports[0]?.value, loss);
    });
  for (const [name, sentence] of refusals)
    test(`${name} is refused in one sentence`, async () => {
      try {
        await evaluate(name);
      } catch (error) {
        if (!(error instanceof CompileError || error instanceof UserError)) throw error;
        return assert.match(error.message, sentence);
      }
      assert.unreachable(`${name} was accepted`);
    });
  own.test("the device is given back", closeDevice);
});
