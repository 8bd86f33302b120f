/** The table of contents: one line per stage. */
import type * as Ast from "../grammar/ast.ts";
import { CompileError, type Diagnostic } from "../grammar/diagnostic.ts";
import { parse } from "../grammar/parse.ts";
import type { SourceFile, Span } from "../grammar/source.ts";
import { assemble, windowCounter } from "./assemble/assemble.ts";
import { build } from "./build/build.ts";
import type { GraphStep } from "./build/graphs.ts";
import { checkModule } from "./check/check.ts";
import { checkCheckpoint } from "./check/checkpoint.ts";
import { type Context, newContext } from "./check/context.ts";
import { bytesOf, type CorpusFacts, type ModelFacts } from "./check/facts.ts";
import { declareModules } from "./check/module.ts";
import { checkRecipe } from "./check/recipe.ts";
import { layersOf, type TypedRecipe } from "./check/typed.ts";
import type { Graph } from "./graph/graph.ts";
import { maker } from "./graph/make.ts";
import type { Host } from "./host.ts";
import { invariant } from "./invariant.ts";
import type { DeviceFacts } from "./plan/device-facts.ts";
import { hash } from "./plan/hash.ts";
import type { ModelRecord, Plan } from "./plan/plan.ts";
import { explain } from "./problem.ts";
import { compileGraph } from "./program.ts";
import type { ResolvedModule } from "./resolve/module.ts";
import { resolve } from "./resolve/resolve.ts";
import { simplify } from "./simplify/simplify.ts";

/** A recipe that was parsed and checked as far as that goes without a model. */
export interface LoadedRecipe {
  readonly recipe: Ast.Recipe;
  readonly name: string;
  readonly doc: string;
  readonly parameters: readonly RecipeParameter[];
  /** That of the recipe last. */
  readonly modules: readonly ResolvedModule[];
}

/** A recipe's parameter is a command-line flag; `type` and `fallback` as written. */
export interface RecipeParameter {
  readonly name: string;
  readonly type: string;
  readonly doc: string;
  readonly fallback: string | null;
}

/** What a recipe is compiled for. */
export interface CompileInputs {
  /** Arguments as parsed expressions; see `parseArgument`. */
  readonly parameters: ReadonlyMap<string, Ast.Expression>;
  readonly models: ReadonlyMap<string, ModelFacts>;
  readonly corpora: ReadonlyMap<string, CorpusFacts>;
}

/** Everything but kernels: what will be done, decided from headers alone. */
export interface Outline {
  readonly typed: TypedRecipe;
  readonly steps: readonly GraphStep[];
}

/** Resolves and checks a file and all that it imports; throws CompileError with all that is wrong. */
export function check(host: Host, path: string): Pick<LoadedRecipe, "modules"> & { readonly context: Context } {
  const file = host.read(path);
  if (!file) throw new CompileError([{ id: "file-not-found", title: `there is no file ${path}`, labels: [] }]);
  const modules = resolve(host, file);
  const context = newContext(null);
  checkModule(context, modules, declareModules(context, modules));
  refuse(context);
  return { modules, context };
}

/** The recipe of a file, checked without a model; of several, the last. */
export function loadRecipe(host: Host, path: string): LoadedRecipe {
  const { modules } = check(host, path);
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
    type: type ? textOf(type) : "",
    doc,
    fallback: value ? textOf(value) : null,
  }));
  return { recipe, name: recipe.name.text, doc: recipe.doc, parameters, modules };
}

const textOf = ({ span: { file, start, end } }: { readonly span: Ast.Expression["span"] }) =>
  file.text.slice(start, end);

/** Binds a recipe to models and texts: every layer's action, or CompileError. */
export function outline({ recipe, modules }: LoadedRecipe, { parameters, models, corpora }: CompileInputs): Outline {
  const graphs = maker();
  const context = newContext(graphs, windowCounter(corpora));
  const declared = declareModules(context, modules);
  const scope = declared.scopes.get(modules.at(-1)?.name ?? "");
  invariant(scope !== undefined, "the recipe has no module");
  const typed = checkRecipe(context, recipe, scope, { parameters, models, modules: declared });
  for (const { instance } of typed.models) checkCheckpoint(context, instance);
  refuse(context);
  const steps = build(context, graphs, typed);
  refuse(context);
  return { typed, steps };
}

