/** The steps of a whole run, from the texts to the result, and the moments of each as they come from those who do the work. */

import type { Outline } from "../../compiler/compile.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { Plan, Split } from "../../compiler/plan/plan.ts";
import type { GraphStep } from "../../compiler/recipe/graphs.ts";
import type { Progress } from "../run/session.ts";
import type { ProgressLine, RunStep } from "./progress.ts";
import { type Work, workOf } from "./time-to-go.ts";

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
  const titles = outline.steps.map(titleOf);
  const place = titles.map((_, i) => before.length + titles.slice(0, i).filter((title) => title !== null).length);
  const expected = (works: readonly Work[] | null): void =>
    expect([...before, ...titles.flatMap((title, i) => (title === null ? [] : [{ title, work: works?.[i] ?? null }]))]);
  const graphs = new Set(outline.steps.flatMap(graphsOf)).size;
  let compiled = 0;
  expected(null);
  return {
    tokenizing: ({ corpus, split }, done) => show({ step: texts.indexOf(`${corpus}.${split}`), done, where: [] }),
    compiling: () => show({ step: texts.length, done: Math.min(1, compiled++ / graphs), where: [] }),
    planned: (plan) => expected(workOf(plan)),
    running: ({ step, layer, layers, what, done }) =>
      show({
        step: place[step] ?? 0,
        done,
        where: [...(layer === null ? [] : [`layer ${layer + 1}/${layers}`]), what],
      }),
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
