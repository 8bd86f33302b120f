/** `lcomp eval`: how well a model predicts a text and answers the questions of tasks, and how far another one is from it. */
import { UserError } from "../user-error.ts";
import { budgetFlags, storeFlags } from "./budget.ts";
import { type Evaluation, showEvaluation } from "./eval-table.ts";
import { evaluateTasks } from "./eval-tasks.ts";
import { evaluateText } from "./eval-text.ts";
import { type Command, declare, type Flags, flag, given, several, value } from "./flags.ts";
import { inputsOfEvaluation } from "./inputs.ts";
import { interruptible } from "./interrupt.ts";
import { leave, openStore, placeFlags } from "./places.ts";
import { archFlag } from "./recipe.ts";
import type { RunPlaces } from "./run.ts";
import { printResult } from "./terminal.ts";

export const evalCommand: Command = {
  builder: (yargs) =>
    declare(yargs.positional("MODEL", { type: "string", describe: "a model's folder or GGUF file" }), {
      text: value("a .txt or .jsonl file, or a folder with a test file"),
      tasks: value(
        "questions with choices, a .jsonl: NAME=FILE in the form of the data set NAME, or FILE with { query, choices, answer }; several times for several tasks",
      ),
      against: value(
        "another model: how far its predictions are from MODEL's, as KL(MODEL ‖ OTHER), and which answers change",
      ),
      length: value("tokens in a window of the text", { defaultDescription: "the model's context, at most 2048" }),
      first: value("how many items of each task", { defaultDescription: "all" }),
      json: flag("print the numbers as JSON"),
      quiet: flag("no progress"),
      ...archFlag,
      ...budgetFlags,
      ...storeFlags,
      store: { ...placeFlags.store, defaultDescription: "none that stays" },
    }),
  handler: async (flags) => {
    const asked = { ...flags, model: flags["MODEL"] };
    requireAsked(asked);
    const place = openStore(inputsOfEvaluation(asked), asked);
    const work = (signal: AbortSignal): Promise<Evaluation> => evaluate(asked, { ...place, signal });
    const found = await interruptible(work, () => leave(place));
    leave(place);
    const models = ["model", "against"].flatMap((name) => given(asked, name) ?? []);
    const { notes, ...numbers } = found;
    printResult(flags, { ...numbers, notes }, (width) => showEvaluation(found, models, width));
  },
};

/** What is to be measured, and no flag that says more of what is not. */
function requireAsked(flags: Flags): void {
  const [text, tasks] = [given(flags, "text"), several(flags, "tasks")];
  if (text === undefined && tasks.length === 0)
    throw new UserError("eval needs a text or a task: add --text PATH or --tasks FILE; lcomp eval --help says more", {
      exitCode: 2,
    });
  for (const [name, of] of [
    ["length", "text"],
    ["first", "tasks"],
  ] as const)
    if (given(flags, name) !== undefined && flags[of] === undefined)
      throw new UserError(`--${name} is of --${of}, which is not given`, { exitCode: 2 });
}

async function evaluate(flags: Flags, options: RunPlaces): Promise<Evaluation> {
  const ofText = flags["text"] === undefined ? null : await evaluateText(flags, options);
  const ofTasks = flags["tasks"] === undefined ? null : await evaluateTasks(flags, options);
  return {
    ...ofText?.found,
    ...(ofTasks && { tasks: ofTasks.found }),
    notes: [...new Set([...(ofText?.notes ?? []), ...(ofTasks?.notes ?? [])])],
  };
}
