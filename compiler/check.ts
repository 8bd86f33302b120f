/** Checks every declaration of a file as far as that goes without a model: sizes are symbols. */

import type * as Ast from "../grammar/ast.ts";
import type { Result } from "../grammar/diagnostic.ts";
import type { Observe } from "./artifacts.ts";
import { maker } from "./graph/make.ts";
import type { Host } from "./host.ts";
import { given } from "./language/bind.ts";
import { type Context, newContext } from "./language/context.ts";
import { declareModules } from "./language/declare.ts";
import { applyFunction, operand } from "./language/evaluate.ts";
import { architecturesIn, exportsFor } from "./language/exports.ts";
import { checkFormat } from "./language/format.ts";
import { compileTimeNumber } from "./language/kinds.ts";
import { areDistinct } from "./language/names.ts";
import { dataInput } from "./language/operations.ts";
import { problemsOf } from "./language/refuse.ts";
import { type ResolvedModule, resolve, targetTables } from "./language/resolve.ts";
import { isWholeSize, scopeIn } from "./language/scope.ts";
import { atom } from "./language/size.ts";
import type { Dimension } from "./language/tensor.ts";
import { checkOf, elementTypeOf, namesIn, tensorTypeOf, unknownOf } from "./language/types.ts";
import type { Scope, Value } from "./language/value.ts";
import { haveCircles } from "./language/walk.ts";
import { modelType } from "./model/arch.ts";
import { checkForward } from "./model/forward.ts";
import type { RecipeInputs } from "./recipe/checking.ts";
import { checkMethod } from "./recipe/method-on-blocks.ts";
import { checkRecipe } from "./recipe/recipe.ts";
import { savedFormats } from "./target/table.ts";

/** A file and all that it imports, and what was found out about them. */
export interface Checked {
  readonly modules: readonly ResolvedModule[];
  readonly context: Context;
}

/** Resolves and checks a file and all that it imports; nothing where they cannot be read. */
export function check(host: Host, path: string, observe: Observe = () => undefined): Result<Checked | null> {
  const file = host.read(path);
  if (!file)
    return { artifact: null, problems: [{ id: "file-not-found", title: `there is no file ${path}`, labels: [] }] };
  const { artifact: modules, problems } = resolve(host, file);
  if (!modules) return { artifact: null, problems };
  for (const { tree } of modules) observe("tree", tree);
  const context = newContext(maker(), ownCharacters(modules), { exports: exportsFor(host, modules) });
  checkModule(context, host, modules);
  observe("types", context.types);
  return { artifact: { modules, context }, problems: problemsOf(context) };
}

/** How long a program is without the library. */
export const ownCharacters = (modules: Checked["modules"]): number =>
  modules.reduce((sum, { name, tree }) => (name.startsWith("std/") ? sum : sum + tree.file.text.length), 0);

/** Checks the file that was asked for; what it imports is checked where it is used. */
function checkModule(context: Context, host: Host, modules: Checked["modules"]): void {
  const declared = declareModules(context, modules);
  const main = modules.at(-1);
  const scope = main && declared.scopes.get(main.name);
  if (!main || !scope || haveCircles(context, main.tree)) return;
  const known = {
    modules: declared,
    archs: () => architecturesIn(host, modules),
    formats: () => savedFormats(targetTables(host)),
  };
  for (const declaration of main.tree.declarations) checkDeclaration(context, declaration, scope, known);
}

function checkDeclaration(
  context: Context,
  declaration: Ast.Declaration,
  scope: Scope,
  known: Pick<RecipeInputs, "modules" | "archs" | "formats">,
): void {
  const arch = scope.values.get(declaration.name.text);
  switch (declaration.kind) {
    case "fn":
      if (declaration.result) checkType(context, declaration.result);
      if (checkParameters(context, declaration.parameters)) checkFunction(context, declaration, scope);
      break;
    case "method":
      if (checkParameters(context, declaration.parameters, declaration.sees))
        checkMethod(context, { method: declaration, scope, arguments: new Map() });
      break;
    case "arch":
      if (arch?.kind === "arch") checkForward(context, modelType(context, arch, null));
      break;
    case "recipe":
      checkParameters(context, declaration.parameters);
      for (const each of known.modules.archs) modelType(context, each, null);
      checkRecipe(context, declaration, scope, {
        parameters: new Map(),
        models: new Map(),
        corpora: new Map(),
        ...known,
        isBound: false,
      });
      break;
    case "format":
      if (checkParameters(context, declaration.parameters)) checkFormat(context, declaration, scope, operand);
      break;
    case "optimizer":
    case "study":
      break;
  }
}

/** Finds names that are given twice (then it is false), and types that there are not, also where nothing is known of the values. */
function checkParameters(
  context: Context,
  parameters: readonly Ast.Parameter[],
  seen: readonly Ast.Parameter[] = [],
): boolean {
  const names = [...parameters, ...seen].map(({ name }) => name);
  const isPlain = areDistinct(context, names);
  for (const { label, type } of parameters) if (!label && type) checkType(context, type);
  return isPlain;
}

function checkType(context: Context, type: Ast.TypeExpression): void {
  const tensorType = tensorTypeOf(type);
  if (tensorType) elementTypeOf(context, tensorType);
  else if (type.kind === "plain-type") checkOf(context, type);
}

/** A function is checked with what its parameters say of themselves; of those that say too little, nothing is known. */
function checkFunction(context: Context, fn: Ast.Fn, scope: Scope): void {
  const inside = scopeIn(scope);
  const values = new Map(
    fn.parameters.flatMap((parameter) => {
      const value = declaredValue(context, inside, parameter);
      return value ? [[parameter.name.text, { value, span: parameter.span }] as const] : [];
    }),
  );
  applyFunction({ context, scope: inside, span: fn.name.span }, fn, scope, given(inside, values), false);
}

const numbers = ["Int", "Bytes", "Float", "Fraction", "Sparsity", "Bool"];

/** What a parameter's type alone says of it; null if that is too little. */
function declaredValue(context: Context, inside: Scope, parameter: Ast.Parameter): Value | null {
  const { label, type } = parameter;
  if (label || !type) return null;
  const tensorType = tensorTypeOf(type);
  if (!tensorType) return type.kind === "plain-type" && numbers.includes(type.name.text) ? unknownOf(parameter) : null;
  const { dims } = tensorType;
  const dtype = elementTypeOf(context, tensorType);
  if (!dtype || !areDistinct(context, namesIn(tensorType))) return null;
  const own = dims.flatMap((dim): Dimension[] =>
    dim.kind === "rest" || dim.parts ? [] : [dimension(context, inside, dim)],
  );
  return dataInput(context, parameter.name.text, dtype, own, parameter.span);
}

function dimension(context: Context, inside: Scope, { name: { text: name }, size }: Ast.NamedDim): Dimension {
  const written = size && compileTimeNumber(context, operand(context, inside, size))?.size;
  const isGood = written && isWholeSize(context, written, size.span, name);
  const made = inside.dims.get(name)?.[0] ?? {
    id: name,
    name,
    size: isGood ? written : atom(name),
    source: "the header",
  };
  inside.dims.set(name, [made]);
  return made;
}
