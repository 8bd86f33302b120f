/** `lcomp eval`: the perplexity of a model, by the recipe `std/evaluate`. */
import type { CommandModule } from "yargs";
import { budgetFlags } from "./budget.ts";
import { declare, type Flags, flag, value } from "./flags.ts";
import { interruptible } from "./interrupt.ts";
import { openRecipe, readRecipe } from "./recipe.ts";
import { compileAndRun } from "./run.ts";
import { lines, printResult } from "./terminal.ts";

interface Evaluation {
  readonly mean_nll: number;
  readonly standard_error: number;
  readonly perplexity: number;
  readonly tokens: number;
  readonly windows: number;
  readonly length: number;
  /** What is said of the model. */
  readonly notes: readonly string[];
}

export const evalCommand: CommandModule<object, Flags> = {
  command: "eval <MODEL>",
  describe: "Measure how well a model predicts a text",
  builder: (yargs) =>
    declare(yargs.positional("MODEL", { type: "string", describe: "a model's folder" }), {
      text: value("a .txt or .jsonl file, or a folder with a test file", { demandOption: true }),
      length: value("tokens in a window", { defaultDescription: "the model's context, at most 2048" }),
      json: flag("print the numbers as JSON"),
      quiet: flag("no progress"),
      ...budgetFlags,
    }),
  handler: async (flags) => {
    const asked = { ...flags, model: flags["MODEL"] };
    const found = await interruptible(
      (signal) => evaluate(asked, signal),
      () => undefined,
    );
    const { notes, ...numbers } = found;
    const shown = Object.entries(numbers).map(([name, number]) => [name, String(Number(number.toPrecision(7)))]);
    printResult(flags, { ...numbers, notes }, () =>
      lines(...shown.map(([name = "", number]) => `${name.padEnd(14)}  ${number}`)),
    );
  },
};

async function evaluate(flags: Flags, signal: AbortSignal): Promise<Evaluation> {
  const open = await openRecipe(readRecipe("std/evaluate"), flags);
  const { corpora, plan: made, result, notes } = await compileAndRun(open, flags, { output: null, signal });
  const measured = (name: string): number => {
    const report = result.reports.find(({ of }) => of?.measure === name);
    if (report === undefined) throw new Error(`std/evaluate does not report ${name}`);
    return report.value;
  };
  const [windows] = made.windows;
  if (windows === undefined) throw new Error("std/evaluate evaluates nothing");
  const { corpus, split, count, length } = windows;
  return {
    mean_nll: measured("mean_nll"),
    standard_error: measured("standard_error"),
    perplexity: measured("perplexity"),
    tokens: corpora.get(corpus)?.[split]?.length ?? 0,
    windows: count,
    length,
    notes,
  };
}
