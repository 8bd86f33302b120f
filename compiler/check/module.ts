/** Modules: what each declares, with what it imports, as scopes. */
import type * as Ast from "../../grammar/ast.ts";
import type { ResolvedModule } from "../resolve/module.ts";
import { builtinScope } from "./builtins.ts";
import { functionValue } from "./call.ts";
import { type Context, report, type Scope, scopeIn } from "./context.ts";

/** The modules of a program by name, each with the scope of its declarations. */
export interface Modules {
  readonly scopes: ReadonlyMap<string, Scope>;
  readonly archs: readonly { readonly arch: Ast.Arch; readonly scope: Scope }[];
}

export function declareModules(context: Context, modules: readonly ResolvedModule[]): Modules {
  const scopes = new Map<string, Scope>();
  const archs: { readonly arch: Ast.Arch; readonly scope: Scope }[] = [];
  const builtins = builtinScope();
  for (const { name, tree, imports } of modules) {
    const scope = scopeIn(builtins);
    const seen = new Map<string, Ast.Name>();
    scopes.set(name, scope);
    for (const [i, each] of tree.imports.entries())
      importNames(context, scope, seen, each, scopes.get(imports[i] ?? ""));
    for (const declaration of tree.declarations) {
      if (!isNew(context, seen, declaration.name)) continue;
      declare(context, scope, declaration);
      if (declaration.kind === "arch") archs.push({ arch: declaration, scope });
    }
  }
  return { scopes, archs };
}

function isNew(context: Context, seen: Map<string, Ast.Name>, name: Ast.Name): boolean {
  const first = seen.get(name.text);
  if (first) report(context, { kind: "duplicate-name", span: name.span, name: name.text, first: first.span });
  else seen.set(name.text, name);
  return !first;
}

function importNames(
  context: Context,
  scope: Scope,
  seen: Map<string, Ast.Name>,
  { names, from }: Ast.Import,
  source: Scope | undefined,
): void {
  if (!source) return;
  for (const name of names) {
    const value = source.values.get(name.text);
    if (!value)
      report(context, {
        kind: "unknown-name",
        span: name.span,
        name: name.text,
        what: `declaration in \`${from.value}\` named`,
        known: [...source.values.keys()],
      });
    else if (isNew(context, seen, name)) scope.values.set(name.text, value);
  }
}

function declare(context: Context, scope: Scope, declaration: Ast.Declaration): void {
  const { text: name, span } = declaration.name;
  switch (declaration.kind) {
    case "fn":
      scope.values.set(name, functionValue(declaration, scope));
      break;
    case "method":
      scope.values.set(name, { kind: "method", method: declaration, scope });
      break;
    case "arch":
    case "recipe":
      break;
    case "format":
    case "optimizer":
    case "study":
      report(context, { kind: "not-supported", span, what: `\`${declaration.kind}\`` });
  }
}
