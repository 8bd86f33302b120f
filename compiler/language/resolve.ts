/** Finds and parses the modules that a file imports, each once. */
import type * as Ast from "../../grammar/ast.ts";
import type { Diagnostic, Result } from "../../grammar/diagnostic.ts";
import { parse } from "../../grammar/parse.ts";
import type { SourceFile } from "../../grammar/source.ts";
import { type Host, Unreadable } from "../host.ts";
import { type Problem, worded } from "../problems/problem.ts";

/** A module that a file needs. */
export interface ResolvedModule {
  /** `std/nn`, or a path. */
  readonly name: string;
  readonly tree: Ast.Module;
  /** For each import in order: the name of the module that it means. */
  readonly imports: readonly string[];
  /** What no equation says, beside a module of `std/target/`: JSON. */
  readonly table?: SourceFile;
}

/** The module whose functions are there without an import. */
export const prelude = "std/prelude";

const isPrelude = (name: string): boolean => name === prelude;
const isTarget = (name: string): boolean => name.startsWith("std/target/");
export const isArchitecture = (name: string): boolean => name.startsWith("std/arch/");

/** What a file imports, behind the prelude and architectures of one's own. Importers last; null where a file is not there or has mistakes in its syntax. */
export function resolve(host: Host, file: SourceFile): Result<readonly ResolvedModule[] | null> {
  const walk = walked(host, [...host.library.filter(isPrelude), ...(host.architectures ?? [])]);
  walk.done.delete(file.path);
  visit(walk, file.path, file);
  return resolved(walk);
}

/** The architectures and targets of the library, which a model may ask for, and behind them resolved modules. */
export function withLibrary(host: Host, modules: readonly ResolvedModule[]): Result<readonly ResolvedModule[] | null> {
  const walk = walked(
    host,
    host.library.filter((name) => isPrelude(name) || isArchitecture(name) || isTarget(name)),
  );
  const main = modules.at(-1);
  for (const module of modules) {
    if (module === main) walk.done.delete(module.name);
    if (!walk.done.has(module.name)) walk.done.set(module.name, module);
  }
  return resolved(walk);
}

const resolved = ({ done, problems }: Walk): Result<readonly ResolvedModule[] | null> => ({
  artifact: problems.length > 0 ? null : [...done.values()],
  problems,
});

/** Over modules of these names, as far as they are there, and all that they import. */
function walked(host: Host, names: readonly string[]): Walk {
  const walk: Walk = { host, done: new Map(), failed: new Set(), open: [], problems: [] };
  for (const name of names) {
    const module = walk.done.has(name) ? undefined : host.read(name);
    if (module) visit(walk, name, module);
  }
  return walk;
}

interface Walk {
  readonly host: Host;
  readonly done: Map<string, ResolvedModule>;
  /** Modules that are not there or are wrong, which was said. */
  readonly failed: Set<string>;
  readonly open: string[];
  readonly problems: Diagnostic[];
}

function visit(walk: Walk, name: string, file: SourceFile): void {
  const { artifact: tree, problems } = parse(file);
  walk.problems.push(...problems);
  if (problems.length > 0) {
    walk.failed.add(name);
    return;
  }
  walk.open.push(name);
  const imports = tree.imports.map((each) => follow(walk, name, each));
  walk.open.pop();
  walk.done.set(name, { name, tree, imports, ...tableOf(walk.host, name) });
}

function tableOf(host: Host, name: string): Pick<ResolvedModule, "table"> {
  const table = isTarget(name) ? host.read(`${name}.json`) : undefined;
  return table ? { table } : {};
}

/** The targets of the library without what they declare. */
export const targetTables = (host: Host): readonly Pick<ResolvedModule, "name" | "table">[] =>
  host.library.filter(isTarget).map((name) => ({ name, ...tableOf(host, name) }));

/** More than any library has. */
const mostModules = 256;
const deepestImports = 32;

/** The name of the imported module, visited. */
function follow(walk: Walk, importer: string, { from }: Ast.Import): string {
  const { value: path } = from;
  const name = target(importer, path);
  if (walk.done.has(name) || walk.failed.has(name)) return name;
  const problem = isModuleName(path) ? visitImport(walk, name, from) : notFound(walk, from);
  if (problem) walk.problems.push(worded(problem));
  return name;
}

const notFound = ({ host }: Walk, { span, value: path }: Ast.Import["from"]): Problem => ({
  kind: "import-not-found",
  span,
  path,
  known: host.library,
});

/** Visits a module for the first time, or says why not. */
function visitImport(walk: Walk, name: string, from: Ast.Import["from"]): Problem | null {
  const { span, value: path } = from;
  const refused = (reason: string): Problem => ({ kind: "import-refused", span, path, reason });
  if (walk.open.includes(name))
    return { kind: "import-circular", span, chain: [...walk.open.slice(walk.open.indexOf(name)), name] };
  if (!name.startsWith("std/") && !name.endsWith(".lcomp")) return refused("its name does not end in `.lcomp`");
  if (name.startsWith("../")) return refused("it lies outside of the recipe's folder");
  if (walk.open.length >= deepestImports)
    return refused(`more than ${deepestImports} modules import one another in a row`);
  if (walk.done.size >= mostModules) return refused(`the recipe has more than ${mostModules} modules`);
  try {
    const file = walk.host.read(name);
    if (file) visit(walk, name, file);
    else walk.failed.add(name);
    return file ? null : notFound(walk, from);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    walk.failed.add(name);
    return refused(error.message);
  }
}

/** Library modules, and files relative to the importer. */
const isModuleName = (path: string): boolean => /^(std|\.\.?)\//.test(path) && !/\p{Cc}/u.test(path);

/** `./mine.lcomp` beside `recipes/first.lcomp` is `recipes/mine.lcomp`; inside the library paths stay in the library. */
function target(importer: string, path: string): string {
  if (!path.startsWith(".")) return path;
  const parts = importer.split("/").slice(0, -1);
  for (const step of path.split("/")) {
    if (step === "..") {
      if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
      else parts.push("..");
    } else if (step !== "." && step !== "") parts.push(step);
  }
  return parts.join("/");
}
