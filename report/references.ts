/** What others have for the same: PyTorch of the same models, and papers of other ones. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Row, root } from "./rows.ts";

/** Where the script is that records what PyTorch finds, from the root. */
export const scriptPath = "test/peers/results.py";

/** By the names of models, and of rows without their model's; `given` is the model as it is. Of what is swept there are spreads. */
type Recorded = Readonly<
  Record<"perplexities" | "spreads", Readonly<Record<string, Readonly<Record<string, number>>>>>
>;

const recorded = JSON.parse(readFileSync(join(root, scriptPath.replace(/py$/, "json")), "utf8")) as Recorded;

/** The perplexity that PyTorch finds for the same method, model and windows, and how much of its logarithm is left to rounding. */
export interface Reference {
  readonly perplexity: number;
  readonly spread: number;
}

/** Undefined where it was not asked. */
export function referenceOf({ name, model }: Pick<Row, "name" | "model">): Reference | undefined {
  const own = name.slice(model.name.length + 1);
  const perplexity = recorded.perplexities[model.name]?.[own];
  return perplexity === undefined ? undefined : { perplexity, spread: recorded.spreads[model.name]?.[own] ?? 0 };
}

/** Of the model as it is given. */
export const givenReference = (model: string): number | undefined => recorded.perplexities[model]?.["given"];

/** Perplexities on WikiText-2 that a paper has of a model, as it is given and as a method makes it. */
export interface PaperFigure {
  /** The name of a row with the same method, tried at what is nearest to the paper's. */
  readonly row: string;
  readonly at: string;
  readonly model: string;
  readonly given: number;
  readonly made: number;
  /** Where it stands. */
  readonly source: string;
}

const wanda = { model: "Llama-2-7B", given: 5.12, source: "Sun et al., arXiv:2306.11695" };
const awq = { model: "Llama-2-7B", given: 5.47, source: "Lin et al., arXiv:2306.00978" };
const sparsegpt = { model: "OPT-125M", given: 27.66, source: "Frantar & Alistarh, arXiv:2301.00774" };

export const paperFigures: readonly PaperFigure[] = [
  { row: "smollm2-magnitude-sparsity50", at: "50 %", made: 193, ...sparsegpt },
  { row: "smollm2-magnitude-sparsity50", at: "50 %", made: 14.89, ...wanda },
  { row: "smollm2-magnitude-sparsity2of4", at: "2:4", made: 54.59, ...wanda },
  { row: "smollm2-wanda-sparsity50", at: "50 %", made: 6.42, ...wanda },
  { row: "smollm2-wanda-sparsity2of4", at: "2:4", made: 11.02, ...wanda },
  { row: "smollm2-sparsegpt-sparsity50", at: "50 %", made: 36.85, ...sparsegpt },
  { row: "smollm2-sparsegpt-sparsity50", at: "50 %", made: 6.51, ...wanda },
  { row: "smollm2-sparsegpt-sparsity2of4", at: "2:4", made: 10.17, ...wanda },
  { row: "smollm2-rtn-bits4-every64", at: "4 bits, groups of 128", made: 5.73, ...awq },
  { row: "smollm2-rtn-bits3-every64", at: "3 bits, groups of 128", made: 6.66, ...awq },
  { row: "smollm2-gptq-bits3-every64", at: "3 bits, groups of 128", made: 6.43, ...awq },
  { row: "smollm2-awq-bits4-every64", at: "4 bits, groups of 128", made: 5.6, ...awq },
  { row: "smollm2-awq-bits3-every64", at: "3 bits, groups of 128", made: 6.24, ...awq },
];
