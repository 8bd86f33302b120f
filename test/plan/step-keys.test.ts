import * as assert from "uvu/assert";
import { pendingSteps } from "../../compiler/plan/pending.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { hash } from "../../compiler/plan/sha256.ts";
import type { Ref } from "../../compiler/plan/step.ts";
import { type GivenContents, identifier } from "../../compiler/plan/step-keys.ts";
import { suite } from "../harness/suite.ts";
import { step } from "../run/by-hand.ts";
import { handMadePlan } from "../run/plan.ts";

const shape = { hidden: 16, layers: 2, length: 4, vocabulary: 10 };
const plan = handMadePlan(shape, { threshold: 1, propagate: "compressed", windows: 2, tokens: 9 });

/** Of the plan by hand: embed, statistics, drop, outputs, statistics, drop, embed, block, block, head, measure. */
const all = [...plan.steps.keys()];

const given = (rest: Partial<GivenContents> = {}): GivenContents => ({
  device: "an adapter",
  tensor: (model, tensor) => hash(`${model} ${tensor}`),
  windows: (number) => hash(`windows ${number}`),
  ...rest,
});

function keysOf(of: Plan, contents = given()): readonly (string | undefined)[] {
  const identify = identifier(of, contents);
  return of.steps.map((_, at) => identify(at)?.key);
}

/** The places where the keys of two plans differ. */
const changed = (of: Plan, contents = given()): readonly number[] => {
  const [before, after] = [keysOf(plan), keysOf(of, contents)];
  return all.filter((at) => before[at] !== after[at]);
};

/** The keys of steps that read one thing each. */
const keysOfReads = (refs: readonly Ref[]): readonly (string | undefined)[] =>
  keysOf({ ...plan, steps: refs.map((ref) => step("drop", null, { w: ref })) });

/** What is to be done where some steps are, and some of their outputs are there. */
const pending = async (
  done: readonly number[],
  there: readonly string[],
  of: Pick<Plan, "steps" | "values" | "saves"> = plan,
): Promise<readonly number[]> => {
  const has = async (at: number, output: string): Promise<boolean> => there.includes(`${at} ${output}`);
  return [...(await pendingSteps(of, { isDone: (at) => done.includes(at), has }))].sort((a, b) => a - b);
};

