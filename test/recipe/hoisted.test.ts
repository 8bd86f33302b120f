/** What methods compute of statistics alone, and with much work: how often a stage does it. */
import * as assert from "uvu/assert";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { Step } from "../../compiler/plan/step.ts";
import { suite } from "../harness/suite.ts";
import { bound } from "./bound.ts";

const recipe = (stage: string, more = ""): string => `
import { fit } from "std/fit"
import { gptq } from "std/quantize/gptq"
import { sparsegpt } from "std/prune/sparsegpt"
import { damped, diagonal } from "std/second_order"
${more}
recipe trial(model: Model, text: Corpus) {
  let some = text.train.sample(3, length: 24, seed: 7)
  stage small = ${stage}
  save small as "lcomp"
}`;

const linears = "of model over some for linear except lm_head";

/** A method on one second moment. */
const own = (result: string): string => `method own() on linear(w: f32[out, in], x: f32[sample, token, in]) from dense {
  observe h = mean(x * rename(x, in -> in'), over (sample, token))
  ${result}
}`;

const blocks = 2;
const isHoisted = ({ program }: Step<Graph>): boolean => program.name === "hoisted";
const has = ({ program: { nodes } }: Step<Graph>, op: string): boolean => nodes.some((node) => node.op === op);

/** The steps of the first block that compute of statistics alone, as people see them. */
const inBlock = (steps: readonly Step<Graph>[], layer = 0): readonly string[] =>
  steps.filter((step) => isHoisted(step) && step.part.layer === layer).map(({ part }) => part.what);

const factors = ["from h of q, k, v", "from h of o", "from h of gate, up", "from h of down"];

suite("what layers have in common", ({ test }) => {
  test("a second moment is factored once for all layers that it is of", () => {
    const { steps } = bound(recipe(`gptq(4, every: 8) ${linears}`));
    for (let layer = 0; layer < blocks; layer++) assert.equal(inBlock(steps, layer), factors);
    assert.equal(steps.filter((step) => has(step, "cholesky")).every(isHoisted), true);
    const programs = new Set(steps.filter(isHoisted).map(({ program }) => program));
    assert.is(programs.size, 2, "one for each size");
    const made = [...programs].map(({ outputs }) => outputs[0]?.node.op);
    assert.equal(made, ["triangularInverse", "triangularInverse"], "who reads it turns it for nothing");
  });

  test("and once for all candidates that factor it, whichever their methods are", () => {
    const among = "{ gptq(one of [2, 3, 4, 6, 8], every: 8)\n sparsegpt(50%) then gptq(4, every: 8) keeping zeros }";
    const { steps } = bound(recipe(`fit(bytes: 1 MiB) ${linears} among ${among}`));
    const first = "gptq(bits: 2, every: 8)";
    assert.equal(
      inBlock(steps),
      factors.map((factor) => `${factor} by ${first}`),
    );
    assert.is(steps.filter((step) => has(step, "feedback")).length, blocks * 7 * 7);
    assert.is(steps.filter((step) => has(step, "cholesky")).length, blocks * factors.length);
    const others = "{ gptq(2, every: 8, damp: one of [1%, 5%])\n gptq(4, every: 8, act_order: true) }";
    const { steps: apart } = bound(recipe(`fit(bytes: 1 MiB) ${linears} among ${others}`));
    assert.is(apart.filter((step) => has(step, "cholesky")).length, blocks * 3 * factors.length);
  });

  test("it is needed by steps of its own part alone, and is checked where it is made", () => {
    const { steps } = bound(recipe(`gptq(4, every: 8) ${linears}`));
    for (const [at, { part }] of steps.entries())
      for (const ref of Object.values(steps[at]?.reads ?? {})) {
        const made = "step" in ref ? steps[ref.step] : undefined;
        if (!made || !isHoisted(made)) continue;
        assert.is(made.part.layer, part.layer);
        assert.is(made.part.stage, part.stage);
        assert.equal(
          made.checks.map(({ must }) => must),
          ["none"],
        );
      }
  });

  test("what is little work, or reads a weight, stays where it is; a product of a statistic with itself does not", () => {
    const hoisted = (result: string): readonly string[] =>
      inBlock(bound(recipe(`own() ${linears}`, own(result))).steps).slice(0, 1);
    assert.equal(hoisted("w * rsqrt(diagonal(damped(h)))"), []);
    assert.equal(hoisted("rename(sum(w * h, over in), in' -> in)"), []);
    const square = "sum(rename(h, in' -> k) * rename(h, in -> k), over k)";
    assert.equal(hoisted(`rename(sum(w * ${square}, over in), in' -> in)`), ["from h of q, k, v"]);
  });
});
