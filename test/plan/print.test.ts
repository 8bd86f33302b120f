import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { loadRecipe, plan } from "../../compiler/compile.ts";
import type { Host } from "../../compiler/host.ts";
import type { ModelFacts } from "../../compiler/model/facts.ts";
import { abridged } from "../../compiler/plan/abridged.ts";
import { printPlan } from "../../compiler/plan/print.ts";
import { facts } from "../fuse/sketch.ts";
import { golden } from "../harness/golden.ts";
import { suite } from "../harness/suite.ts";
import { root } from "../repository/sources.ts";

const folder = join(root, "test/golden/plan");

/** The files of the folder alone, so that plans change with the compiler and not with the library. */
const host: Host = { library: [], read: (path) => ({ path, text: readFileSync(join(folder, path), "utf8") }) };

const layers = 4;

const shapes: readonly (readonly [string, readonly number[]])[] = [
  ["embed.weight", [32, 16]],
  ...Array.from({ length: layers }, (_, layer) => [
    [`layers.${layer}.up.weight`, [24, 16]] as const,
    [`layers.${layer}.down.weight`, [16, 24]] as const,
  ]).flat(),
];

const model: ModelFacts = {
  name: "net",
  config: {
    architectures: ["NetForCausalLM"],
    vocab_size: 32,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: layers,
    max_position_embeddings: 64,
  },
  tensors: new Map(shapes.map(([name, shape]) => [name, { dtype: "F16", shape, bytes: 2 * shape[0]! * shape[1]! }])),
};

function printed(recipe: string): string {
  const inputs = {
    parameters: new Map(),
    models: new Map([["model", model]]),
    corpora: new Map([["text", { tokens: { train: 640, validation: 320, test: 160 } }]]),
  };
  return printPlan(plan(loadRecipe(host, recipe), inputs, facts));
}

suite("plan: for people", ({ test }) => {
  for (const recipe of globSync("*.lcomp", { cwd: folder }).sort())
    if (recipe !== "net.lcomp")
      test(`the plan of ${recipe}`, () =>
        golden(`test/golden/plan/${recipe.replace(".lcomp", ".plan")}`, printed(recipe)));

  test("what follows itself three times or more, with numbers that change evenly, stands once", () => {
    assert.equal(abridged(["a 0", "a 1", "a 2", "b"]), ["3 × a 0 … 2", "b"]);
    assert.equal(abridged(["a 5", "a 7", "a 9"]), ["3 × a 5, 7 … 9"]);
    assert.equal(abridged(["a", "a", "a"]), ["3 × a"]);
    assert.equal(abridged(["x", "a 0", "b 9", "a 1", "b 6", "a 2", "b 3"]), [
      "x",
      "3 × these 2:\n- a 0 … 2\n- b 9, 6 … 3",
    ]);
  });

  test("what does not is left as it is", () => {
    for (const texts of [["a 0", "a 1"], ["a 0", "a 1", "a 3"], ["a 0", "b 1", "a 2"], ["a 1", "a b", "a 3"], []])
      assert.equal(abridged(texts), texts);
  });
});
