/** A recipe on the command line: its parameters are flags, and what they name is opened and described to the compiler. */
import type { Argv, Options } from "yargs";
import type { Observe } from "../../compiler/artifacts.ts";
import { type CompileInputs, loadRecipe, type Outline, outline, withCheck } from "../../compiler/compile.ts";
import type { ModelFacts } from "../../compiler/model/facts.ts";
import { isInput, type LoadedRecipe, parseArgument, type RecipeParameter } from "../../compiler/recipe/load-recipe.ts";
import { readable } from "../../grammar/render.ts";
import { adapterConfigName } from "../io/adapter.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import { UserError } from "../user-error.ts";
import { declare, type Flags, given, value } from "./flags.ts";
import { type Entry, entryFor, entryWith, libraryHost, placed, translated } from "./host.ts";
import { openModel } from "./models.ts";
import { showProblems } from "./report.ts";
import { factsToBe } from "./saved-facts.ts";
import { paragraphs, say } from "./terminal.ts";
import { type EncodedTexts, type EncodeOptions, encodeNamed, readTasks } from "./texts.ts";

/** A recipe that has been read, and how its messages are shown. */
export interface RecipeEntry {
  readonly loaded: LoadedRecipe;
  readonly shown: Entry["shown"];
}

/** A recipe with its models opened. */
export interface OpenRecipe extends RecipeEntry {
  readonly models: ReadonlyMap<string, Checkpoint>;
  readonly tasks: EncodedTexts;
  /** Without the texts: how many windows they have is open. */
  readonly inputs: CompileInputs;
  /** What it would do with them. */
  readonly outlined: Outline;
}

/** The flag of commands that take a model. */
export const archFlag = {
  arch: value("a .lcomp file with an architecture of one's own, which comes before the library's"),
};

/** Reads a recipe: a path, or `std/…`; and the architectures that come before the library's. */
export function readRecipe(path: string, arch?: string, observe?: Observe): RecipeEntry {
  if (path.endsWith(".json"))
    throw new UserError(`${path} is no recipe: lcomp apply carries out plans`, { exitCode: 2 });
  return recipeOf(entryFor(path), arch, observe);
}

/** Reads the recipe that an entry leads to. */
export function recipeOf(entry: Entry, arch?: string, observe?: Observe): RecipeEntry {
  const { host, module, shown } = entryWith(entry, arch);
  const loaded = translated(shown, () => loadRecipe(host, module, observe));
  const own = loaded.modules.find(({ name }) => host.architectures?.includes(name));
  if (own && !own.tree.declarations.some(({ kind }) => kind === "arch"))
    throw new UserError(`${arch} declares no architecture`, { exitCode: 2 });
  return { loaded, shown };
}

/** The flags of the recipe that the arguments name, with its doc comments as their help; none if they name no recipe. */
export function recipeFlags(yargs: Argv, args: readonly string[]): Argv {
  const path = fileIn(args, ".lcomp");
  if (path === undefined) return yargs;
  const { loaded } = readRecipe(path, valueIn(args, "arch"));
  const flags = loaded.parameters.map((parameter) => [parameter.name, flagOf(parameter)] as const);
  return declare(yargs, Object.fromEntries(flags))
    .group([...loaded.parameters.map(({ name }) => name)], `Parameters of ${loaded.name}:`)
    .epilogue(paragraphs(loaded.doc));
}

/** The arguments after the command: the first that ends so, else the first that is no flag and no flag's value. */
export function fileIn(args: readonly string[], ending: string): string | undefined {
  const rest = args.slice(1);
  const named = rest.find((arg) => arg.endsWith(ending) && !arg.startsWith("-"));
  const isValue = (at: number): boolean =>
    /^--(?!json$|quiet$|force$|verify$|hash-weights$)[^=]+$/.test(rest[at - 1] ?? "");
  return named ?? rest.find((arg, at) => !arg.startsWith("-") && !isValue(at));
}

/** The value of a flag, before the arguments are read. */
function valueIn(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(`--${name}`);
  const joined = args.find((arg) => arg.startsWith(`--${name}=`));
  return at < 0 ? joined?.slice(name.length + 3) : args[at + 1];
}

