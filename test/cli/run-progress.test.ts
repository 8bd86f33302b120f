/** What is told of a run beside how far it is: memory, and how fast it computes, by a clock of the test's own. */
import * as assert from "uvu/assert";
import { workOf } from "../../compiler/plan/work.ts";
import type { Moment, RunStep } from "../../runtime/cli/progress.ts";
import { runProgress } from "../../runtime/cli/run-progress.ts";
import { suite } from "../harness/suite.ts";
import { handMadePlan } from "../run/plan.ts";

const shape = { hidden: 64, layers: 3, length: 4, vocabulary: 10 };
const made = handMadePlan(shape, { threshold: 1.2, propagate: "compressed", windows: 5, tokens: 21 });
/** A million operations for each dispatch. */
const plan = {
  ...made,
  programs: made.programs.map(({ setup, main, ...program }) => ({
    ...program,
    ...{
      setup: setup.map((each) => ({ ...each, operations: 1e6 })),
      main: main.map((each) => ({ ...each, operations: 1e6 })),
    },
  })),
};

suite("progress of a run", ({ test }) => {
  test("memory is told at once, the rate of a stage after a second, and steps that are passed by do not count", () => {
    let [time, shown]: [number, readonly string[]] = [100, []];
    const line = {
      ...{ expect: () => undefined, say: () => undefined, end: () => undefined },
      show: ({ where }: Moment) => {
        shown = where;
      },
    };
    const { planned, running } = runProgress(line, plan, { isCompiled: true, now: () => time });
    planned(plan);
    const works = workOf(plan).map(({ operations }) => operations);
    const [first = 0, second = 0, third = 0] = plan.steps.flatMap(({ part }, at) => (part.stage === 0 ? [at] : []));
    const tell = (at: number, step: number, done: number): readonly string[] => {
      time = 100 + at;
      running({ step, what: "q", done, gpu: 3 * 2 ** 20 });
      return shown.slice(-2);
    };
    assert.equal(tell(0, first, 0), ["q", "3 MiB on the GPU"]);
    assert.equal(tell(0.5, first, 0.5), ["q", "3 MiB on the GPU"]);
    const rate = (operations: number, seconds: number): string => `${operations / seconds / 1e6} million operations/s`;
    assert.equal(tell(2, first, 1), ["3 MiB on the GPU", rate(works[first] ?? 0, 2)]);
    assert.ok(second < third);
    assert.equal(tell(4, third, 0.5), ["3 MiB on the GPU", rate((works[first] ?? 0) + (works[third] ?? 0) / 2, 4)]);
  });

  test("steps are told as the plan has them, where the outline had fewer", () => {
    const titles: string[] = [];
    let steps: readonly string[] = [];
    const line = {
      ...{ say: () => undefined, end: () => undefined },
      expect: (all: readonly RunStep[]) => {
        steps = all.map(({ title }) => title);
      },
      show: ({ step }: Moment) => titles.push(steps[step] ?? ""),
    };
    const { planned, running } = runProgress(line, { ...plan, steps: plan.steps.slice(0, -1) });
    planned(plan);
    const moments = { what: "", done: 0, gpu: 0 };
    for (const [i] of plan.saves.entries()) running({ ...moments, step: plan.steps.length + i });
    assert.equal(
      titles,
      plan.saves.map(({ of }) => `save ${of}`),
    );
    assert.ok(titles.length > 0);
  });
});
