/** `lcomp explain`: what a problem means and how it is mended. */
import { explanationGroups, explanations, explanationText } from "../../compiler/problems/explanations.ts";
import { nearest } from "../../grammar/suggest.ts";
import { UserError } from "../user-error.ts";
import type { Command } from "./flags.ts";
import { lines, say, summary, widthOf } from "./terminal.ts";

export const explainCommand: Command = {
  builder: (yargs) => yargs.positional("PROBLEM", { type: "string", describe: "such as dimension-mismatch" }),
  handler: (flags) => {
    if (flags["PROBLEM"] === undefined) {
      say(process.stdout, showAll(widthOf(process.stdout)));
      return;
    }
    const problem = String(flags["PROBLEM"]).replace(/^\[(.*)\]$/, "$1");
    const text = explanationText(problem);
    if (text === undefined) {
      const near = nearest(problem, Object.keys(explanations));
      const hint = near === undefined ? "lcomp explain lists all" : `did you mean ${near}?`;
      throw new UserError(`there is no problem ${problem}; ${hint}`, { exitCode: 2 });
    }
    say(process.stdout, `${problem}\n\n${text}\n`);
  },
};

/** Every problem with the first sentence of its explanation, cut where the line ends. */
export function showAll(width: number): string {
  const names = Math.max(...Object.keys(explanations).map((id) => id.length));
  const groups = Object.entries(explanationGroups).map(([title, group]) =>
    lines(title, ...Object.entries(group).map(([id, { text }]) => summary(id, text, names, width))),
  );
  return `${groups.join("\n")}\n${lines("lcomp explain NAME says more of one, with a wrong and a right program")}`;
}
