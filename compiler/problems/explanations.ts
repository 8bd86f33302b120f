/** What `lcomp explain` says of each problem. A test checks every program; a problem without an entry does not compile. */
import { type Explanation, shown } from "./explanation.ts";
import { effectExplanations } from "./explanations-effects.ts";
import { languageExplanations } from "./explanations-language.ts";
import { modelExplanations } from "./explanations-model.ts";
import { syntaxExplanations } from "./explanations-syntax.ts";

/** By what must be known to find the problem, then by its name. */
export const explanationGroups: Readonly<Record<string, Readonly<Record<string, Explanation>>>> = {
  "How a file is written": syntaxExplanations,
  "What a program means": languageExplanations,
  "What a model brings out": modelExplanations,
  "What stages do to one another": effectExplanations,
};

/** By the name that stands in brackets behind a message. */
export const explanations: Readonly<Record<string, Explanation>> = Object.assign(
  {},
  ...Object.values(explanationGroups),
);

/** The explanation of a problem as text for a terminal; undefined if there is no such problem. */
export function explanationText(id: string): string | undefined {
  const found = Object.hasOwn(explanations, id) ? explanations[id] : undefined;
  return found && shown(found);
}
