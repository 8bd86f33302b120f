/** Plans that somebody has edited and given their new hash: nothing is carried out that does not fit together. */
import * as assert from "uvu/assert";
import { loadRecipe, plan } from "../../compiler/compile.ts";
import { loadPlan } from "../../compiler/plan/load-plan.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { PlanError } from "../../compiler/plan/plan-error.ts";
import { showPlan } from "../../compiler/plan/plan-file.ts";
import type { Program } from "../../compiler/plan/program.ts";
import { requireSound } from "../../compiler/plan/require-sound.ts";
import { elements } from "../../compiler/plan/slots.ts";
import type { Ref, Step } from "../../compiler/plan/step.ts";
import { suite } from "../harness/suite.ts";
import { models } from "../language/broken-models.ts";
import { hostWith } from "../language/run.ts";
import { anyDevice } from "../run/by-hand.ts";

const recipe = `import { shortgpt } from "std/prune/shortgpt"
import { minitron_width } from "std/prune/minitron"
import { wanda } from "std/prune/wanda"
import { mean_kl, perplexity } from "std/evaluate"
recipe all(model: Model, text: Corpus) {
  let sample = text.train.sample(2, length: 8, seed: 0)
  stage shallow = shortgpt(drop: 1) of model over sample
  stage narrow = minitron_width(mlp: 50%, kv: 1, multiple: 4) of shallow over sample
  stage sparse = wanda(2:4) of narrow over sample
  report perplexity(sparse, text.test, 16), mean_kl(model, sparse, text.test, 16)
  save sparse as "huggingface"
}
`;

/** Everything that a plan can hold: picks, stacks and elements of decisions, two models in one step, what is measured and saved. */
const real: Plan = plan(
  loadRecipe(hostWith({ "own.lcomp": recipe }), "own.lcomp"),
  {
    parameters: new Map(),
    models: new Map(models["plain"] ? [["model", models["plain"]]] : []),
    corpora: new Map([["text", { tokens: { train: 100, test: 64 } }]]),
  },
  anyDevice,
);

/** Why a plan is not carried out; empty if it would be. */
function refusal(changed: Plan): string {
  try {
    requireSound(changed, (why) => {
      throw new PlanError(why);
    });
    return "";
  } catch (error) {
    if (error instanceof PlanError) return error.message;
    throw error;
  }
}

const withStep = (at: number, change: (step: Step) => Step): Plan => ({
  ...real,
  steps: real.steps.map((step, i) => (i === at ? change(step) : step)),
});

/** A reference, the step that reads it or the number behind the last, and the plan with another in its place. */
interface Place {
  readonly what: string;
  readonly ref: Ref;
  readonly at: number;
  readonly put: (other: Ref) => Plan;
}

const replaced = <T>(all: readonly T[], at: number, change: (one: T) => T): readonly T[] =>
  all.map((each, i) => (i === at ? change(each) : each));

const read: readonly Place[] = real.steps.flatMap(({ reads }, at) =>
  Object.entries(reads).map(([slot, ref]) => ({
    what: `${slot} of step ${at}`,
    ...{ ref, at, put: (other) => withStep(at, (step) => ({ ...step, reads: { ...reads, [slot]: other } })) },
  })),
);

const behind = real.steps.length;
const measured: readonly Place[] = real.values.flatMap(({ text, value: ref }, i) =>
  typeof ref === "number"
    ? []
    : [
        {
          ...{ what: text, ref, at: behind },
          put: (value) => ({ ...real, values: replaced(real.values, i, (each) => ({ ...each, value })) }),
        },
      ],
);

const [save] = real.saves;
const saved: readonly Place[] = (save?.tensors ?? []).map(({ name, from: ref }, i) => ({
  ...{ what: name, ref, at: behind },
  put: (from) => ({
    ...real,
    saves: save ? [{ ...save, tensors: replaced(save.tensors, i, (each) => ({ ...each, from })) }] : [],
  }),
}));

/** What is nonsense in any place. */
const nonsense = ({ ref, at }: Place): Readonly<Record<string, Ref>> => ({
  "what the step itself makes": { step: at, output: "result" },
  "a step that there is not": { step: behind, output: "result" },
  "an output that there is not": { step: 0, output: "no such output" },
  "windows that there are not": { windows: real.windows.length },
  "a model that is not given": { model: "other", tensor: "model.norm.weight" },
  "a stack of nothing": { stack: [] },
  "the same twice": { stack: [ref, ref] },
  "an element beyond the size": { element: 2 ** 31, of: ref },
  "an element of an element": { element: 0, of: { element: 0, of: ref } },
  "picked from nothing": { pick: [], by: { step: 0, output: "x" }, at: 0 },
  "picked by what is no decision": { pick: [ref], by: { windows: 0 }, at: 2 ** 31 },
});

