/** Sweeps that carry more from column to column than f32 holds, in methods whose codes and masks show nothing of it. */
import { join } from "node:path";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, refused } from "../io/folder.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";

/** Through a factor whose columns take `share` of the errors before them. */
const sweeping = (
  levels: string,
): string => `import { Affine, affine_code, affine_grid, affine_value } from "std/quantize/affine"

method mine(share: Float) on linear(w: f32[out, in]) {
  let to = rename(index(in), in -> in')
  let u = 1 where index(in) == to else share where index(in) < to else 0
  feedback w through u along ${levels}
}
`;

const recipe = (share: string): string => `import { mine } from "./mine.lcomp"

recipe trial(model: Model) {
  stage small = mine(${share}) of model for linear except lm_head
  save small as "huggingface"
}
`;

const methods = {
  codes: sweeping(`in = (block, lane: 4) {
    each block as b { let grid = affine_grid(b, 4, false, over lane) }
    each lane as c {
      let code = affine_code(c, grid, 4)
      freeze affine_value(code, grid)
    }
  } then Affine(4, 4) { code, ...grid }`),
  masks: sweeping("in { each in as c { freeze c where abs(c) > 1 and abs(c) < 2 } }"),
};

async function tried(folder: string, method: string, share: string): Promise<void> {
  const model = join(folder, "model");
  await writeDecoder(model, {});
  writeFiles(folder, { "mine.lcomp": method, "recipe.lcomp": recipe(share) });
  await runRecipe(join(folder, "recipe.lcomp"), { model }, join(folder, "out"));
}

/** A choice among neurons by whether what a sweep leaves is above 0. */
const choosing = `
method choose() on block(neuron: f32[sample, token, mlp]) {
  observe power = mean(mean(neuron^2, over token), over sample)
  let to = rename(index(mlp), mlp -> mlp')
  let u = 1 where index(mlp) == to else 1000000000000000000000000000000.0 where index(mlp) < to else 0
  let left = feedback power through u along mlp { each mlp as c { freeze 2 * c } }
  select mlp to 50% by 1 where left > 0 else 0
}

recipe trial(model: Model, text: Corpus) {
  stage small = choose() of model over text.train.sample(2, length: 16, seed: 0)
  save small as "huggingface"
}
`;

suite("sweeps: what overflows ends the run", ({ test }) => {
  for (const [name, method] of Object.entries(methods))
    test(
      `of ${name}`,
      inFolder(async (folder) => {
        await refused(
          () => tried(folder, method, "1000000000000000000000000000000.0"),
          /^stage small, layer 0, q \(model\.layers\.0\.self_attn\.q_proj\.weight\): \d+ rows of a sweep end in NaN or infinities.* look at the factor/,
        );
      }),
      "swiftshader",
    );

  test(
    "of a choice, in a method on blocks",
    inFolder(async (folder) => {
      const [model, text] = [join(folder, "model"), join(folder, "text.jsonl")] as const;
      await writeDecoder(model, {});
      writeFiles(folder, { "text.jsonl": someText(2), "recipe.lcomp": choosing });
      await refused(
        () => runRecipe(join(folder, "recipe.lcomp"), { model, text }, join(folder, "out")),
        /^stage small.*: \d+ rows of a sweep end in NaN or infinities/,
      );
    }),
  );

  test(
    "and what does not, does not",
    inFolder((folder) => tried(folder, methods.codes, "0.01")),
  );

  test("the device closes", closeDevice);
});
