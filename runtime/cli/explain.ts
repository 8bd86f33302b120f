/** `lcomp explain`: what a problem means and how it is mended. */
import type { CommandModule } from "yargs";
import { explanations, explanationText } from "../../compiler/explanations.ts";
import { nearest } from "../../grammar/suggest.ts";
import { UserError } from "../user-error.ts";
import type { Flags } from "./flags.ts";

export const explainCommand: CommandModule<object, Flags> = {
  command: "explain <PROBLEM>",
  describe: "Explain a problem by the name in brackets behind its message",
  builder: (yargs) => yargs.positional("PROBLEM", { type: "string", describe: "such as dimension-mismatch" }),
  handler: (flags) => {
    const problem = String(flags["PROBLEM"]).replace(/^\[(.*)\]$/, "$1");
    const text = explanationText(problem);
    if (text === undefined) {
      const near = nearest(problem, Object.keys(explanations));
      const hint = near === undefined ? "a message ends with its problem's name in brackets" : `did you mean ${near}?`;
      throw new UserError(`there is no problem ${problem}; ${hint}`, { exitCode: 2 });
    }
    process.stdout.write(`${problem}\n\n${text}\n`);
  },
};
