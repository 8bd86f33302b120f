/** The steps of a whole run, from the texts to the result, and the moments of each as they come from those who do the work. */

import type { Outline } from "../../compiler/compile.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { Plan, Split } from "../../compiler/plan/plan.ts";
import type { GraphStep } from "../../compiler/recipe/graphs.ts";
import type { Progress } from "../run/session.ts";
import type { Moment, ProgressLine, RunStep } from "./progress.ts";
import { sum, type Work, workOf } from "./time-to-go.ts";

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

/** The splits of texts that a recipe reads, each once, in the order of their use. */
export function textsOf({ typed }: Outline): readonly TextSplit[] {
  const used = typed.steps.flatMap((step) =>
    (step.kind === "stage" || step.kind === "evaluation") && step.windows !== null ? [step.windows] : [],
  );
  return [...new Map(used.map(({ corpus, split }) => [`${corpus}.${split}`, { corpus, split }])).values()];
}

/** Shows the steps of a recipe as they are reported. */
export function runProgress({ expect, show }: ProgressLine, outline: Outline): RunProgress {
  const texts = textsOf(outline).map(({ corpus, split }) => `${corpus}.${split}`);
  const before: readonly RunStep[] = [...texts.map((text) => `tokenize ${text}`), "compile"].map((title) => ({
    title,
    work: null,
  }));
  const outlined = outline.steps.flatMap((step) => titleOf(step) ?? []);
  const graphs = new Set(outline.steps.flatMap(graphsOf)).size;
  let compiled = 0;
  let jobs: readonly Job[] = [];
  expect([...before, ...outlined.map((title) => ({ title, work: null }))]);
  return {
    tokenizing: ({ corpus, split }, done) => show({ step: texts.indexOf(`${corpus}.${split}`), done, where: [] }),
    compiling: () => show({ step: texts.length, done: Math.min(1, compiled++ / graphs), where: [] }),
    planned: (plan) => {
      jobs = jobsOf(plan);
      expect([...before, ...jobs.map(({ title, steps }) => ({ title, work: sum(steps.map(({ work }) => work)) }))]);
    },
    running: (moment) => {
      const at = jobs.findIndex(({ steps }) => steps.some(({ step }) => step === moment.step));
      const job = jobs[at];
      if (job !== undefined) show({ step: before.length + at, ...within(job, moment) });
    },
  };
}

/** Steps of a plan that are one to people: those of a stage, those of an evaluation, saving. */
interface Job {
  readonly title: string;
  readonly steps: JobStep[];
}

interface JobStep {
  readonly step: number;
  readonly layer: number | null;
  readonly work: Work;
}

function jobsOf(plan: Plan): readonly Job[] {
  const works = workOf(plan);
  const jobs: (Job & { readonly key: string })[] = [];
  const add = (step: number, layer: number | null, title: string, key = title): void => {
    const last = jobs.at(-1);
    const job = last?.key === key ? last : { key, title, steps: [] };
    job.steps.push({ step, layer, work: works[step] ?? sum([]) });
    if (job !== last) jobs.push(job);
  };
  for (const [step, { over, part }] of plan.steps.entries()) {
    const { stage, of, layer } = part;
    if (stage !== null) add(step, layer, `stage ${of}`);
    else if (of !== "") add(step, layer, `evaluate ${of}`, `evaluate ${of} ${over}`);
  }
  if (plan.save) add(plan.steps.length, null, `save ${plan.save.of}`);
  return jobs;
}

/** How much of a job is done at a moment of one of its steps, and where that is. */
function within({ steps }: Job, { step: now, what, done }: Progress): Omit<Moment, "step"> {
  const share = (works: readonly Work[]): number => works.reduce((all, { compute, disk }) => all + compute + disk, 0);
  const past = steps.filter(({ step }) => step < now).map(({ work }) => work);
  const at = steps.flatMap(({ step, work }) => (step === now ? [work] : []));
  const all = Math.max(1, share(steps.map(({ work }) => work)));
  const layer = steps.find(({ step }) => step === now)?.layer ?? null;
  const layers = 1 + Math.max(0, ...steps.map((each) => each.layer ?? 0));
  return {
    done: (share(past) + done * share(at)) / all,
    where: [...(layer === null ? [] : [`layer ${layer + 1}/${layers}`]), what],
  };
}

/** What a step is called; null where it takes no time. */
function titleOf(step: GraphStep): string | null {
  switch (step.kind) {
    case "compress":
      return `stage ${step.stage}`;
    case "evaluate":
      return `evaluate ${step.of}`;
    case "measure":
      return null;
    case "save":
      return `save ${step.of}`;
  }
}

/** The graphs that the compiler makes programs of. */
function graphsOf(step: GraphStep): readonly Graph[] {
  switch (step.kind) {
    case "compress": {
      const own = step.blocks.flatMap(({ calibrate, targets }) => [...calibrate, ...targets.map(({ graph }) => graph)]);
      return [...own, ...(step.forward ? [step.forward.embed, ...step.forward.blocks] : [])];
    }
    case "evaluate":
      return [step.forward.embed, ...step.forward.blocks, step.head];
    case "measure":
      return step.graph.outputs.length > 0 ? [step.graph] : [];
    case "save":
      return [];
  }
}
