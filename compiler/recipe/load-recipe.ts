/** A recipe from outside: its parameters, which are flags of the command line, and their arguments. */
import type * as Ast from "../../grammar/ast.ts";
import { CompileError } from "../../grammar/diagnostic.ts";
import { expressionIn } from "../../grammar/parse.ts";
import { textAt } from "../../grammar/source.ts";
import type { ResolvedModule } from "../language/resolve.ts";

/** A recipe that was parsed and checked as far as that goes without a model. */
export interface LoadedRecipe {
  readonly recipe: Ast.Recipe;
  readonly name: string;
  readonly doc: string;
  readonly parameters: readonly RecipeParameter[];
  /** That of the recipe last. */
  readonly modules: readonly ResolvedModule[];
}

/** Whether a parameter of that type names what is read from disk. */
export const isInput = (type: string): type is "Model" | "Corpus" | "Task" =>
  type === "Model" || type === "Corpus" || type === "Task";

/** A recipe's parameter is a command-line flag; `type` and `fallback` as written. */
export interface RecipeParameter {
  readonly name: string;
  readonly type: string;
  readonly doc: string;
  readonly fallback: string | null;
}

/**
 * Names that no parameter of a recipe may have: the flags of the commands that take recipes, and what their parser calls the rest
 * of the command line.
 */
export const reservedParameters: readonly string[] = [
  ...[
    "PLAN",
    "RECIPE",
    "_",
    "arch",
    "device",
    "emit",
    "force",
    "gpu-memory",
    "h",
    "hash-weights",
    "help",
    "json",
    "memory",
    "out",
  ],
  ...["output", "quiet", "report", "store", "store-limit", "verify", "version"],
];

/** Whether a flag of this name would be something else: one of our own, or what every JavaScript object has. */
export const isReserved = (name: string): boolean => reservedParameters.includes(name) || name in Object.prototype;

/** The recipe of a checked file, the last of its modules; of several recipes, the last. */
export function recipeIn(modules: readonly ResolvedModule[], path: string): LoadedRecipe {
  const main = modules.at(-1);
  const recipe = main?.tree.declarations.findLast((declaration) => declaration.kind === "recipe");
  if (!recipe)
    throw new CompileError([
      {
        id: "no-recipe",
        title: `${path} declares no recipe`,
        labels: main ? [{ span: { file: main.tree.file, start: 0, end: 0 }, text: "" }] : [],
        hint: "a recipe begins `recipe name(model: Model, text: Corpus) {`",
      },
    ]);
  const parameters = recipe.parameters.map(({ name, type, doc, value }) => ({
    name: name.text,
    type: type ? textAt(type.span) : "",
    doc,
    fallback: value ? textAt(value.span) : null,
  }));
  return { recipe, name: recipe.name.text, doc: recipe.doc, parameters, modules };
}

/** An argument from the command line, read as the recipe would write it: `50%`, `2:4`, `1e-3`; a `Text` is taken as it is. */
export function parseArgument({ name, type }: RecipeParameter, text: string): Ast.Expression {
  const file = { path: `--${name}`, text: `fn ${name}() =\n${text}` };
  const span = { file, start: file.text.length - text.length, end: file.text.length };
  if (type === "Text") return { kind: "string", value: text, span };
  const meant = meantBy(type, text);
  const value = meant === undefined ? expressionIn(file) : undefined;
  if (value) return value;
  throw new CompileError([
    {
      id: "wrong-parameter",
      title: `\`--${name}\` needs one value, of type \`${type}\``,
      labels: [{ span, text: "this is not one value" }],
      hint: meant ?? "values are written as in a recipe: `50%`, `2:4`, `1e-3`, `true`",
    },
  ]);
}

/** What was probably meant by an argument that is none, or another one than it looks like. */
function meantBy(type: string, text: string): string | undefined {
  const [, share] = /^(\d+(?:\.\d+)?)\s+%$/.exec(text) ?? [];
  if (share !== undefined) return `did you mean \`${share}%\`?`;
  if (/^\d+,\d+$/.test(text)) return `did you mean \`${text.replace(",", ".")}\`?`;
  const [, keep, of] = /^(\d+)\s*\/\s*(2|4|8|16|32)$/.exec(type === "Sparsity" ? text : "") ?? [];
  if (keep === undefined || of === undefined) return undefined;
  return `\`${keep}:${of}\` keeps ${keep} of every ${of} neighbours, \`${(100 * Number(keep)) / Number(of)}%\` is a share to remove`;
}
