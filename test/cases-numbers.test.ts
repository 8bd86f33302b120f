/** Cases from outside that give numbers which are wrong, and none that are right. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { readHeader } from "../runtime/io/safetensors.ts";
import { caseFile, casesFolder, casesReason } from "./cases.ts";
import { type Suite, suite } from "./harness.ts";
import { inFolder } from "./io/folder.ts";
import { readWeight } from "./io/tensors.ts";
import { closeDevice, runRecipe } from "./run-recipe.ts";

const reason = casesReason();

/** A test of a case, which is skipped by its name where the cases are not. */
const cased = ({ test, skip }: Suite, name: string, body: (folder: string) => Promise<void>): void => {
  if (reason === null) test(name, inFolder(body), "swiftshader");
  else skip(name, reason, "swiftshader");
};

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

  own.test("the device closes", closeDevice);
});
