import * as assert from "uvu/assert";
import { demands, knownSteps, peakOf } from "../../compiler/memory/peak-memory.ts";
import { pieceBytes } from "../../compiler/plan/slots.ts";
import { suite } from "../harness/suite.ts";
import { away } from "../run/by-hand.ts";
import { handMadePlan } from "../run/plan.ts";

const shape = { hidden: 16, layers: 2, length: 4, vocabulary: 10 };
const windows = 5;
const plan = handMadePlan(shape, { threshold: 1, propagate: "compressed", windows, tokens: 20 });

const x = 4 * 16 * 4;
const [embedding, weight, statistic, ids, scalar] = [2 * 10 * 16, 2 * 16 * 16, 4 * 16, 4 * 4, 4];

/** The sparse stage: embedding, statistics, the weight of layer 0, what the next layer sees. */
const first = (demand: "gpu" | "host", of = plan) =>
  demands(of)
    .slice(0, 4)
    .map((each) => each[demand]);

suite("memory: demands", ({ test }) => {
  test("a step takes what is there, what it reads and makes, and scratch", () => {
    assert.equal(
      first("gpu").map((bytes) => bytes - pieceBytes),
      [
        embedding + ids + windows * x,
        windows * x + statistic,
        windows * x + statistic + weight + weight + scalar + statistic,
        windows * x + x + weight,
      ],
    );
  });

  test("in host memory and on disk, windows take a buffer each on their way in and out", () => {
    for (const place of ["host", "disk"] as const) {
      const moved = away(plan, place);
      assert.equal(
        first("gpu", moved).map((bytes) => bytes - pieceBytes),
        [embedding + ids + x, x + statistic, statistic + weight + weight + scalar + statistic, x + x + weight],
      );
      assert.equal(
        first("host", moved).map((bytes, i) => bytes - (first("host")[i] ?? 0)),
        Array.from({ length: 4 }, () => (place === "host" ? windows * x : 0)),
      );
    }
  });

  test("what goes over windows of a text that is not given counts as nothing, and so does what follows", () => {
    const [all] = plan.windows;
    assert.ok(all);
    const open = { ...plan, windows: [{ ...all, count: 0 }] };
    assert.equal(new Set(knownSteps(open)), new Set([false]));
    assert.equal(peakOf(demands(open)), { gpu: 0, host: 0 });
    assert.ok(knownSteps(plan).every((isKnown) => isKnown));
  });
});
