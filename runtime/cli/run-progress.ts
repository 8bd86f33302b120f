/** The steps of a whole run, from the texts to the result, and the moments of each as they come from those who do the work. */

import type { Plan, Split } from "../../compiler/plan/plan.ts";
import { type SaveRecord, type Step, titleOf } from "../../compiler/plan/step.ts";
import type { Progress } from "../run/session.ts";
import type { ProgressLine, RunStep } from "./progress.ts";
import { sum, type Waits, waitsOf } from "./time-to-go.ts";

/** A split of a text that a recipe reads. */
export interface TextSplit {
  readonly corpus: string;
  readonly split: Split;
}

export interface RunProgress {
  /** A split is tokenized, of which this share is done. */
  readonly tokenizing: (text: TextSplit, done: number) => void;
  /** The compiler has reached another graph. */
  readonly compiling: () => void;
  readonly planned: (plan: Plan) => void;
  readonly running: (progress: Progress) => void;
}

/** What an outline and a plan say of a run alike. */
interface Run {
  readonly windows: readonly TextSplit[];
  readonly steps: readonly Pick<Step<unknown>, "program" | "part">[];
  readonly save: SaveRecord | null;
}

/** The splits of texts that a recipe reads, each once, in the order of their use. */
export function textsOf({ windows }: Pick<Run, "windows">): readonly TextSplit[] {
  return [...new Map(windows.map(({ corpus, split }) => [`${corpus}.${split}`, { corpus, split }])).values()];
}

/** Shows the steps of a recipe, or of a plan that is compiled already, as they are reported. */
export function runProgress({ expect, show }: ProgressLine, run: Run, { isCompiled = false } = {}): RunProgress {
  const texts = textsOf(run).map(({ corpus, split }) => `${corpus}.${split}`);
  const titles = [...texts.map((text) => `tokenize ${text}`), ...(isCompiled ? [] : ["compile"])];
  const before: readonly RunStep[] = titles.map((title) => ({ title, work: null }));
  const phases = phasesOf(run);
  const graphs = new Set(run.steps.map(({ program }) => program)).size;
  let works: readonly Waits[] | null = null;
  let compiled = 0;
  const expected = (): void =>
    expect([...before, ...phases.map(({ title, from, to }) => ({ title, work: works && sum(works.slice(from, to)) }))]);
  expected();
  return {
    tokenizing: ({ corpus, split }, done) => show({ step: texts.indexOf(`${corpus}.${split}`), done, where: [] }),
    compiling: () => show({ step: texts.length, done: Math.min(1, compiled++ / graphs), where: [] }),
    planned: (plan) => {
      works = waitsOf(plan);
      expected();
    },
    running: ({ step, what, done }) => {
      const at = phases.findIndex(({ to }) => step < to);
      const phase = phases[at];
      if (phase === undefined) return;
      const layer = run.steps[step]?.part.layer ?? null;
      const where = [...(layer === null ? [] : [`layer ${layer + 1}/${phase.layers}`]), what];
      show({ step: before.length + at, done: shareDone(phase, works ?? [], step, done), where });
    },
  };
}

/** Steps in a row that people see as one: of a stage, of an evaluation, or the saving, which comes after all steps. */
interface Phase {
  readonly title: string;
  readonly from: number;
  readonly to: number;
  /** How many blocks it goes through. */
  readonly layers: number;
}

function phasesOf({ steps, save }: Run): readonly Phase[] {
  const phases: Phase[] = [];
  for (const [i, { part }] of steps.entries()) {
    if (part.of === "") continue;
    const title = part.stage === null ? titleOf(part) : `stage ${part.of}`;
    const last = phases.at(-1);
    const isSame = last?.title === title && (part.stage !== null || part.what !== "embedding");
    const { from, layers } = isSame ? last : { from: i, layers: 0 };
    phases.splice(isSame ? -1 : phases.length, 1, {
      ...{ title, from, to: i + 1 },
      layers: Math.max(layers, (part.layer ?? -1) + 1),
    });
  }
  if (save === null) return phases;
  const title = `save ${save.of}`;
  const last = phases.at(-1);
  const begun = last?.title === title ? phases.splice(-1)[0] : undefined;
  return [...phases, { title, from: steps.length, layers: 0, ...begun, to: steps.length + 1 }];
}

/** How much of a phase is done, by the work of its steps. */
function shareDone({ from, to }: Phase, works: readonly Waits[], step: number, done: number): number {
  const costs = works.slice(from, to).map(({ compute, disk }) => compute + disk + 1);
  const total = (some: readonly number[]): number => some.reduce((all, cost) => all + cost, 0);
  const current = costs[step - from] ?? 0;
  return costs.length === 0 ? done : (total(costs.slice(0, step - from)) + done * current) / total(costs);
}
