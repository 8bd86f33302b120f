/** Where names can be imported from, for messages about those that were not. */

import type * as Ast from "../../grammar/ast.ts";
import { parse } from "../../grammar/parse.ts";
import type { Host } from "../host.ts";
import { prelude, type ResolvedModule } from "./resolve.ts";

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

const importable: ReadonlySet<Ast.Declaration["kind"]> = new Set(["fn", "method", "format", "arch"]);

function declarationsOf(host: Host, module: string): readonly Ast.Declaration[] {
  const file = host.read(module);
  return file ? parse(file).artifact.declarations : [];
}
