/** The state of a recipe's check: statements read and add to it. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Context } from "../language/context.ts";
import type { Modules } from "../language/declare.ts";
import { evaluate, operand } from "../language/evaluate.ts";
import { scopeIn } from "../language/scope.ts";
import { type ModelValue, type Scope, type Value, wrongType } from "../language/value.ts";
import type { CorpusFacts, ModelFacts } from "../model/facts.ts";
import type { ModelType } from "../model/value.ts";
import type { States } from "./effects.ts";
import type { Choices, Counted, GivenModel, Measure, Passed, Saving, TypedStage } from "./typed.ts";

/** What a recipe is checked with; without models, everything is checked as far as headers go. */
export interface RecipeInputs {
  /** Arguments from outside, as written on the command line, already parsed. */
  readonly parameters: ReadonlyMap<string, Ast.Expression>;
  readonly models: ReadonlyMap<string, ModelFacts>;
  readonly corpora: ReadonlyMap<string, CorpusFacts>;
  readonly modules: Modules;
  /** Architectures, of which one that is not known may be any, and the formats that models can be saved in. */
  readonly archs: () => IteratorObject<Ast.Arch>;
  readonly formats: () => readonly string[];
  /** What layers take where a stage chooses, as far as that is known. */
  readonly choices?: Choices;
  /** Whether all that a run has is given; else the recipe is checked as far as its text goes. */
  readonly isBound: boolean;
}

/** A recipe while it is checked, statement by statement: what is known by then, and what was made. */
export interface Checking {
  readonly context: Context;
  readonly scope: Scope;
  readonly inputs: RecipeInputs;
  readonly given: GivenModel[];
  /** What models and stages are, by their names; empty without models. */
  readonly models: Map<string, ModelType>;
  /** What stages have left of weights, by the stages' names. */
  readonly effects: Map<string, States>;
  /** Where models and stages get their names. */
  readonly named: Map<string, Span>;
  /** By model and windows: measures of one model on the same windows share the pass. */
  readonly passes: Map<string, Passed>;
  readonly stages: TypedStage[];
  readonly measures: Measure[];
  readonly counts: Map<string, Counted>;
  readonly saves: Saving[];
}

/** Nothing of a recipe is checked. */
export const begin = (context: Context, module: Scope, inputs: RecipeInputs): Checking => ({
  context: { ...context, layers: null },
  scope: scopeIn(module),
  inputs,
  given: [],
  models: new Map(),
  effects: new Map(),
  named: new Map(),
  passes: new Map(),
  stages: [],
  measures: [],
  counts: new Map(),
  saves: [],
});

/** The value of an expression that must be of a kind; null if it is not, which was said. */
export function wanted<K extends Value["kind"]>(
  { context, scope }: Checking,
  expression: Ast.Expression,
  kind: K,
  expected: string,
  hint?: string,
): Extract<Value, { kind: K }> | null {
  const found = evaluate(context, scope, expression);
  const isOf = (value: Value): value is Extract<Value, { kind: K }> => value.kind === kind;
  if (isOf(found)) return found;
  wrongType(context, { value: found, span: expression.span }, expected, hint);
  return null;
}

/** A model or a stage by its name; null if there is none, which was said. */
export const givenOrMade = (at: Checking, { text, span }: Ast.Name): ModelValue | null =>
  wanted(at, { kind: "name", text, span }, "model", "a model or a stage");

/** How plain parameters are read in a header. */
export const headerIn = (context: Context, scope: Scope, span: Span) => ({
  call: { context, scope, span },
  inside: scope,
  evaluate: operand,
});