/** A plan for one device; `observe` sees every graph after simplification, for `--emit`. */
export function plan(
  loaded: LoadedRecipe,
  inputs: CompileInputs,
  device: DeviceFacts,
  observe: (graph: Graph) => void = () => {},
): Plan {
  const { typed, steps } = outline(loaded, inputs);
  const compile = (graph: Graph) => {
    const simple = simplify(graph);
    observe(simple);
    return compileGraph(simple, device);
  };
  const { kernels, programs, steps: planned } = assemble(steps, compile, windowCounter(inputs.corpora));
  const sources = loaded.modules.map(({ name, tree }) => ({
    module: name.startsWith("std/") ? name : (name.split("/").at(-1) ?? name),
    sha256: hash(tree.file.text),
  }));
  return {
    version: 1,
    recipe: { name: loaded.name, doc: loaded.doc, parameters: typed.parameters, sources: sources.reverse() },
    models: typed.models.map(modelRecord),
    corpora: [...inputs.corpora].map(([name, { tokens, hashes }]) => ({
      name,
      splits: Object.entries(tokens).map(([split, count]) => ({
        split: split as "train",
        tokens: count,
        sha256: hashes?.[split as "train"] ?? "",
      })),
    })),
    device,
    kernels,
    programs,
    steps: planned,
  };
}

function modelRecord(model: TypedRecipe["models"][number]): ModelRecord {
  const { name, facts, instance } = model;
  const tensors = [...facts.tensors].map(([tensor, { dtype, shape }]) => [tensor, dtype, shape]).sort();
  return {
    name,
    architecture: instance.arch.name.text,
    headers: hash(JSON.stringify([facts.config, tensors])),
    layers: layersOf(model),
    bytes: bytesOf(facts),
  };
}

const holds = (outer: Span, inner: Span): boolean =>
  outer.file === inner.file && outer.start <= inner.start && inner.end <= outer.end;

/** Throws what was found, with the stage and the outermost call that led there. */
function refuse({ found }: Context): void {
  if (found.length === 0) return;
  throw new CompileError(
    found.map(({ problem, stage, calls }): Diagnostic => {
      const diagnostic = explain(problem);
      const inStage = stage && !holds(stage, problem.span) ? [{ span: stage, text: "in this stage" }] : [];
      const [inCall] = calls.flatMap(({ span, name }) => (name ? [{ span, text: `in this call of \`${name}\`` }] : []));
      return { ...diagnostic, labels: [...inStage, ...(inCall ? [inCall] : []), ...diagnostic.labels] };
    }),
  );
}

/** An argument from the command line, read as the recipe would write it: `50%`, `2:4`, `1e-3`; a `Text` is taken as it is. */
export function parseArgument({ name, type }: RecipeParameter, text: string): Ast.Expression {
  const file = { path: `--${name}`, text: `fn ${name}() =\n${text}` };
  const span = { file, start: file.text.length - text.length, end: file.text.length };
  if (type === "Text") return { kind: "string", value: text, span };
  const value = valueIn(file);
  if (value) return value;
  throw new CompileError([
    {
      id: "wrong-parameter",
      title: `\`--${name}\` needs one value, of type \`${type}\``,
      labels: [{ span, text: "this is not one value" }],
      hint: "values are written as in a recipe: `50%`, `2:4`, `1e-3`, `true`",
    },
  ]);
}

/** The body of the one function of a file, if it is an expression. */
function valueIn(file: SourceFile): Ast.Expression | undefined {
  try {
    const [fn, ...more] = parse(file).declarations;
    return fn?.kind === "fn" && fn.body.kind !== "block" && more.length === 0 ? fn.body : undefined;
  } catch (error) {
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}
