/** How well a model predicts a text, by the recipe `std/evaluate`, and how far another one is from it, by `std/compare`. */
import { type Flags, given } from "./flags.ts";
import { openRecipe, readRecipe } from "./recipe.ts";
import { compileAndRun, type RunPlaces } from "./run.ts";
import { indistinguishable, type Mean } from "./statistics.ts";

export interface TextEvaluation {
  /** Nats per token, and its standard error, from the spread of the windows' means; NaN of one. */
  readonly mean_nll: number;
  readonly standard_error: number;
  readonly perplexity: number;
  readonly tokens: number;
  readonly windows: number;
  readonly length: number;
  readonly kl?: Divergence;
}

/** KL(MODEL ‖ OTHER) of the predicted tokens, in nats, and what else two models have between them. */
export interface Divergence extends Statistics {
  /** The share of tokens of which both find the same likeliest. */
  readonly same_top: Statistics;
  /** Those of OTHER. */
  readonly mean_nll: number;
  readonly nll_error: number;
  readonly perplexity: number;
  /** ln of OTHER's perplexity over MODEL's, with the standard error of the pairs. */
  readonly log_ratio: Statistics & { readonly indistinguishable: boolean };
  /** Of the losses. */
  readonly correlation: number;
  /** By how much OTHER finds the tokens that come likelier. */
  readonly change: Statistics;
}

interface Statistics extends Mean {
  readonly maximum?: number;
  readonly root_mean_square?: number;
  readonly percentiles?: Readonly<Record<string, number>>;
}

/** The numbers, and what was said of the models and the text. */
export async function evaluateText(
  flags: Flags,
  options: RunPlaces,
): Promise<{ readonly found: TextEvaluation; readonly notes: readonly string[] }> {
  const recipe = given(flags, "against") === undefined ? "std/evaluate" : "std/compare";
  const open = await openRecipe(readRecipe(recipe, given(flags, "arch")), flags);
  const { corpora, plan: made, result, notes } = await compileAndRun(open, flags, options);
  const measured = (text: string): number => {
    const report = result.reports.find((each) => each.text.startsWith(text));
    if (report === undefined) throw new Error(`${recipe} does not report ${text}`);
    return report.value;
  };
  const [windows] = made.windows;
  if (windows === undefined) throw new Error(`${recipe} evaluates nothing`);
  const { corpus, split, count, length } = windows;
  const errorOf = (model: string): number => (count > 1 ? measured(`standard_error(${model}`) : Number.NaN);
  const found = {
    mean_nll: measured("mean_nll(model"),
    standard_error: errorOf("model"),
    perplexity: measured("perplexity(model"),
    tokens: corpora.get(corpus)?.[split]?.length ?? 0,
    windows: count,
    length,
    ...(recipe === "std/compare" && { kl: divergence(measured, errorOf("against")) }),
  };
  return { found, notes };
}

function divergence(measured: (text: string) => number, nll_error: number): Divergence {
  const meanOf = (of: string): Mean => ({
    mean: measured(`mean(${of},`),
    standard_error: measured(`mean_error(${of},`),
  });
  const percentilesOf = (of: string) => ({
    percentiles: Object.fromEntries(percents.map((percent) => [percent, measured(`quantile(${of}, ${percent},`)])),
  });
  const ratio = meanOf("log_ratio");
  return {
    ...meanOf("kl"),
    maximum: measured("max(kl,"),
    ...percentilesOf("kl"),
    same_top: meanOf("same_top"),
    mean_nll: measured("mean_nll(against"),
    nll_error,
    perplexity: measured("perplexity(against"),
    log_ratio: { ...ratio, indistinguishable: indistinguishable(ratio) },
    correlation: measured("correlation("),
    change: { ...meanOf("change"), root_mean_square: measured("sqrt(mean(change^2"), ...percentilesOf("change") },
  };
}

/** Those that llama.cpp prints. */
const percents = ["99.9%", "99%", "95%", "90%", "50%", "10%", "5%", "1%", "0.1%"];
