/** In how many passes statistics are collected, and which of them layers share. */
import * as assert from "uvu/assert";
import { loadRecipe, outline } from "../../compiler/compile.ts";
import { outlineReport, showOutline } from "../../runtime/cli/outline-table.ts";
import { suite } from "../harness/suite.ts";
import { models } from "../language/broken-models.ts";
import { hostWith } from "../language/run.ts";

/** A recipe with a method of that body on some layers of a small model. */
function planned(body: string, selector: string, functions = "") {
  const source = `${functions}method mine() on linear(w: f32[out, in], x: f32[sample, token, in]) {
${body}
}
recipe trial(model: Model, text: Corpus) {
  let some = text.train.sample(2, length: 8)
  stage small = mine() of model over some ${selector}
}
`;
  const facts = models["plain"];
  return outline(loadRecipe(hostWith({ "own.lcomp": source }), "own.lcomp"), {
    parameters: new Map(),
    models: new Map(facts ? [["model", facts]] : []),
    corpora: new Map([["text", { tokens: { train: 1000, validation: 1000, test: 1000 } }]]),
  });
}

/** The steps of the first block. */
const stepsOf = (...given: Parameters<typeof planned>) =>
  planned(...given).steps.filter(({ part }) => part.layer === 0 && part.what !== "outputs");

/** The passes of the first block, `centre | spread`, and what each layer reads, `q: s1=spread`. */
function passes(...given: Parameters<typeof planned>): readonly string[] {
  const steps = stepsOf(...given);
  const calibrate = steps.filter(({ part }) => part.what === "statistics");
  const statistics = calibrate.map(({ program }) =>
    program.outputs.flatMap(({ name }) => (name.startsWith("not finite") ? [] : [name])).join(" "),
  );
  const targets = steps.flatMap(({ part, reads }) => {
    if (part.changes === undefined) return [];
    const states = Object.entries(reads).flatMap(([slot, ref]) => ("step" in ref ? [`${slot}=${ref.output}`] : []));
    return [[`${part.what}:`, ...states.sort()].join(" ")];
  });
  return [statistics.join(" | "), ...targets];
}

const centre = "observe centre = mean(x, over (sample, token))";
const spread = "observe spread = mean((x - centre)^2, over (sample, token))";
const energy = "observe energy = norm(sum(w * x, over in), over (sample, token))";

suite("observations: passes", ({ test }) => {
  test("one that reads another is collected in the next pass, and layers with the same input share both", () => {
    const found = passes(`${centre}\n${spread}\nw * centre * spread`, "for q, k, down");
    assert.equal(found, [
      "centre centre 2 | spread spread 2",
      "q: s0=centre s1=spread",
      "k: s0=centre s1=spread",
      "down: s0=centre 2 s1=spread 2",
    ]);
  });

  test("those that read no other one share a pass; one that reads the weight belongs to its layer", () => {
    const found = passes(`${energy}\n${centre}\nw * centre * energy`, "for q, k");
    assert.equal(found, ["energy centre energy 2", "q: s0=energy s1=centre", "k: s0=energy 2 s1=centre"]);
  });

  test("what lies between observations belongs to the later one", () => {
    const between = "let scale = 1 / sqrt(spread)\nobserve skew = mean((scale * (x - centre))^3, over (sample, token))";
    assert.equal(passes(`${centre}\n${spread}\n${between}\nw * skew`, "for q"), [
      "centre | spread | skew",
      "q: s2=skew",
    ]);
  });

  test("what functions observe belongs to each layer, also where an equal call was made for another", () => {
    const functions = `fn middle(x: f32[sample, token, in]) {\n${centre}\ncentre\n}\nfn twice(x) = 2 * middle(x)\n`;
    const body = "observe one = middle(x)\nobserve two = twice(x)\nw * one * two";
    assert.equal(passes(body, "for q, k", functions), ["centre", "q: s0=centre", "k: s0=centre"]);
  });

  test("one whose value is not used costs no pass", () => {
    assert.equal(passes(`${centre}\n${spread}\nw * centre`, "for q"), ["centre", "q: s0=centre"]);
    assert.equal(passes(`${centre}\n${spread}\nw / 2`, "for q"), ["", "q:"]);
  });

  test("the weight that it reads is that of the block, which the forward pass reads as well", () => {
    const [step] = stepsOf(`${energy}\nw * energy`, "for gate, down");
    const weights = Object.keys(step?.reads ?? {});
    const path = "model.layers.{layer}.mlp.";
    for (const name of ["gate", "up", "down"])
      assert.is(weights.filter((weight) => weight === `${path}${name}_proj.weight`).length, 1, name);
    assert.not.ok(weights.includes("w"));
  });

  test("the plan says in how many", () => {
    const shown = (body: string) => showOutline(outlineReport(planned(body, "for q")));
    assert.match(shown(`${centre}\n${spread}\nw * spread`), /^small observes 2 windows .* in 2 passes$/m);
    assert.match(shown(`${centre}\nw * centre`), /^small observes 2 windows of 8 tokens of text\.train$/m);
    assert.not.match(shown(`${centre}\nw / 2`), /observes/);
  });
});
