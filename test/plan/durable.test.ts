import * as assert from "uvu/assert";
import { storeNeeds, withDurable } from "../../compiler/plan/durable.ts";
import { suite } from "../harness/suite.ts";
import { handMadePlan } from "../run/plan.ts";

const shape = { hidden: 16, layers: 2, length: 4, vocabulary: 10 };
const windows = 5;
const plan = handMadePlan(shape, { threshold: 1, propagate: "compressed", windows, tokens: 20 });
const durable = (limit: number): readonly string[] =>
  withDurable(plan, limit).steps.map((step) => step.durable.join(" "));

/** Two weights with their zeros, a number for each window, and two measures. */
const results = 2 * (2 * 16 * 16 + 4) + 4 * windows + 2 * 4;
/** A boundary while the next one is made. */
const activations = 2 * windows * 4 * 16 * 4;
const statistics = 2 * 4 * 16;

suite("plan: durable", ({ test }) => {
  test("results are, whatever they take; activations as far as there is room, then statistics", () => {
    const few = ["", "", "result zeros", "", "", "result zeros", "", "", "", "e0", "v1 v2"];
    const some = ["x", "", "result zeros", "x", "", "result zeros", "x", "x", "x", "e0", "v1 v2"];
    const all = ["x", "a0", "result zeros", "x", "a0", "result zeros", "x", "x", "x", "e0", "v1 v2"];
    assert.equal(durable(0), few);
    assert.equal(durable(results + activations), some);
    assert.equal(durable(results + activations + statistics), all);
    const power = few.map((outputs, at) => (all[at] === "a0" ? "a0" : outputs));
    assert.equal(durable(results + activations - 1), power);
  });

  test("a plan says what it takes, of activations two boundaries at once, and what there was no room for", () => {
    assert.equal(storeNeeds(withDurable(plan, 0)), { bytes: results, without: ["activations", "statistics"] });
    const room = results + activations + statistics;
    assert.equal(storeNeeds(withDurable(plan, room)), { bytes: room, without: [] });
    assert.equal(storeNeeds(withDurable(plan, room), new Set([5])).bytes, 2 * 16 * 16 + 4);
  });
});
