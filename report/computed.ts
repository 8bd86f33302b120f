/** What the commands of a row compute, from the headers of its model and the lengths of its texts. */
import { join } from "node:path";
import { outline } from "../compiler/compile.ts";
import { hash } from "../compiler/plan/sha256.ts";
import type { Question } from "../compiler/recipe/choice/trial-steps.ts";
import { taskRecipe } from "../runtime/cli/eval-tasks.ts";
import type { Flags } from "../runtime/cli/flags.ts";
import { factsOf, type OpenRecipe, openRecipe, outlining, readRecipe, readTexts } from "../runtime/cli/recipe.ts";
import { hashOfComputed } from "./hash-of-computed.ts";
import { meant } from "./places.ts";
import { isTaskRow, type Row, root } from "./rows.ts";

/** Its sha256. Of what answers questions, the given model, and the made one as its files will describe it. */
export async function computedBy(row: Row): Promise<string> {
  const [running = [], asking = []] = row.commands;
  const flags = flagsIn(running);
  const found: string[] = [];
  let open = await openRecipe(readRecipe(join(root, row.recipe)), flags);
  for (;;) {
    const { inputs } = await readTexts(open, flags, { note: () => undefined });
    found.push(hashOfComputed(outline(open.loaded, inputs), inputs.corpora));
    const { question } = open.outlined;
    if (question === null) break;
    const choices = new Map([...(open.inputs.choices ?? []), [question.stage.name, oneAfterTheOther(question)]]);
    open = await outlining(open, { ...open.inputs, choices }, open.outlined.notes);
  }
  if (isTaskRow(row)) found.push(await answersOf(open, flagsIn(asking)));
  return found.length > 1 ? hash(found.join(" ")) : (found[0] ?? "");
}

/** A choice in place of the one that nobody knows yet, in which every candidate is taken. */
const oneAfterTheOther = ({ stage: { candidates = [] }, units }: Question): ReadonlyMap<string, number> =>
  new Map(units.flatMap(({ tensors }, i) => tensors.map((tensor) => [tensor, i % candidates.length] as const)));

/** What `eval` computes of a recipe's model and of what becomes of it. */
async function answersOf({ models, inputs }: OpenRecipe, flags: Flags): Promise<string> {
  const [given] = models.values();
  const [made] = inputs.saved?.values() ?? [];
  if (given === undefined || made === undefined) throw new Error("the recipe of a task's row saves no model");
  const facts = new Map([
    ["model", factsOf(given)],
    ["against", made],
  ]);
  const { recipe, read } = await taskRecipe([...facts.keys()], [given], flags, { note: () => undefined });
  const asked = outline(recipe.loaded, { parameters: new Map(), models: facts, corpora: read.facts });
  return hashOfComputed(asked, read.facts);
}

/** The flags of a command that have values. */
const flagsIn = (command: readonly string[]): Flags =>
  Object.fromEntries(
    command.flatMap((word, at) => {
      const value = command[at + 1];
      return word.startsWith("--") && value?.startsWith("--") === false ? [[word.slice(2), meant(value)]] : [];
    }),
  );
