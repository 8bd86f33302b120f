/** Finds and parses the modules that a file imports, each once. */
import type * as Ast from "../../grammar/ast.ts";
import { CompileError, type Diagnostic } from "../../grammar/diagnostic.ts";
import { parse } from "../../grammar/parse.ts";
import type { SourceFile } from "../../grammar/source.ts";
import type { Host } from "../host.ts";
import { explain } from "../problem.ts";
import type { ResolvedModule } from "./module.ts";

/** Importers last. Throws CompileError with all that is wrong in any of the files. */
export function resolve(host: Host, file: SourceFile): readonly ResolvedModule[] {
  const walk: Walk = { host, done: new Map(), open: [], diagnostics: [] };
  for (const name of host.library.filter((name) => name.startsWith("std/arch/"))) {
    const arch = walk.done.has(name) ? undefined : host.read(name);
    if (arch) visit(walk, name, arch);
  }
  walk.done.delete(file.path);
  visit(walk, file.path, file);
  if (walk.diagnostics.length > 0) throw new CompileError(walk.diagnostics);
  return [...walk.done.values()];
}

interface Walk {
  readonly host: Host;
  readonly done: Map<string, ResolvedModule>;
  readonly open: string[];
  readonly diagnostics: Diagnostic[];
}

function visit(walk: Walk, name: string, file: SourceFile): void {
  const tree = parsed(walk, file);
  if (!tree) return;
  walk.open.push(name);
  const imports = tree.imports.map((each) => follow(walk, name, each));
  walk.open.pop();
  walk.done.set(name, { name, tree, imports });
}

function parsed({ diagnostics }: Walk, file: SourceFile): Ast.Module | null {
  try {
    return parse(file);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    diagnostics.push(...error.diagnostics);
    return null;
  }
}

/** The name of the imported module, visited. */
function follow(walk: Walk, importer: string, { from }: Ast.Import): string {
  const name = target(importer, from.value);
  if (walk.done.has(name)) return name;
  const { span } = from;
  if (walk.open.includes(name)) {
    const chain = [...walk.open.slice(walk.open.indexOf(name)), name];
    walk.diagnostics.push(explain({ kind: "import-circular", span, chain }));
    return name;
  }
  const file = isModuleName(from.value) ? walk.host.read(name) : undefined;
  if (file) visit(walk, name, file);
  else walk.diagnostics.push(explain({ kind: "import-not-found", span, path: from.value, known: walk.host.library }));
  return name;
}

/** Library modules, and files relative to the importer. */
const isModuleName = (path: string): boolean =>
  path.startsWith("std/") || path.startsWith("./") || path.startsWith("../");

/** `./mine.lcomp` beside `recipes/first.lcomp` is `recipes/mine.lcomp`; inside the library paths stay in the library. */
function target(importer: string, path: string): string {
  if (!path.startsWith(".")) return path;
  const parts = importer.split("/").slice(0, -1);
  for (const step of path.split("/")) {
    if (step === "..") {
      if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
      else parts.push("..");
    } else if (step !== ".") parts.push(step);
  }
  const joined = parts.join("/");
  return importer.startsWith("/") && !joined.startsWith("/") ? `/${joined}` : joined;
}
