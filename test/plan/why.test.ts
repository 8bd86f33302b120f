import * as assert from "uvu/assert";
import { pendingSteps } from "../../compiler/plan/pending.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { identifier, type StepIdentity } from "../../compiler/plan/step-keys.ts";
import { keptParts } from "../../compiler/plan/why.ts";
import { suite } from "../harness/suite.ts";
import { handMadePlan } from "../run/plan.ts";

const shape = { hidden: 16, layers: 2, length: 4, vocabulary: 10 };
const plan = handMadePlan(shape, { threshold: 1, propagate: "compressed", windows: 2, tokens: 9 });

interface Given {
  readonly device?: string;
  readonly tensor?: (name: string) => string;
  readonly windows?: string;
}

function identitiesOf(of: Plan, { device = "an adapter", tensor = (name) => name, windows = "windows" }: Given) {
  const identify = identifier(of, { device, tensor: (_, name) => tensor(name), windows: () => windows });
  return of.steps.flatMap((_, at) => identify(at) ?? []);
}

/** What is said of a plan where another was run before, and everything is there but activations and these outputs. */
async function said(before: Plan | null, now: Plan, given: Given = {}, gone: readonly string[] = []) {
  const records = before ? identitiesOf(before, {}) : [];
  const own = identitiesOf(now, given);
  const find = (key: string): StepIdentity | undefined => records.find((record) => record.key === key);
  const pending = await pendingSteps(now, {
    isDone: (at) => find(own[at]?.key ?? "") !== undefined,
    has: async (at, output) => output !== "x" && !gone.includes(`${at} ${output}`),
  });
  const parts = keptParts(now, { identify: (at) => own[at], find, records, pending });
  return parts.map(({ what, steps, kept, why }) => `${what} ${kept}/${steps} ${why.join("; ")}`.trim());
}

const withGraph = (name: string): Plan => ({
  ...plan,
  programs: plan.programs.map((program) => (program.name === name ? { ...program, graph: "other" } : program)),
});

suite("plan: why", ({ test }) => {
  test("what is there is kept, and what was never made is", async () => {
    assert.equal(await said(plan, plan), ["sparse 6/6", "evaluate sparse 4/4", "measures 1/1"]);
    const never = ["sparse 0/6 never made", "evaluate sparse 0/4 never made", "measures 0/1 never made"];
    assert.equal(await said(null, plan), never);
  });

  test("another method, what it changes, and what follows from that", async () => {
    const other = { ...withGraph("drop"), stages: [{ name: "sparse", action: "drop more", of: "model" }] };
    const after = [
      "evaluate sparse 0/4 sparse is made again; activations are made again",
      "measures 0/1 evaluate sparse is made again",
    ];
    assert.equal(await said(plan, other), ["sparse 1/6 drop → drop more; activations are made again", ...after]);
    assert.equal((await said(plan, withGraph("head"))).slice(1), [
      "evaluate sparse 0/4 what some steps compute is another; activations are made again",
      after[1],
    ]);
  });

  test("another tensor, text or adapter is named", async () => {
    const tensor = (name: string) => (name === "layers.1.w" ? "other" : name);
    assert.is((await said(plan, plan, { tensor }))[0], "sparse 5/6 layers.1.w of model is another");
    assert.match((await said(plan, plan, { windows: "others" }))[0] ?? "", /0\/6 the windows of its text are others$/);
    assert.match((await said(plan, plan, { device: "B" }))[0] ?? "", /0\/6 made on another adapter: an adapter$/);
  });

  test("what is gone is made again", async () => {
    const parts = await said(plan, { ...plan }, {}, ["5 result"]);
    assert.is(parts[0], "sparse 5/6 what some steps made is no longer there");
  });
});
