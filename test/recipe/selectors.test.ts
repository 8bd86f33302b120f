/** Which layers `for` and `except` select. */
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { bound, halve, problems, recipe } from "./bound.ts";

/** The layers that a stage works on, as `q0` for `q` in block 0. */
function selected(selector: string, model = "plain"): string {
  const { typed } = bound(halve + recipe(`stage small = halve() of model ${selector}`), { model });
  const [stage] = typed.stages;
  return (stage?.selected ?? []).map(({ linear, layer }) => `${linear.name}${layer ?? ""}`).join(" ");
}

suite("language: selectors", ({ test }) => {
  test("by kind, by block, by the architecture's name and by the checkpoint's path", () => {
    assert.is(selected("for linear except lm_head"), "q0 k0 v0 o0 gate0 up0 down0 q1 k1 v1 o1 gate1 up1 down1");
    assert.is(selected("for layer[1]"), "q1 k1 v1 o1 gate1 up1 down1");
    assert.is(selected("for gate"), "gate0 gate1");
    assert.is(selected("for layer[0].down"), "down0");
    assert.is(selected("for self_attn.q_proj"), "q0 q1");
    assert.is(selected("for layer[0 .. 2].mlp.*"), "gate0 up0 down0 gate1 up1 down1");
    assert.is(selected("for up, layer[0].gate, up"), "gate0 up0 up1");
  });

  test("several ranges, in steps, and the number of blocks", () => {
    assert.is(selected("for layer[0, 1].down"), "down0 down1");
    assert.is(selected("for layer[1, 0 .. 2].down"), "down0 down1");
    assert.is(selected("for layer[0 .. 2 by 2].down"), "down0");
    assert.is(selected("for layer[model.layer - 1, 0 .. floor(model.layer / 2)].up"), "up0 up1");
    assert.is(selected("for layer except layer[0], layer[1 .. model.layer].mlp.*"), "q1 k1 v1 o1");
  });

  test("a range is half open", () => assert.is(selected("for layer[0 .. 1].mlp.*"), "gate0 up0 down0"));

  test("without `for` a head that shares its weight is left out, and named", () => {
    const { typed } = bound(halve + recipe("stage small = halve() of model"));
    const [stage] = typed.stages;
    assert.is(stage?.selected.length, 14);
    assert.equal(
      stage?.tied.map(({ name, tied }) => [name, tied]),
      [["lm_head", "embed"]],
    );
    assert.equal(problems(halve + recipe("stage small = halve() of model for linear")), ["tied-weight"]);
  });

  test("a head that shares its weight is selected by its name, or by the table's; a table of its own by its own", () => {
    for (const name of ["lm_head", "embed", "model.embed_tokens", "linear, embed except layer", "lm_head, embed"])
      assert.is(selected(`for ${name}`), "lm_head");
    assert.is(selected("for lm_head, o"), "o0 o1 lm_head");
    assert.is(selected("for embed, gate", "head"), "gate0 gate1 embed");
    assert.is(selected("for model.*", "head"), "embed");
    assert.equal(problems(halve + recipe("stage small = halve() of model for lm_head"), { model: "head" }), [
      "not-supported",
    ]);
  });

  test("every block of a model of many is selected, cut and pruned, though each reads its number", () => {
    const source = `import { angular } from "std/prune/angular"
import { minitron_width } from "std/prune/minitron"
import { wanda } from "std/prune/wanda"
recipe trial(model: Model, text: Corpus) {
  let some = text.train.sample(4, length: 16, seed: 0)
  stage short = angular(10%) of model over some
  stage small = minitron_width(mlp: 50%, multiple: 4) of short over some
  stage sparse = wanda() of small over some for mlp.*
}`;
    const stages = bound(source, { model: "tall" }).typed.stages;
    assert.is(stages.at(-1)?.selected.length, 3 * 72);
  });

  test("`except` takes several, and works without `for`", () => {
    assert.is(selected("for layer except self_attn.*, gate, layer[1].up"), "up0 down0 down1");
    assert.is(selected("except lm_head, mlp.*"), "q0 k0 v0 o0 q1 k1 v1 o1");
  });

  test("one that matches nothing is a mistake, in `for` and in `except`", () => {
    const stage = (selector: string) => halve + recipe(`stage small = halve() of model ${selector}`);
    assert.equal(problems(stage("for layers")), ["empty-selector"]);
    assert.equal(problems(stage("for layer except layer[2]")), ["out-of-range"]);
    assert.equal(problems(stage("for layer[1 .. 3]")), ["out-of-range"]);
    assert.equal(problems(stage("for gate except mlp.*")), ["empty-selector"]);
    assert.equal(problems(stage("for layer[0, 1 .. 1]")), ["empty-selector"]);
    assert.equal(problems(stage("for layer[0 .. 2 by 0]")), ["out-of-range"]);
    assert.equal(problems(stage("for gate[0]")), ["empty-selector"]);
  });

  test("ends of a range may be a parameter's", () => {
    const source = halve + recipe("stage small = halve() of model for layer[first .. first + 1].o", ", first: Int = 0");
    const [stage] = bound(source, { arguments: { first: "1" } }).typed.stages;
    assert.equal(
      stage?.selected.map(({ layer }) => layer),
      [1],
    );
  });
});