/** What is asked for where a parameter has no doc comment. */
export const asked = {
  Model: "a model's folder or GGUF file",
  Corpus: "a text, or a folder of texts",
  Task: "a task: NAME=FILE, or a file of { query, choices, answer }",
};

function flagOf({ type, doc, fallback }: RecipeParameter): Options {
  const said = paragraphs(doc).trimEnd();
  const describe = isInput(type) ? said || asked[type] : said === "" ? type : `${said} (${type})`;
  return value(describe, fallback === null ? {} : { defaultDescription: readable(fallback) });
}

/** Opens the models that the flags name, reads tasks, unless they are there already, and the other parameters; says what is to be known of them. */
export async function openRecipe(
  { loaded, shown }: RecipeEntry,
  flags: Flags,
  read?: EncodedTexts,
): Promise<OpenRecipe> {
  const models = new Map<string, Checkpoint>();
  const parameters = new Map<string, ReturnType<typeof parseArgument>>();
  for (const parameter of loaded.parameters) {
    const text = given(flags, parameter.name);
    if (parameter.type === "Model" && text === undefined)
      throw new UserError(`${loaded.name} needs a model: add --${parameter.name} DIR`, { exitCode: 2 });
    if (text === undefined || parameter.type === "Corpus" || parameter.type === "Task") continue;
    if (parameter.type === "Model") models.set(parameter.name, await openModel(text));
    else
      parameters.set(
        parameter.name,
        translated(shown, () => parseArgument(parameter, text)),
      );
  }
  const facts = new Map([...models].map(([name, checkpoint]) => [name, factsOf(checkpoint)]));
  const named = loaded.parameters.flatMap(({ name, type }) => (type === "Task" ? [name] : []));
  const tasks = read ?? (await readTasks(loaded.name, named, flags, models));
  return outlining({ loaded, shown, models, tasks }, { parameters, models: facts, corpora: tasks.facts });
}

/** A recipe as far as what its stages choose is known, with the check of what it saves; says what it has not yet said of the models. */
export async function outlining(
  { loaded, shown, models, tasks }: Pick<OpenRecipe, "loaded" | "shown" | "models" | "tasks">,
  inputs: CompileInputs,
  said: Outline["notes"] = [],
): Promise<OpenRecipe> {
  const outlined = translated(shown, () => outline(loaded, inputs));
  const notes = outlined.notes.filter(({ title }) => !said.some((each) => each.title === title));
  if (notes.length > 0) say(process.stderr, `${showProblems(notes.map(placed(shown)))}\n`);
  const saved = await factsToBe(outlined, models);
  const open = { loaded, shown, models, tasks, inputs, outlined };
  return saved.size > 0 ? checking({ ...open, inputs: { ...inputs, saved } }) : open;
}

/** The recipe with the check of what it saves. */
function checking(open: OpenRecipe): OpenRecipe {
  const loaded = withCheck(libraryHost(), open.loaded);
  const outlined = translated(open.shown, () => outline(loaded, open.inputs));
  return { ...open, loaded, outlined: { ...outlined, notes: open.outlined.notes } };
}

/** What the compiler knows of a model before its weights are read. */
export const factsOf = ({ folder, config, adapter, tensors, leftBehind }: Checkpoint): ModelFacts => ({
  ...{ name: folder, config, tensors },
  ...(adapter && { adapter }),
  hasAdapterBeside: leftBehind.some(({ name }) => name === adapterConfigName),
});

/** Reads the splits of the texts that a recipe uses, with the tokenizer of its model. */
export async function readTexts(
  { loaded, inputs, models, tasks, outlined }: OpenRecipe,
  flags: Flags,
  options?: EncodeOptions,
): Promise<EncodedTexts & { readonly inputs: CompileInputs }> {
  const texts = await encodeNamed({ name: loaded.name, windows: outlined.windows, models, tasks }, flags, options);
  return { ...texts, inputs: { ...inputs, corpora: texts.facts } };
}
