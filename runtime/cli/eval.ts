/** `lcomp eval`: the perplexity of a model, by the recipe `std/evaluate`, and how far another one is from it, by `std/compare`. */
import { budgetFlags } from "./budget.ts";
import { type Command, declare, type Flags, flag, given, value } from "./flags.ts";
import { interruptible } from "./interrupt.ts";
import { archFlag, openRecipe, readRecipe } from "./recipe.ts";
import { compileAndRun } from "./run.ts";
import { lines, printResult } from "./terminal.ts";

interface Evaluation {
  readonly mean_nll: number;
  readonly standard_error: number;
  readonly perplexity: number;
  readonly tokens: number;
  readonly windows: number;
  readonly length: number;
  readonly kl?: Divergence;
  /** What is said of the model. */
  readonly notes: readonly string[];
}

/** KL(MODEL ‖ OTHER) of the predicted tokens, in nats, and what else two models have between them. */
interface Divergence extends Statistics {
  /** The share of tokens of which both find the same likeliest. */
  readonly same_top: Statistics;
  /** That of OTHER. */
  readonly perplexity: number;
  /** ln of OTHER's perplexity over MODEL's, with the standard error of the pairs. */
  readonly log_ratio: Statistics;
  /** Of the losses. */
  readonly correlation: number;
  /** By how much OTHER finds the tokens that come likelier. */
  readonly change: Statistics;
}

interface Statistics {
  readonly mean: number;
  readonly standard_error: number;
  readonly maximum?: number;
  readonly root_mean_square?: number;
  readonly percentiles?: Readonly<Record<string, number>>;
}

export const evalCommand: Command = {
  builder: (yargs) =>
    declare(yargs.positional("MODEL", { type: "string", describe: "a model's folder or GGUF file" }), {
      text: value("a .txt or .jsonl file, or a folder with a test file", { demandOption: true }),
      against: value("another model: how far its predictions are from MODEL's, as KL(MODEL ‖ OTHER)"),
      length: value("tokens in a window", { defaultDescription: "the model's context, at most 2048" }),
      json: flag("print the numbers as JSON"),
      quiet: flag("no progress"),
      ...archFlag,
      ...budgetFlags,
    }),
  handler: async (flags) => {
    const asked = { ...flags, model: flags["MODEL"] };
    const found = await interruptible((signal) => evaluate(asked, signal));
    const { notes, ...numbers } = found;
    printResult(flags, { ...numbers, notes }, () => {
      const shown = flat(numbers);
      const width = Math.max(...shown.map(([name]) => name.length));
      return lines(...shown.map(([name, number]) => `${name.padEnd(width)}  ${Number(number.toPrecision(7))}`));
    });
  },
};

/** The numbers in an object, each by the names that lead to it. */
const flat = (of: object): readonly (readonly [name: string, number: number])[] =>
  Object.entries(of).flatMap(([name, value]: [string, number | object]) =>
    typeof value === "number"
      ? [[name, value] as const]
      : flat(value).map(([inner, n]) => [`${name} ${inner}`, n] as const),
  );

async function evaluate(flags: Flags, signal: AbortSignal): Promise<Evaluation> {
  const recipe = given(flags, "against") === undefined ? "std/evaluate" : "std/compare";
  const open = await openRecipe(readRecipe(recipe, given(flags, "arch")), flags);
  const { corpora, plan: made, result, notes } = await compileAndRun(open, flags, { output: null, signal });
  const measured = (text: string): number => {
    const report = result.reports.find((each) => each.text.startsWith(text));
    if (report === undefined) throw new Error(`${recipe} does not report ${text}`);
    return report.value;
  };
  const [windows] = made.windows;
  if (windows === undefined) throw new Error(`${recipe} evaluates nothing`);
  const { corpus, split, count, length } = windows;
  return {
    mean_nll: measured("mean_nll(model"),
    standard_error: measured("standard_error(model"),
    perplexity: measured("perplexity(model"),
    tokens: corpora.get(corpus)?.[split]?.length ?? 0,
    windows: count,
    length,
    ...(recipe === "std/compare" && { kl: divergence(measured) }),
    notes,
  };
}

function divergence(measured: (text: string) => number): Divergence {
  const meanOf = (of: string) => ({
    mean: measured(`mean(${of},`),
    standard_error: measured(`mean_error(${of},`),
  });
  const percentilesOf = (of: string) => ({
    percentiles: Object.fromEntries(percents.map((percent) => [percent, measured(`quantile(${of}, ${percent},`)])),
  });
  return {
    ...meanOf("kl"),
    maximum: measured("max(kl,"),
    ...percentilesOf("kl"),
    same_top: meanOf("same_top"),
    perplexity: measured("perplexity(against"),
    log_ratio: meanOf("log_ratio"),
    correlation: measured("correlation("),
    change: { ...meanOf("change"), root_mean_square: measured("sqrt(mean(change^2"), ...percentilesOf("change") },
  };
}

/** Those that llama.cpp prints. */
const percents = ["99.9%", "99%", "95%", "90%", "50%", "10%", "5%", "1%", "0.1%"];