suite("plan: keys", ({ test }) => {
  test("a step's key depends on what it computes, on what it reads, and on the adapter", () => {
    assert.equal(changed(plan), []);
    assert.equal(changed(plan, given({ device: "another" })), all);
    assert.equal(changed(plan, given({ windows: () => "others" })), all);
    const other = given({ tensor: (model, tensor) => hash(tensor === "layers.1.w" ? "other" : `${model} ${tensor}`) });
    assert.equal(changed(plan, other), [5, 8, 9, 10]);
    const programs = plan.programs.map((each) => (each.name === "head" ? { ...each, graph: "other" } : each));
    assert.equal(changed({ ...plan, programs }), [9, 10]);
  });

  test("names, layers, kernels and where values lie are not in it", () => {
    const steps = plan.steps.map((each) => ({
      ...each,
      durable: [],
      places: { x: "host" as const },
      part: { ...each.part, of: "other" },
    }));
    const programs = plan.programs.map((each) => ({ ...each, regions: [], main: [], setup: [] }));
    assert.equal(changed({ ...plan, steps, programs, stages: [{ name: "other", action: "", of: "" }] }), []);
    const identify = identifier(plan, given());
    const parts = all.map((at) => identify(at)?.part);
    assert.equal(parts[2], { of: "sparse", action: "drop", layer: 0, what: "w" });
  });

  test("what depends on content that nobody has read has no key until it is read", () => {
    let isRead = false;
    const tensor = (_: string, name: string) => (name === "layers.0.w" && !isRead ? undefined : hash(name));
    const identify = identifier(plan, given({ tensor }));
    assert.equal(
      all.filter((at) => identify(at) === undefined),
      [2, 3, 4, 5, 7, 8, 9, 10],
    );
    isRead = true;
    assert.equal(
      all.map((at) => identify(at)?.key),
      keysOf(plan, given({ tensor })),
    );
  });

  test("references of each kind, and of each part, have keys of their own", () => {
    const [a, b] = [
      { model: "a", tensor: "w" },
      { model: "b", tensor: "w" },
    ];
    const by = { windows: 0 };
    const picks = [a, b].flatMap((each) => [0, 1].map((at) => ({ pick: [each, b], by, at })));
    const refs: readonly Ref[] = [
      ...[a, b, by, { stack: [a, b] }, { stack: [b, a] }, { stack: [a] }],
      ...[0, 1].map((element) => ({ element, of: a })),
      ...[...picks, { pick: [a, b], by: a, at: 0 }],
    ];
    assert.is(new Set(keysOfReads(refs)).size, refs.length);
    const unread = { model: "unread", tensor: "w" };
    const tensor = (model: string) => (model === "unread" ? undefined : model);
    const composed: readonly Ref[] = [{ stack: [a, unread] }, { pick: [a], by: unread, at: 0 }];
    const steps = composed.map((ref) => step("drop", null, { w: ref }));
    assert.equal(keysOf({ ...plan, steps }, given({ tensor })), [undefined, undefined]);
  });

  test("what was done is not done again, and neither is what only that had read", async () => {
    assert.equal(await pending([], []), all);
    const weights = ["2 result", "2 zeros", "5 result", "5 zeros"];
    assert.equal(await pending([0, 1, 2, 3, 4, 5], weights), [6, 7, 8, 9, 10]);
    assert.equal(await pending(all, [...weights, "10 v1", "10 v2"]), []);
  });

  test("what is gone is made again, with all that it takes", async () => {
    const rest = ["2 result", "2 zeros", "5 zeros", "10 v1", "10 v2"];
    assert.equal(
      await pending(all, rest),
      [0, 1, 2, 3, 4, 5].filter((at) => at !== 1 && at !== 2),
    );
    assert.equal(await pending(all, [...rest, "4 a0"]), [5]);
    assert.equal(await pending(all, [...rest, "3 x"]), [4, 5]);
  });

  test("a decision is wanted as long as it says what a step has read", async () => {
    const by = { step: 0, output: "at" };
    const picked = { pick: [0, 1].map((layer) => ({ model: "model", tensor: `layers.${layer}.w` })), by, at: 0 };
    const steps = [step("decide", null, {}), step("drop", null, { w: picked })];
    const values = [{ ...(plan.values[1] as Plan["values"][number]), value: { step: 1, output: "v" } }];
    const left = (there: readonly string[]) =>
      pendingSteps(
        { steps, values, saves: [] },
        { isDone: () => true, has: async (at, output) => there.includes(`${at} ${output}`) },
      );
    assert.equal([...(await left(["0 at", "1 v"]))], []);
    assert.equal([...(await left(["1 v"]))], [0]);
  });

  test("a check that was not made is made", async () => {
    const weights = ["2 result", "2 zeros", "5 result", "5 zeros", "10 v1", "10 v2"];
    assert.equal(
      await pending(
        all.filter((at) => at !== 4),
        [...weights, "3 x"],
      ),
      [4],
    );
  });

  test("decisions are asked about wherever a reference has them", async () => {
    const pick: Ref = { pick: [{ model: "a", tensor: "w" }], by: { step: 0, output: "at" }, at: 0 };
    for (const w of [pick, { stack: [pick, pick] }, { element: 0, of: pick }]) {
      const steps = [step("largest", null, {}), step("drop", null, { w })];
      const value = { step: 1, output: "result" };
      const values = [{ kind: "report", text: "", of: null, place: "", value }] as const;
      assert.equal(await pending([0, 1], ["1 result"], { steps, values, saves: [] }), [0]);
    }
  });
});
