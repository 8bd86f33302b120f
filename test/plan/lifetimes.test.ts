import * as assert from "uvu/assert";
import { keyOf, lifetimes } from "../../compiler/plan/lifetimes.ts";
import { suite } from "../harness/suite.ts";
import { handMadePlan } from "../run/plan.ts";

const shape = { hidden: 16, layers: 2, length: 4, vocabulary: 10 };
const endingsOf = (propagate: "compressed" | "dense"): readonly string[] =>
  lifetimes(handMadePlan(shape, { threshold: 1, propagate, windows: 2, tokens: 9 })).endings.map((refs) =>
    refs.map(keyOf).sort().join(", "),
  );

suite("plan: lifetimes", ({ test }) => {
  test("activations go with their last reader; weights leave the GPU with the last of their part", () => {
    assert.equal(endingsOf("compressed"), [
      ...["model:embed", "", "1 a0, 2 zeros, model:layers.0.w", "0 x, 2 result"],
      ...["3 x", "4 a0, 5 result, 5 zeros, model:layers.1.w"],
      "model:embed, windows 0",
      ...["2 result, 6 x", "5 result, 7 x", "8 x", "9 e0"],
    ]);
  });

  test("the old weight stays for the step that passes dense activations on", () => {
    assert.equal(endingsOf("dense").slice(2, 4), ["1 a0, 2 result, 2 zeros", "0 x, model:layers.0.w"]);
  });
});
