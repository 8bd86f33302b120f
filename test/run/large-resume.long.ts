/** GPTQ of a model of 2 GiB in little memory, killed ten times. */
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { randomOf, seed } from "../ops/random.ts";
import { killedAnywhere } from "./kills.ts";
import { budget, layers, writeLarge, writeRecipe } from "./large.ts";

const recipe = `import { gptq } from "std/quantize/gptq"
import { mean_nll } from "std/evaluate"

recipe large(model: Model, text: Corpus) {
  let sample = text.train.sample(8, length: 128, seed: 0)
  stage small = gptq(4, every: 128) of model over sample for linear except lm_head
  report mean_nll(small, text.test, length: 128)
  save small as "lcomp"
}
`;

suite(`run: a large model is killed, LCOMP_SEED=${seed}`, ({ test }) => {
  test(
    `at ten moments, from the first step to the last file, ${layers} layers in 512 MiB of GPU memory and 1 GiB of host memory`,
    inFolder(async (folder) => {
      const { recipe: path, text } = writeRecipe(folder, recipe);
      const args = [path, "--model", await writeLarge(folder), "--text", text, ...budget.flags];
      const random = randomOf("large kills");
      await killedAnywhere(folder, args, (records) => {
        const counts = Array.from({ length: 10 }, () => random.integer(0, records)).sort((a, b) => a - b);
        return counts.map((count) => ({ count, more: random.integer(0, 1000) }));
      });
    }),
  );
});
