/** The steps of a whole run, from the texts to the result, and the moments of each as they come from those who do the work. */

import { showBytes } from "../../compiler/plan/bytes.ts";
import { isTaskPart, type Plan, type Split, type WindowsRecord } from "../../compiler/plan/plan.ts";
import { beforeSaving, type SaveRecord, type Step, titleOf } from "../../compiler/plan/step.ts";
import { workOf } from "../../compiler/plan/work.ts";
import type { Told } from "../run/session.ts";
import { showCount } from "./needs-table.ts";
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
  readonly running: (moment: Told) => void;
}

/** What an outline and a plan say of a run alike. */
interface Run {
  readonly windows: readonly Pick<WindowsRecord, "corpus" | "split">[];
  readonly steps: readonly Pick<Step<unknown>, "program" | "part">[];
  readonly saves: readonly SaveRecord[];
}

/** The splits of texts that a recipe reads, each once, in the order of their use. */
export function textsOf({ windows }: Pick<Run, "windows">): readonly TextSplit[] {
  const texts = windows.flatMap(({ corpus, split }) => (isTaskPart(split) ? [] : [{ corpus, split }]));
  return [...new Map(texts.map((text) => [`${text.corpus}.${text.split}`, text])).values()];
}

/** Shows the steps of a recipe, or of a plan that is compiled already, as they are reported. */
export function runProgress(
  { expect, show }: ProgressLine,
  run: Run,
  { isCompiled = false, now = () => performance.now() / 1000 } = {},
): RunProgress {
  const texts = textsOf(run).map(({ corpus, split }) => `${corpus}.${split}`);
  const titles = [...texts.map((text) => `tokenize ${text}`), ...(isCompiled ? [] : ["compile"])];
  const before: readonly RunStep[] = titles.map((title) => ({ title, work: null }));
  let course = courseOf(run);
  const graphs = new Set(run.steps.map(({ program }) => program)).size;
  let works: readonly Waits[] | null = null;
  let rateAt: Rate = () => null;
  let compiled = 0;
  const expected = (): void =>
    expect([
      ...before,
      ...course.phases.map(({ title, steps }) => ({
        title,
        work: works && sum(steps.flatMap((step) => works?.[step] ?? [])),
      })),
    ]);
  expected();
  return {
    tokenizing: ({ corpus, split }, done) => show({ step: texts.indexOf(`${corpus}.${split}`), done, where: [] }),
    compiling: () => show({ step: texts.length, done: Math.min(1, compiled++ / graphs), where: [] }),
    planned: (plan) => {
      course = courseOf(plan); // of which the outline lacks what hangs on the number of windows
      works = waitsOf(plan);
      rateAt = rateOf(
        workOf(plan).map(({ operations }) => operations),
        now,
      );
      expected();
    },
    running: ({ step, what, done, gpu }) => {
      const at = course.places.get(step) ?? -1;
      const phase = course.phases[at];
      if (phase === undefined) return;
      const layer = course.steps[step]?.part.layer ?? null;
      const rate = rateAt(at, step, done);
      const where = [
        ...(layer === null ? [] : [`layer ${layer + 1}/${phase.layers}`]),
        ...[what, `${showBytes(gpu)} on the GPU`],
        ...(rate === null ? [] : [`${showCount(rate)} operations/s`]),
      ];
      show({ step: before.length + at, done: shareDone(phase, works ?? [], step, done), where });
    },
  };
}

/** A run with its phases, and the place among them of each step. */
interface Course extends Run {
  readonly phases: readonly Phase[];
  readonly places: ReadonlyMap<number, number>;
}

function courseOf(run: Run): Course {
  const phases = phasesOf(run);
  const places = new Map(phases.flatMap(({ steps }, place) => steps.map((step) => [step, place] as const)));
  return { ...run, phases, places };
}

/** Operations a second in a phase, by the moments that are told of it in order: a step that is passed by is not among them. */
type Rate = (phase: number, step: number, done: number) => number | null;

/** The rate is told once a phase has gone on for a second. */
function rateOf(operations: readonly number[], now: () => number): Rate {
  let current = { phase: -1, begin: 0, computed: 0, step: -1, done: 0 };
  return (phase, step, done) => {
    if (phase !== current.phase) current = { phase, begin: now(), computed: 0, step, done: 0 };
    const { begin } = current;
    const rest = step === current.step ? -current.done : 1 - current.done;
    const before = rest * (operations[current.step] ?? 0);
    const computed = current.computed + before + done * (operations[step] ?? 0);
    current = { phase, begin, computed, step, done };
    const seconds = now() - begin;
    return seconds >= 1 && computed > 0 ? computed / seconds : null;
  };
}

/** What people see as one: the steps of a stage, of an evaluation, of what is saved, of its check. */
interface Phase {
  readonly title: string;
  /** By their places; numbers behind the steps stand for what is saved. */
  readonly steps: readonly number[];
  /** How many blocks it goes through. */
  readonly layers: number;
}

/** What is saved is written behind the steps that make it, if there are any, and in front of those that check it. */
function phasesOf({ steps, saves }: Run): readonly Phase[] {
  const phases: Phase[] = [];
  const add = (title: string, step: number, layer: number | null, isNew = false): void => {
    const last = phases.at(-1);
    const isSame = last?.title === title && !isNew;
    const { steps: own, layers } = isSame ? last : { steps: [], layers: 0 };
    const phase = { title, steps: [...own, step], layers: Math.max(layers, (layer ?? -1) + 1) };
    phases.splice(isSame ? -1 : phases.length, 1, phase);
  };
  const from = beforeSaving({ steps, saves });
  const titles = stageTitles(steps);
  const addSteps = (first: number, last: number): void => {
    for (const [i, { part }] of steps.slice(first, last).entries())
      if (part.stage !== null) add(titles.get(part.stage) ?? "", first + i, part.layer);
      else if (part.of !== "") add(titleOf(part), first + i, part.layer, part.what === "embedding" && !part.purpose);
  };
  addSteps(0, from);
  for (const [i, { of }] of saves.entries()) add(titleOf({ stage: null, of, purpose: "save" }), steps.length + i, null);
  addSteps(from, steps.length);
  return phases;
}

/** By the numbers of stages: those whose steps alternate, block by block, are called by the last of them. */
function stageTitles(steps: Run["steps"]): ReadonlyMap<number, string> {
  const titles = new Map<number, string>();
  const isGoingOn = (stage: number, from: number): boolean =>
    steps.slice(from).some(({ part }) => part.stage === stage);
  let open: number[] = [];
  for (const [at, { part }] of steps.entries()) {
    const { stage, of } = part;
    if (stage === null || titles.has(stage)) continue;
    open = open.filter((each) => isGoingOn(each, at));
    open.push(stage);
    for (const each of open) titles.set(each, `stage ${of}`);
  }
  return titles;
}

/** How much of a phase is done, by the work of its steps. */
function shareDone({ steps }: Phase, works: readonly Waits[], step: number, done: number): number {
  const costs = steps.map((each) => {
    const { compute = 0, disk = 0 } = works[each] ?? {};
    return compute + disk + 1;
  });
  const at = steps.indexOf(step);
  const total = (some: readonly number[]): number => some.reduce((all, cost) => all + cost, 0);
  return (total(costs.slice(0, at)) + done * (costs[at] ?? 0)) / total(costs);
}
