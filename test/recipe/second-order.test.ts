/** The library's damped inverse factor, in methods that undo it: what they make is the weight that they were given. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, refused } from "../io/folder.ts";
import { readDecoder } from "../run/decoder.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";

/** w · damped · uᵀ · u, for u of some matrix `g`: w, if `damped` is what u is the inverse factor of. */
const undoing = (
  g: string,
  damp: string,
  share: string,
): string => `import { diagonal, excited, inverse_factor } from "std/second_order"

method mine() on linear(w: f32[out, in], x: f32[sample, token, in]) from dense {
  observe h = mean(x * rename(x, in -> in'), over (sample, token))
  let same = index(in) == index(in')
  let g = ${g}
  let u = inverse_factor(g, ${damp})
  let alive = g where not (same and g == 0) else 1
  let damped = alive + ${share} * mean(diagonal(alive), over in) * f32(same)
  let y = sum(w * damped, over in)
  let back = sum(sum(y * u, over in') * u, over in)
  rename(back, in' -> in) where excited(g)
}
`;

const recipe = `import { mine } from "./mine.lcomp"

recipe trial(model: Model, text: Corpus) {
  let some = text.train.sample(2, length: 24, seed: 7)
  stage small = mine() of model over some for linear except lm_head
  save small as "huggingface"
}
`;

/** Runs the method on a small model; its weights before and after. */
async function tried(folder: string, method: string) {
  const [model, text, out] = [join(folder, "model"), join(folder, "text.jsonl"), join(folder, "out")] as const;
  await writeDecoder(model, {});
  writeFileSync(text, someText(6));
  writeFiles(folder, { "mine.lcomp": method, "recipe.lcomp": recipe });
  await runRecipe(join(folder, "recipe.lcomp"), { model, text }, out);
  return { given: await readDecoder(model), made: await readDecoder(out) };
}

const cases: Readonly<Record<string, readonly [g: string, damp: string, share: string]>> = {
  "a second moment": ["h", "10%", "0.1"],
  "one that is indefinite at first": ["h - 0.3 * mean(diagonal(h), over in) * f32(same)", "1%", "1"],
  "one of which channels are dead": ["h where index(in) > 1 and index(in') > 1 else 0", "10%", "0.1"],
};

suite("std/second_order", ({ test }) => {
  for (const [name, [g, damp, share]] of Object.entries(cases))
    test(
      `the factor of ${name} undoes it`,
      inFolder(async (folder) => {
        const { given, made } = await tried(folder, undoing(g, damp, share));
        const isDead = name.includes("dead");
        const linears = [...given.tensors].filter(([path]) => path.includes("_proj"));
        assert.ok(linears.length > 0);
        for (const [path, w] of linears) {
          const found = made.tensors.get(path) ?? new Float64Array();
          const most = 1e-3 * Math.max(...w.map(Math.abs));
          const isRight = (x: number, i: number): boolean => Math.abs(x - (w[i] ?? NaN)) <= most;
          const dead = found.filter((x) => x === 0).length / found.length;
          const far = found.findIndex((x, i) => !isRight(x, i) && !(isDead && x === 0));
          assert.is(far, -1, `${path}[${far}] is ${found[far]}, not ${w[far]}`);
          assert.ok(isDead ? dead > 0 && dead < 0.5 : dead === 0, `${path}: ${dead} are 0`);
        }
      }),
    );

  test(
    "where no damping helps, the run stops, and says where",
    inFolder(async (folder) => {
      const method = undoing("h - 9 * mean(diagonal(h), over in) * f32(same)", "1%", "1");
      await refused(
        () => tried(folder, method),
        /^stage small, layer 0: from h of q, k, v: \d+ rows of a triangle that is inverted have a 0 on the diagonal; .* not positive definite: damp that more/,
      );
    }),
  );

  test("the device closes", closeDevice);
});
