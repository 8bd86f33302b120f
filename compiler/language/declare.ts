/** Modules: what each declares, with what it imports, as scopes. */
import type * as Ast from "../../grammar/ast.ts";
import { builtinScope } from "./builtins.ts";
import { type Context, report } from "./context.ts";
import { functionValue, operand } from "./evaluate.ts";
import { formatValue } from "./format.ts";
import { architecture } from "./inherit.ts";
import { isNew } from "./names.ts";
import { prelude, type ResolvedModule } from "./resolve.ts";
import { declareValue, scopeIn } from "./scope.ts";
import { type Architecture, type Scope, wrong } from "./value.ts";

/** The modules of a program by name, each with the scope of its declarations. */
export interface Modules {
  /** Importers last. */
  readonly all: readonly ResolvedModule[];
  readonly scopes: ReadonlyMap<string, Scope>;
  readonly archs: readonly Architecture[];
}

export function declareModules(context: Context, modules: readonly ResolvedModule[]): Modules {
  const scopes = new Map<string, Scope>();
  const archs: Architecture[] = [];
  const builtins = builtinScope();
  const outer = scopeIn(builtins);
  for (const { name, tree, imports } of modules.toSorted(preludeFirst)) {
    const scope = name === prelude ? outer : scopeIn(outer);
    const seen = new Map<string, Ast.Name>();
    scopes.set(name, scope);
    for (const [i, each] of tree.imports.entries()) {
      const source = modules.find((module) => module.name === imports[i]);
      importNames(context, scope, seen, each, { values: scopes.get(imports[i] ?? "")?.values, tree: source?.tree });
    }
    for (const declaration of tree.declarations) {
      if (!isNew(context, seen, declaration.name)) continue;
      declare(context, scope, declaration);
      const value = scope.values.get(declaration.name.text);
      if (value?.kind === "arch") archs.push(value);
    }
  }
  return { all: modules, scopes, archs };
}

const preludeFirst = (a: ResolvedModule, b: ResolvedModule): number =>
  Number(b.name === prelude) - Number(a.name === prelude);

function importNames(
  context: Context,
  scope: Scope,
  seen: Map<string, Ast.Name>,
  { names, from }: Ast.Import,
  { values, tree }: { readonly values: Scope["values"] | undefined; readonly tree: Ast.Module | undefined },
): void {
  if (!values || !tree) {
    for (const { text } of names) scope.values.set(text, wrong);
    return;
  }
  for (const name of names) {
    const [value, found] = [values.get(name.text), tree.declarations.find((each) => each.name.text === name.text)];
    if (value) {
      if (!isNew(context, seen, name)) continue;
      const declared = found?.name ?? name;
      declareValue(scope, declared, value);
      context.uses.set(name.span, declared.span);
      continue;
    }
    scope.values.set(name.text, wrong);
    if (found) reportKind(context, name, found.kind);
    else reportUndeclared(context, name, from.value, [...values.keys()]);
  }
}

/** Says that a declaration is of a kind that is not imported by its name. */
function reportKind(context: Context, { text, span }: Ast.Name, kind: Ast.Declaration["kind"]): void {
  const hint = "import what it calls; a recipe itself is what `lcomp run` is given";
  const expected = "a function, a method, a format or an architecture";
  report(context, { kind: "wrong-type", span, expected, found: `the ${kind} \`${text}\``, hint });
}

function reportUndeclared(
  context: Context,
  { text: name, span }: Ast.Name,
  from: string,
  known: readonly string[],
): void {
  const other = context.exports().get(name);
  const what = `declaration in \`${from}\` named`;
  report(context, {
    kind: "unknown-name",
    span,
    name,
    what,
    ...(other === undefined ? { known } : { known: [], hint: `it is in "${other}"` }),
  });
}

function declare(context: Context, scope: Scope, declaration: Ast.Declaration): void {
  const { span } = declaration.name;
  switch (declaration.kind) {
    case "fn":
      declareValue(scope, declaration.name, functionValue(declaration, scope));
      break;
    case "method":
      declareValue(scope, declaration.name, { kind: "method", method: declaration, scope });
      break;
    case "arch":
      declareValue(scope, declaration.name, architecture(context, declaration, scope) ?? wrong);
      break;
    case "recipe":
      break;
    case "format":
      declareValue(scope, declaration.name, formatValue(declaration, scope, operand));
      break;
    case "optimizer":
    case "study":
      report(context, { kind: "not-supported", span, what: `\`${declaration.kind}\`` });
  }
}
