/** The table of contents: one line per stage. */
import type * as Ast from "../grammar/ast.ts";
import { accepted, type Diagnostic } from "../grammar/diagnostic.ts";
import type { Observe } from "./artifacts.ts";
import { assemble } from "./assemble.ts";
import { check, ownCharacters } from "./check.ts";
import { type CompiledGraph, compileGraph } from "./compile-graph.ts";
import { fit, refuseExcess, refuseLargeStore } from "./fit-budget.ts";
import type { Graph } from "./graph/graph.ts";
import { type Maker, maker } from "./graph/make.ts";
import type { Host } from "./host.ts";
import { invariant } from "./invariant.ts";
import { type Context, newContext } from "./language/context.ts";
import { declareModules, type Modules } from "./language/declare.ts";
import { notesOf, refuse } from "./language/refuse.ts";
import { resolve, withLibrary } from "./language/resolve.ts";
import { demands, type Memory, type Planned, peakOf } from "./memory/peak-memory.ts";
import { checkCheckpoint } from "./model/check-checkpoint.ts";
import { bytesOf, type CorpusFacts, type ModelFacts } from "./model/facts.ts";
import { givenModel } from "./model/value.ts";
import type { Continuation, ContinuationSizes } from "./plan/continuation.ts";
import type { DeviceFacts } from "./plan/device-facts.ts";
import { type Plan, planVersion } from "./plan/plan.ts";
import { checkLibrary, savedName } from "./recipe/check-saved.ts";
import { layersLibrary } from "./recipe/comparison/pair.ts";
import { emitContinuation, withBuffers } from "./recipe/continuation/continuation-steps.ts";
import { type Emitted, emit } from "./recipe/emit.ts";
import { type LoadedRecipe, recipeIn } from "./recipe/load-recipe.ts";
import { checkRecipe } from "./recipe/recipe.ts";
import {
  corpusRecord,
  modelRecord,
  recipeRecord,
  stageRecord,
  windowCounter,
  windowsRecord,
} from "./recipe/records.ts";
import type { Choices, TypedRecipe } from "./recipe/typed.ts";
import { simplify } from "./rewrite/simplify.ts";
import { ownModules } from "./target/own-formats.ts";
import { savedFormats } from "./target/table.ts";

/** What a recipe is compiled for. */
export interface CompileInputs {
  /** Arguments as parsed expressions; see `parseArgument`. */
  readonly parameters: ReadonlyMap<string, Ast.Expression>;
  readonly models: ReadonlyMap<string, ModelFacts>;
  readonly corpora: ReadonlyMap<string, CorpusFacts>;
  /** What layers take where stages choose, as far as that was decided. */
  readonly choices?: Choices;
  /** What the files will say that the recipe saves, to whoever opens them, by the names of models: then its last steps check them. */
  readonly saved?: ReadonlyMap<string, ModelFacts>;
  /** Bytes that may be taken at once; without it as many as are wanted. */
  readonly budget?: Memory;
  /** Set where what is durable is to outlast the run whatever becomes of it, in at most so many bytes. */
  readonly store?: { readonly limit?: number };
}

/** Everything but kernels: what will be done, decided from headers alone. */
export interface Outline extends Emitted {
  readonly typed: TypedRecipe;
  /** What is said of the inputs while the work goes on. */
  readonly notes: readonly Diagnostic[];
}

const unobserved: Observe = () => undefined;

/** The recipe of a file, checked without a model; throws CompileError with what is wrong. */
export function loadRecipe(host: Host, path: string, observe?: Observe): LoadedRecipe {
  const { modules } = accepted(check(host, path, observe));
  return recipeIn(accepted(withLibrary(host, modules)), path);
}

/** A recipe with what the check of what it saves needs, and what compares that with what it was made from. */
export function withCheck(host: Host, loaded: LoadedRecipe): LoadedRecipe {
  const files = [checkLibrary, layersLibrary].flatMap((name) => host.read(name) ?? []);
  const all = files.flatMap((file) => accepted(withLibrary(host, accepted(resolve(host, file)))));
  const needed = [...new Map(all.map((each) => [each.name, each])).values()];
  const names = new Set(needed.map(({ name }) => name));
  return { ...loaded, modules: [...needed, ...loaded.modules.filter(({ name }) => !names.has(name))] };
}

/** A recipe bound to models and texts. */
interface Bound {
  readonly context: Context;
  readonly graphs: Maker;
  readonly typed: TypedRecipe;
  readonly declared: Modules;
}

