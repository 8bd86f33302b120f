/** Recipes in texts, bound to the headers of small models. */
import { loadRecipe, outline } from "../../compiler/compile.ts";
import { parseArgument } from "../../compiler/recipe/load-recipe.ts";
import { problemsFrom } from "../given/problems.ts";
import { models } from "../language/broken-models.ts";
import { hostWith } from "../language/run.ts";

interface Given {
  readonly arguments?: Readonly<Record<string, string>>;
  readonly model?: string;
  /** Tokens in each part of the text; by default 1000. */
  readonly tokens?: number;
}

/** A recipe in a text, checked. */
export const loaded = (source: string) => loadRecipe(hostWith({ "own.lcomp": source }), "own.lcomp");

/** A recipe bound to one of the models of check-models.ts. */
export function bound(source: string, { arguments: given = {}, model = "plain", tokens = 1000 }: Given = {}) {
  const recipe = loaded(source);
  const parameters = recipe.parameters.flatMap((parameter) => {
    const text = given[parameter.name];
    return text === undefined ? [] : [[parameter.name, parseArgument(parameter, text)] as const];
  });
  const facts = models[model];
  return outline(recipe, {
    parameters: new Map(parameters),
    models: new Map(facts ? [["model", facts]] : []),
    corpora: new Map([["text", { tokens: { train: tokens, validation: tokens, test: tokens } }]]),
  });
}

/** The ids of what is wrong once the model is known. */
export const problems = (source: string, given: Given = {}): readonly string[] =>
  problemsFrom(() => bound(source, given)).map(({ id }) => id);

/** What is measured, as far as it is known without a run. */
export const values = (source: string, given: Given = {}) => bound(source, given).typed.measures;

export const halve = "method halve(by: Float = 2) on linear(w: f32[out, in]) { w / by }\n";
export const recipe = (body: string, more = "") => `recipe trial(model: Model, text: Corpus${more}) {\n${body}\n}\n`;
