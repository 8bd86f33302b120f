/** `keeping zeros`: weights that a stage before has left 0 stay 0, whatever a sweep adds to them on the way. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, refused } from "../io/folder.ts";
import { readDecoder } from "../run/decoder.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";

const recipe = (last: string, saved: string): string => `import { wanda } from "std/prune/wanda"
import { gptq } from "std/quantize/gptq"
import { rtn } from "std/quantize/rtn"

method shifted() on linear(w: f32[out, in]) { w + 1 }

recipe trial(model: Model, text: Corpus) {
  let some = text.train.sample(2, length: 24, seed: 7)
  stage sparse = wanda(2:4) of model over some for linear except lm_head
  ${last}
  save ${saved} as "huggingface"
}
`;

const counted = `import { magnitude_rows } from "std/prune/magnitude"
import { keep_best } from "std/prune/mask"
import { Affine, affine_code, affine_grid } from "std/quantize/affine"
import { rtn } from "std/quantize/rtn"

method both(sparsity: Sparsity) on linear(w: f32[out, in]) {
  let b = split(keep_best(w, abs(w), sparsity, over in), in -> (block, lane: 8))
  let grid = affine_grid(b, 8, true, over lane)
  Affine(8, 8, true) { code: affine_code(b, grid, 8), ...grid }
}

recipe counted(model: Model) {
  stage sparse = magnitude_rows(2:4) of model for linear except lm_head
  stage kept = rtn(8, every: 8) of sparse for linear except lm_head keeping zeros
  stage small = rtn(8, every: 8) of model for linear except lm_head
  stage joint = both(2:4) of model for linear except lm_head
  report bytes(small), bytes(joint)
  save kept as "huggingface"
}
`;

/** The tensors of a stage's result. */
async function made(folder: string, last: string, saved: string) {
  const [model, text] = [join(folder, `of ${saved}`), join(folder, "text.jsonl")] as const;
  await writeDecoder(model, {});
  writeFileSync(text, someText(6));
  writeFiles(folder, { [`${saved}.lcomp`]: recipe(last, saved) });
  await runRecipe(join(folder, `${saved}.lcomp`), { model, text }, join(folder, saved));
  return (await readDecoder(join(folder, saved))).tensors;
}

let sparse: ReturnType<typeof made> | undefined;

/** The tensors after a stage that keeps 2 of 4, and after another behind it. */
async function tried(folder: string, stage: string) {
  sparse ??= made(folder, "", "sparse");
  const before = await sparse;
  return { before, after: await made(folder, `stage small = ${stage}`, "small") };
}

const rest = "of sparse over some for linear except lm_head";

/** How many weights of linear layers were 0, and how many of those are not. */
async function lostBy(folder: string, stage: string): Promise<readonly [zeros: number, lost: number]> {
  const { before, after } = await tried(folder, stage);
  let [zeros, lost] = [0, 0];
  for (const [path, w] of before)
    if (path.includes("_proj"))
      for (const [i, value] of w.entries()) {
        zeros += Number(value === 0);
        lost += Number(value === 0 && after.get(path)?.[i] !== 0);
      }
  return [zeros, lost];
}

suite("keeping zeros", ({ test }) => {
  for (const method of ["gptq(4, every: 8)", "gptq(3, every: 100%, act_order: true)", "rtn(4, every: 8)"])
    test(
      `${method} leaves all that was 0`,
      inFolder(async (folder) => {
        const [zeros, lost] = await lostBy(folder, `${method} ${rest} keeping zeros`);
        assert.ok(zeros > 0);
        assert.is(lost, 0);
      }),
    );

  test(
    "without it, a sweep gives some of them other values",
    inFolder(async (folder) => {
      const [, lost] = await lostBy(folder, `gptq(4, every: 8) ${rest}`);
      assert.ok(lost > 0);
    }),
  );

  test(
    "what cannot keep them is stopped, with the layer and their number",
    inFolder((folder) =>
      refused(
        () => tried(folder, `shifted() ${rest} keeping zeros`),
        /^stage small, layer 0, q \(.*q_proj.*\): \d+ weights that are 0 would not stay so; .* what it sweeps be 0 there: .* leave `keeping zeros` out/,
      ),
    ),
  );

  test(
    "zeros of codes are counted where a stage keeps them, or makes some",
    inFolder(async (folder) => {
      const model = join(folder, "model");
      await writeDecoder(model, {});
      writeFiles(folder, { "counted.lcomp": counted });
      const { stages } = await runRecipe(join(folder, "counted.lcomp"), { model }, join(folder, "out"));
      for (const { name, changed } of stages) {
        assert.is(changed.length > 0, name !== "small", name);
        assert.ok(
          changed.every(({ zeros, count }) => zeros >= count / 2 && zeros < 0.6 * count),
          name,
        );
      }
    }),
  );

  test("the device closes", closeDevice);
});