function bind({ recipe, modules }: LoadedRecipe, inputs: CompileInputs): Bound {
  const { parameters, corpora, choices, saved = new Map<string, ModelFacts>() } = inputs;
  const models = new Map([...inputs.models, ...[...saved].map(([name, facts]) => [savedName(name), facts] as const)]);
  const graphs = maker();
  const context = newContext(graphs, ownCharacters(modules), { countWindows: windowCounter(corpora) });
  const declared = declareModules(context, [...modules, ...ownModules(models.values(), modules)]);
  const scope = declared.scopes.get(modules.at(-1)?.name ?? "");
  invariant(scope !== undefined, "the recipe has no module");
  const typed = checkRecipe(context, recipe, scope, {
    ...{ parameters, models, corpora, modules: declared, isBound: true },
    archs: () => declared.archs.values().map(({ declaration }) => declaration),
    formats: () => savedFormats(declared.all),
    ...(choices && { choices }),
  });
  for (const { type } of typed.models) checkCheckpoint(context, type);
  for (const { saved } of typed.checks.values()) checkCheckpoint(context, saved.type);
  refuse(context);
  return { context, graphs, typed, declared };
}

/** Binds a recipe to models and texts: every layer's action, or CompileError. */
export function outline(loaded: LoadedRecipe, inputs: CompileInputs): Outline {
  const { context, graphs, typed, declared } = bind(loaded, inputs);
  const emitted = emit(context, graphs, typed, declared);
  refuse(context);
  return { typed, ...emitted, notes: notesOf(context) };
}

/** What will run, and what it takes. */
export type Prepared = Planned & Pick<Plan, "kernels" | "peaks">;

/** The steps with their kernels for one device, within the budget; CompileError with what is too large for either. */
export function prepare(
  { typed, steps, windows, values, saves, question }: Outline,
  { corpora, store, budget = { gpu: Infinity, host: Infinity } }: Pick<CompileInputs, "corpora" | "budget" | "store">,
  device: DeviceFacts,
  observe: Observe = unobserved,
): Prepared {
  const compile = compiler(device, observe);
  const rest = {
    windows: windows.map(windowsRecord(windowCounter(corpora))),
    corpora: [...corpora].map(([name, corpus]) => corpusRecord(name, corpus)),
    values,
    saves,
  };
  const models = typed.models.reduce((sum, { facts }) => sum + bytesOf(facts), 0);
  const most = store || saves.length > 0 || question ? 2 * models : 0;
  const made = fit(steps, rest, { ...budget, store: store?.limit ?? most }, compile);
  const taken = demands(made);
  refuseExcess(typed.recipe.name, made.steps, taken, budget);
  refuseLargeStore(typed.recipe.name, made, store?.limit);
  return { ...made, peaks: peakOf(taken) };
}

/** From graphs to programs for one device. */
function compiler(device: DeviceFacts, observe: Observe): (graph: Graph, scratch?: number) => CompiledGraph {
  const simplified = new Map<Graph, Graph>();
  return (graph, scratch = Infinity) => {
    const known = simplified.get(graph);
    if (known === undefined) observe("built", graph);
    const simple = known ?? simplify(graph);
    if (known === undefined) observe("graph", simple);
    simplified.set(graph, simple);
    return compileGraph(simple, device, { scratch, observe });
  };
}

/** How a recipe's model continues texts, token by token: programs for one device, without the texts. */
export function continuation(
  loaded: LoadedRecipe,
  inputs: CompileInputs,
  device: DeviceFacts,
  sizes: ContinuationSizes,
  observe = unobserved,
): Continuation {
  const { context, graphs, typed } = bind(loaded, inputs);
  const [given] = typed.models;
  invariant(given !== undefined, "a continuation has no model");
  const made = emitContinuation(context, graphs, givenModel(given.name, given.type), sizes);
  refuse(context);
  const assembled = assemble(made.steps, compiler(device, observe));
  const { peaks, ...bound } = withBuffers(made, assembled);
  const records = { recipe: recipeRecord(loaded, typed), models: typed.models.map(modelRecord), device };
  const nothing = { corpora: [], windows: [], stages: [], values: [], saves: [] };
  return { plan: { version: planVersion, ...records, ...nothing, ...assembled, peaks }, ...bound, ...sizes };
}

/** A plan for one device. */
export function plan(loaded: LoadedRecipe, inputs: CompileInputs, device: DeviceFacts, observe = unobserved): Plan {
  const outlined = outline(loaded, inputs);
  const { typed } = outlined;
  const made: Plan = {
    version: planVersion,
    recipe: recipeRecord(loaded, typed),
    models: typed.models.map(modelRecord),
    stages: typed.stages.map(stageRecord),
    device,
    ...prepare(outlined, inputs, device, observe),
  };
  for (const program of made.programs) observe("kernels", program);
  for (const kernel of made.kernels) observe("wgsl", kernel);
  observe("plan", made);
  return made;
}
