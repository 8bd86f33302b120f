import { createHash } from "node:crypto";
import * as assert from "uvu/assert";
import { loadPlan } from "../../compiler/plan/load-plan.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { PlanError } from "../../compiler/plan/plan-error.ts";
import { planHash, showPlan } from "../../compiler/plan/plan-file.ts";
import type { Dispatch, Program } from "../../compiler/plan/program.ts";
import { fromFile, toFile } from "../../compiler/plan/references.ts";
import type { PlanFile, ProgramFile } from "../../compiler/plan/schema.ts";
import { hash } from "../../compiler/plan/sha256.ts";
import type { Ref, Step } from "../../compiler/plan/step.ts";
import { suite } from "../harness/suite.ts";
import { handMadePlan } from "../run/plan.ts";

const shape = { hidden: 16, layers: 2, length: 4, vocabulary: 10 };
const plan = handMadePlan(shape, { threshold: 1, propagate: "dense", windows: 2, tokens: 9 });

/** The same record with the keys of every object in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, each]) => [key, reversed(each)])
      .reverse(),
  );
}

function refusal(change: (file: Record<string, unknown>) => unknown): string {
  const file = JSON.parse(showPlan(plan)) as Record<string, unknown>;
  const changed = change(file);
  try {
    loadPlan(typeof changed === "string" ? changed : JSON.stringify(changed), "my.plan.json");
  } catch (error) {
    if (error instanceof PlanError) return error.message;
    throw error;
  }
  return "";
}

suite("plan: file", ({ test }) => {
  test("a plan is read as it was written", () => {
    assert.equal(loadPlan(showPlan(plan), "plan"), plan);
  });

  test("dispatches that repeat themselves are written three times, whatever follows them", () => {
    const program = plan.programs[0] as Program;
    const [one] = program.main as [Dispatch];
    const turn = (i: number, kernel: number): Dispatch => ({
      ...one,
      kernel: plan.kernels[kernel]?.hash ?? "",
      bindings: one.bindings.map((binding) => ({ ...binding, offset: 256 * i })),
      workgroups: [30 - i, (i * (i + 1)) / 2, 1],
      operations: 7 * i * i + kernel,
      bytesMoved: 0.5,
    });
    const turns = Array.from({ length: 30 }, (_, i) => [turn(i, 0), turn(i, 1), turn(i, 0)]).flat();
    const uneven = Array.from({ length: 9 }, (_, i) => turn(i ** 3, 0));
    const file = toFile({ ...plan, programs: [{ ...program, main: [one, ...turns, ...uneven, one] }] });
    assert.is(file.programs[0]?.main.length, 1 + 9 + 9 + 1);
    const refuse = (text: string) => {
      throw new Error(text);
    };
    const read = (text: string) => fromFile(JSON.parse(text), refuse).programs[0]?.main;
    assert.equal(read(JSON.stringify(file)), [one, ...turns, ...uneven, one]);
    const wrong = [{ times: 3 }, { times: 40 }, { times: 1e6 }, { period: 0 }, { period: 7 }, { at: 12 }];
    for (const change of wrong) {
      const [made] = file.programs as [ProgramFile];
      const repeats = made.repeats.map((repeat) => ({ ...repeat, ...change }));
      const changed = { ...file, programs: [{ ...made, repeats }] };
      assert.throws(() => read(JSON.stringify(changed)), /repeats/, JSON.stringify(change));
    }
  });

  test("references of every kind are read as they were written, and a list of choices is stored once", () => {
    const by = { step: 0, output: "kept: 3 of 4" };
    const choices = [
      { model: "model", tensor: "pick 1 at 2 by #3 x" },
      { model: "model", tensor: "#1:\nwindows 2" },
    ];
    const picks = [0, 1].map((at) => ({ pick: choices, by, at }));
    const reads = { a: picks[0] as Ref, b: { pick: [...picks, by], by, at: 2 }, c: { windows: 0 } };
    const first = { ...(plan.steps[0] as Step), reads };
    const picked = { ...plan, steps: [first, ...plan.steps.slice(1)] };
    const { hash: _, ...file } = JSON.parse(showPlan(picked)) as PlanFile;
    const refuse = (text: string) => {
      throw new Error(text);
    };
    assert.equal(fromFile(file, refuse), picked);
    assert.is(file.choices.length, 2);
  });

  test("equal plans are equal texts, whatever the order of their keys", () => {
    assert.is(showPlan(reversed(plan) as Plan), showPlan(plan));
    assert.is(planHash(reversed(plan) as Plan), planHash(plan));
  });

  test("every part counts for the hash", () => {
    const [kernel, ...others] = plan.kernels;
    if (kernel === undefined) throw new Error("no kernel");
    const changed = { ...plan, kernels: [{ ...kernel, wgsl: `${kernel.wgsl} ` }, ...others] };
    assert.is.not(planHash(changed), planHash(plan));
    assert.match(planHash(plan), /^[0-9a-f]{64}$/);
  });

  test("a hash is the SHA-256 of the text's UTF-8, at every length around a block", () => {
    for (let length = 0; length <= 200; length++) {
      const text = "a µ ∑ 😀 \0".repeat(40).slice(0, length);
      assert.is(hash(text), createHash("sha256").update(text).digest("hex"), `${length} characters`);
    }
  });

  test("what is no plan is refused in one sentence that says where", () => {
    assert.is(
      refusal(() => "{"),
      "my.plan.json is no plan: it is not valid JSON",
    );
    assert.is(
      refusal((file) => ({ ...file, version: 7 })),
      "my.plan.json is a plan of version 7; this lcomp reads version 3: use the one that made it, or plan again",
    );
    assert.match(
      refusal((file) => ({ ...file, stages: [{ name: "oops" }] })),
      /^my\.plan\.json is no plan: stages\.0 must have property 'action'; plan again$/,
    );
    assert.is(
      refusal((file) => JSON.parse(JSON.stringify(file).replace('"windows 0"', '"somewhere"'))),
      'my.plan.json is no plan: "somewhere" refers to nothing',
    );
    assert.match(
      refusal(({ recipe: _, ...file }) => file),
      /is no plan: its top level must have property 'recipe'; plan again$/,
    );
    assert.match(
      refusal((file) => ({ ...file, extra: 1 })),
      /is no plan: extra must NOT have additional properties; plan again$/,
    );
    assert.match(
      refusal((file) => JSON.parse(JSON.stringify(file).replace(/"workgroups":\[\d+,/, '"workgroups":['))),
      /a dispatch of program embed has no three workgroup counts$/,
    );
    assert.match(
      refusal((file) => ({ ...file, models: [] })),
      /was changed after it was made: its hash is not that of its content; plan again$/,
    );
  });
});
