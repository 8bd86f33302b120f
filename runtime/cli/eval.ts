/** `lcomp eval`: how well a model predicts a text and answers the questions of tasks, and how far another one is from it. */
import { existsSync } from "node:fs";
import { parse } from "node:path";
import { UserError } from "../user-error.ts";
import { budgetFlags, storeFlags } from "./budget.ts";
import { type Evaluation, showEvaluation } from "./eval-table.ts";
import { evaluateTasks } from "./eval-tasks.ts";
import { evaluateText } from "./eval-text.ts";
import { evaluateWritten } from "./eval-written.ts";
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
      text: value(
        "a .txt or .jsonl file, or a folder with a test file; NAME=PATH several times for texts of several domains",
      ),
      tasks: value(
        "questions with choices, a .jsonl: NAME=FILE in the form of the data set NAME, or FILE with { query, choices, answer }; several times for several tasks",
      ),
      generate: value(
        "a .jsonl of which the model writes the rest: { query, answers }, { query, choices, answer }, { query, reference } or { prompt }; several times for several files",
      ),
      tokens: value("how many tokens it writes of each", { defaultDescription: "32" }),
      compat: value("llm-kick: count answers as its code does, too"),
      against: value(
        "another model: how far its predictions are from MODEL's, as KL(MODEL ‖ OTHER), which answers change, and what MODEL finds of what it writes",
      ),
      length: value("tokens in a window of the text", { defaultDescription: "the model's context, at most 2048" }),
      filler: value(
        "for --tasks retrieval=FILE, { before, fact, query, choices, answer }: a text of which sentences stand around the fact",
      ),
      lengths: value("tokens that fact, filler and question have together, 128,256", {
        defaultDescription: "a quarter, half and all of the model's context, at most 2048",
      }),
      depths: value("shares of the filler that stand before the fact", { defaultDescription: "0%,25%,50%,75%,100%" }),
      first: value("how many items of each task or file", { defaultDescription: "all" }),
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
    const texts = namedTexts(several(asked, "text"));
    const place = openStore(inputsOfEvaluation({ ...asked, text: [...texts.values()] }), asked);
    const work = (signal: AbortSignal): Promise<Evaluation> => evaluate(texts, asked, { ...place, signal });
    const found = await interruptible(work, () => leave(place));
    leave(place);
    const models = ["model", "against"].flatMap((name) => given(asked, name) ?? []);
    const { notes, ...numbers } = found;
    printResult(flags, { ...numbers, notes }, (width) => showEvaluation(found, models, width));
  },
};

/** What is to be measured, and no flag that says more of what is not. */
function requireAsked(flags: Flags): void {
  const isAsked = (name: string): boolean => several(flags, name).length > 0;
  if (!["text", "tasks", "generate"].some(isAsked))
    throw new UserError("eval needs a text or a task: add --text PATH or --tasks FILE; lcomp eval --help says more", {
      exitCode: 2,
    });
  for (const [name, ...of] of [
    ["length", "text"],
    ["first", "tasks", "generate"],
    ["tokens", "generate"],
    ["compat", "generate"],
    ["filler", "tasks"],
    ["lengths", "filler"],
    ["depths", "filler"],
  ] as const)
    if (given(flags, name) !== undefined && !of.some(isAsked))
      throw new UserError(`--${name} is of --${of[0]}, which is not given`, { exitCode: 2 });
}

/** Each text by its name: one that is given alone has none, of several each is called as its file. */
function namedTexts(texts: readonly string[]): ReadonlyMap<string, string> {
  const named = texts.map((text) => {
    const [, name, path = text] = (!existsSync(text) && /^(\w+)=(.+)$/.exec(text)) || [];
    return [name ?? (texts.length > 1 ? parse(path).name : ""), path] as const;
  });
  const [twice] = named.filter(([name], i) => named.findIndex(([other]) => other === name) < i);
  if (twice)
    throw new UserError(`two texts are called ${twice[0]}; name one: --text OTHER=${twice[1]}`, { exitCode: 2 });
  return new Map(named);
}

async function evaluate(texts: ReadonlyMap<string, string>, flags: Flags, options: RunPlaces): Promise<Evaluation> {
  const ofTexts = new Map<string, Awaited<ReturnType<typeof evaluateText>>>();
  for (const [name, text] of texts) ofTexts.set(name, await evaluateText({ ...flags, text }, options));
  const ofTasks = flags["tasks"] === undefined ? null : await evaluateTasks(flags, options);
  const written = flags["generate"] === undefined ? null : await evaluateWritten(flags, options);
  const named = [...ofTexts].flatMap(([name, { found }]) => (name === "" ? [] : [[name, found] as const]));
  return {
    ...ofTexts.get("")?.found,
    ...(named.length > 0 && { texts: Object.fromEntries(named) }),
    ...(ofTasks && { tasks: ofTasks.found }),
    ...(written && { written: written.found }),
    notes: [...new Set([...ofTexts.values(), ofTasks, written].flatMap((found) => found?.notes ?? []))],
  };
}
