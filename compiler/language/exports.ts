/** Where names can be imported from, for messages about those that were not. */

import type * as Ast from "../../grammar/ast.ts";
import { parse } from "../../grammar/parse.ts";
import type { Host } from "../host.ts";
import { isArchitecture, prelude, type ResolvedModule } from "./resolve.ts";

/** Names that the last module could import, each with the path that stands behind its `from`; files are read when first asked. */
export function exportsFor(host: Host, modules: readonly ResolvedModule[]): () => ReadonlyMap<string, string> {
  let paths: ReadonlyMap<string, string> | undefined;
  return () => {
    paths ??= exportedBy(host, modules);
    return paths;
  };
}

/** Names of the library, and of the modules that the last one imports already, which come first. */
function exportedBy(host: Host, modules: readonly ResolvedModule[]): ReadonlyMap<string, string> {
  const own = modules.at(-1);
  const imported = (own?.tree.imports ?? []).map(({ from }, i) => {
    const module = modules.find(({ name }) => name === own?.imports[i]);
    return [from.value, module?.tree.declarations ?? []] as const;
  });
  const library = host.library
    .filter((name) => name !== prelude)
    .map((name) => [name, declarationsOf(host, name)] as const);
  const names = [...library, ...imported].flatMap(([path, declarations]) =>
    declarations.flatMap(({ kind, name }) => (importable.has(kind) ? [[name.text, path] as const] : [])),
  );
  return new Map(names);
}

/** All architectures that a model may be of: those of the library, whose files are read as far as one goes, and those of modules beside it. */
export function* architecturesIn(host: Host, modules: readonly ResolvedModule[]): Generator<Ast.Arch> {
  const library = new Set(host.library.filter(isArchitecture));
  const others = modules.filter(({ name }) => !library.has(name));
  for (const name of library) yield* declarationsOf(host, name).filter(isArch);
  for (const { tree } of others) yield* tree.declarations.filter(isArch);
}

const isArch = (declaration: Ast.Declaration): declaration is Ast.Arch => declaration.kind === "arch";

const importable: ReadonlySet<Ast.Declaration["kind"]> = new Set(["fn", "method", "format", "arch"]);

function declarationsOf(host: Host, module: string): readonly Ast.Declaration[] {
  const file = host.read(module);
  return file ? parse(file).artifact.declarations : [];
}
