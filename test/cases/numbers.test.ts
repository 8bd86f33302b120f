/** Cases from outside that give numbers which are wrong, and none that are right. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { readHeader } from "../../runtime/io/safetensors.ts";
import { type Suite, suite, testUnless } from "../harness/suite.ts";
import { inFolder, refused } from "../io/folder.ts";
import { readWeight } from "../io/tensors.ts";
import { closeDevice, runRecipe } from "../run/recipe.ts";
import { caseFile, casesFolder, casesReason } from "./cases.ts";

const reason = casesReason();

/** A test of a case, which is skipped by its name where the cases are not. */
const cased = (own: Suite, name: string, body: (folder: string) => Promise<void>): void =>
  testUnless(reason, own)(name, inFolder(body), "swiftshader");

/** The weight after a recipe of ../shared/cases whose text is changed. */
async function weightAfter(folder: string, model: string, text: string, tensor: string): Promise<Float32Array> {
  const recipe = join(folder, "recipe.lcomp");
  writeFileSync(recipe, text);
  const out = join(folder, "out");
  await runRecipe(recipe, { model: join(casesFolder(), model) }, out);
  const { tensors } = await readHeader(join(out, "model.safetensors"));
  const found = tensors.find(({ name }) => name === tensor);
  assert.ok(found !== undefined, `no ${tensor}`);
  return readWeight(found);
}

suite("cases from outside: numbers", (own) => {
  const program = (): string => readFileSync(caseFile("sum_of_differences.lcomp"), "utf8");
  const isTold = (weight: Float32Array): void => assert.equal([...new Set(weight)], [64]);

  cased(own, "a sum of differences adds each difference as a whole", async (folder) =>
    isTold(await weightAfter(folder, "sums", program(), "layers.0.l.weight")),
  );

  cased(own, "a sum of sums adds each sum as a whole", async (folder) =>
    isTold(await weightAfter(folder, "sums", program().replace("differences() of", "sums() of"), "layers.0.l.weight")),
  );

  cased(own, "activations that overflow make no mask", async (folder) => {
    const path = join(folder, "wanda.lcomp");
    writeFileSync(path, readFileSync(caseFile("wanda.lcomp"), "utf8"));
    const out = join(folder, "out");
    const expected =
      /^stage sparse, layer 2: statistics \(power of q, k, v; .*\) that mean nothing: 128 of the values beneath root 1/;
    const text = join(casesFolder(), "text.jsonl");
    await refused(() => runRecipe(path, { model: join(casesFolder(), "overflow"), text }, out), expected);
    assert.not(existsSync(out));
  });

  const unsound: Readonly<Record<string, readonly [model: string, method: string, RegExp]>> = {
    "a maximum passes over NaN, and the stage stops": [
      "overflow",
      "observe peak = max(abs(x), over (sample, token))\n  w * (1 + 0 * peak)",
      /^stage odd, layer 2: statistics \(peak of q.*\) that mean nothing: 128 of the values beneath root 1 /,
    ],
    "activations of which one layer alone overflows": [
      "overflow",
      "observe peak = max(abs(x * 1e38 * 1e38), over (sample, token))\n  w * (1 + 0 * peak)",
      /^stage odd, layer 0: the statistic peak of q became NaN or infinite: the observation divides by 0, or /,
    ],
    "an observation that divides by 0": [
      "base",
      "observe share = sum(x / (0 * x), over (sample, token))\n  w * share",
      /^stage odd, layer 0: the statistic share of q became NaN or infinite: /,
    ],
    "scores that are NaN": [
      "base",
      "observe power = sum(x^2, over (sample, token))\n  keep_best(w, 0 * power / (0 * w), 50%, over in)",
      /^stage odd, layer 0, q \(model\.layers\.0\.self_attn\.q_proj\.weight\): 16384 scores are NaN, which cannot be ranked; /,
    ],
    "weights that are NaN": [
      "base",
      "w / (0 * w)",
      /^stage odd, layer 0, q \(model\S+\): the new weight has a NaN or an infinity; /,
    ],
  };
  for (const [name, [model, method, expected]] of Object.entries(unsound))
    cased(own, name, async (folder) => {
      const path = join(folder, "odd.lcomp");
      const header = "method odd() on linear(w: f32[out, in], x: f32[sample, token, in])";
      const stage = "stage odd = odd() of model over text.train.sample(1, length: 128, seed: 0) for q";
      writeFileSync(
        path,
        `import { keep_best } from "std/prune/mask"\n${header} {\n  ${method}\n}\nrecipe r(model: Model, text: Corpus) {\n  ${stage}\n}\n`,
      );
      const text = join(casesFolder(), "text.jsonl");
      await refused(() => runRecipe(path, { model: join(casesFolder(), model), text }), expected);
    });

  cased(own, "a measure that is no number is no result", async (folder) => {
    const path = join(folder, "measures.lcomp");
    const measure = "fn worst(model: Model, text: Corpus) = exp(1000 * mean_nll(model, text, 128))";
    writeFileSync(
      path,
      `import { mean_nll } from "std/evaluate"\n${measure}\nrecipe r(model: Model, text: Corpus) {\n  report mean_nll(model, text.test, 128), worst(model, text.test)\n}\n`,
    );
    const given = { model: join(casesFolder(), "base"), text: join(casesFolder(), "text.jsonl") };
    await refused(
      () => runRecipe(path, given),
      /^a measure is no number, and nothing was saved: mean_nll\(model, text\.test, 128\) is 0\.51.*, worst\(model, text\.test\) is Infinity; /,
    );
  });

  cased(own, "an expectation of what is no number does not hold either way", async (folder) => {
    const path = join(folder, "expectations.lcomp");
    const measure = "fn odd(model: Model, text: Corpus) = log(mean_nll(model, text, 128) - 10)";
    const expectation = "expect not (odd(model, text.test) < 5)";
    writeFileSync(
      path,
      `import { mean_nll } from "std/evaluate"\n${measure}\nrecipe r(model: Model, text: Corpus) {\n  ${expectation}\n}\n`,
    );
    const given = { model: join(casesFolder(), "base"), text: join(casesFolder(), "text.jsonl") };
    await refused(
      () => runRecipe(path, given),
      /^a measure compares what is no number, and nothing was saved: one of not/,
    );
  });

  own.test("the device closes", closeDevice);
});