/** What programs write: by step and name, with how many elements. */
const written = real.steps.flatMap(({ program, over }, step) =>
  (real.programs.find(({ name }) => name === program)?.buffers ?? []).flatMap(({ slot }) =>
    slot?.role === "output" || slot?.role === "accumulator"
      ? [{ ref: { step, output: slot.name }, size: elements(slot), isStream: slot.role === "output" && over !== null }]
      : [],
  ),
);

suite("plan: sound", ({ test }) => {
  test("a plan is read again, and every kind of reference is in it", () => {
    assert.equal(loadPlan(showPlan(real), "plan"), real);
    const text = JSON.stringify([real.steps, real.values, real.saves]);
    for (const kind of ["step", "windows", "stack", "element", "pick", "tensor"])
      assert.ok(text.includes(`"${kind}":`), kind);
  });

  test("nonsense in the place of any reference is refused", () => {
    for (const place of [...read, ...measured, ...saved])
      for (const [what, other] of Object.entries(nonsense(place)))
        assert.is.not(refusal(place.put(other)), "", `${what} for ${place.what}`);
    assert.ok(read.length > 100 && measured.length > 1 && saved.length > 10);
  });

  test("what a step before makes of another size is refused in every place", () => {
    const scalars = written.filter(({ size, isStream }) => size === 1 && !isStream);
    for (const { ref, at, put, what } of [...read, ...saved]) {
      const wanted = written.find((each) => JSON.stringify(each.ref) === JSON.stringify(ref));
      const other = scalars.find((each) => each.ref.step < at);
      if (other && wanted?.size !== 1) assert.is.not(refusal(put(other.ref)), "", what);
    }
    assert.ok(scalars.length > 3);
  });

  test("a slot that is left unread is refused, and so is what no slot reads", () => {
    for (const [at, { reads }] of real.steps.entries()) {
      for (const slot of Object.keys(reads)) {
        const { [slot]: _, ...others } = reads;
        assert.match(
          refusal(withStep(at, (step) => ({ ...step, reads: others }))),
          `reads \`${slot}\`, which is nothing`,
        );
      }
      const more = { ...reads, "no such slot": { windows: 0 } };
      assert.match(refusal(withStep(at, (step) => ({ ...step, reads: more }))), "for which its program has no slot");
    }
  });

  test("what else a plan names must be there", () => {
    const part = (change: Partial<Step["part"]>): Plan =>
      withStep(3, (step) => ({ ...step, part: { ...step.part, ...change } }));
    const programs = (change: (program: Program) => Partial<Program>): Plan => ({
      ...real,
      programs: real.programs.map((program) => ({ ...program, ...change(program) })),
    });
    const none = { output: "other", must: "finite", otherwise: "" } as const;
    const changed: Readonly<Record<string, Plan>> = {
      "a program": withStep(3, (step) => ({ ...step, program: "other" })),
      "windows of a step": withStep(0, (step) => ({ ...step, over: 9 })),
      "a stage": part({ stage: 9 }),
      "a checked output": withStep(3, (step) => ({ ...step, checks: [none] })),
      "a durable output": withStep(3, (step) => ({ ...step, durable: ["other"] })),
      "an output on the host": withStep(3, (step) => ({ ...step, places: { other: "host" } })),
      "a changed tensor": part({ changes: { tensor: "a", outputs: ["other"] } }),
      kernels: { ...real, kernels: [] },
      texts: { ...real, corpora: [] },
      models: { ...real, models: [] },
      regions: programs(() => ({ regions: [] })),
      buffers: programs(({ buffers }) => ({ buffers: buffers.slice(1) })),
      "one slot of a name": programs(({ buffers }) => ({ buffers: [...buffers, ...buffers] })),
      "room for a slot": programs(({ buffers }) => ({ buffers: buffers.map((each) => ({ ...each, bytes: 0 })) })),
    };
    for (const [what, each] of Object.entries(changed)) assert.is.not(refusal(each), "", what);
  });

  test("the sentence names the file and the step", () => {
    const late = read.find(({ at }) => at === 3)?.put({ step: 7, output: "x" });
    assert.ok(late !== undefined);
    assert.throws(
      () => loadPlan(showPlan(late), "my.plan.json"),
      /^my\.plan\.json cannot be carried out: step 3 \(.*\) reads `.*`, which is made by step 7, which does not come before; plan again$/,
    );
  });
});
