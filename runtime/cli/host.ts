/** The compiler's view of the disk. Files are named relative to the recipe, so that a plan does not depend on where one stands. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Host, Unreadable } from "../../compiler/host.ts";
import { CompileError, type Diagnostic } from "../../grammar/diagnostic.ts";
import type { SourceFile, Span } from "../../grammar/source.ts";
import { packageRoot } from "../package-root.ts";
import { UserError } from "../user-error.ts";
import { readInside, readSource, readStdin } from "./source.ts";

/** A host, and the name under which it knows the file that was asked for. */
export interface Entry {
  readonly host: Host;
  readonly module: string;
  /** A place as people see it: in a file, its path from the working directory, as editors open it. */
  readonly shown: (span: Span) => Span;
}

const standard = join(packageRoot, "stdlib");

/** What comes on stdin has this path, and this name in messages. */
export const stdinPath = "/dev/stdin";
const stdin = "stdin";

/** `std/prune/wanda`; with the ending of a file it is one of the user's. */
const isOfLibrary = (path: string): boolean => path.startsWith("std/") && !path.endsWith(".lcomp");

/** An entry with the architectures of a file, which come before the library's. */
export function entryWith(entry: Entry, architectures: string | undefined): Entry {
  if (architectures === undefined) return entry;
  const own = entryFor(architectures);
  const isOwn = (name: string): boolean => name.startsWith(aside);
  const bare = (name: string): string => name.slice(aside.length);
  const read: Host["read"] = (name) => {
    const file = isOwn(name) ? own.host.read(bare(name)) : entry.host.read(name);
    return file && isOwn(name) ? { ...file, path: aside + file.path } : file;
  };
  return {
    ...entry,
    host: { ...entry.host, read, architectures: [aside + own.module] },
    shown: ({ file, ...place }) =>
      isOwn(file.path)
        ? own.shown({ file: { ...file, path: bare(file.path) }, ...place })
        : entry.shown({ file, ...place }),
  };
}

/** What stands before the names of modules beside such architectures: a folder that no recipe can name. */
const aside = "@/arch/";

/** The host for a file given by a user, for stdin, or for a module of the standard library. */
export function entryFor(path: string): Entry {
  if (isOfLibrary(path)) return { host: hostIn("."), module: path, shown: shownFrom(".") };
  const [folder, module, text] =
    path === stdinPath ? [".", stdin, stdinText()] : [dirname(path), basename(path), readSource(path)];
  const host = hostIn(folder);
  const read: Host["read"] = (name) => (name === module ? { path: name, text } : host.read(name));
  return { host: { ...host, read }, module, shown: shownFrom(folder) };
}

/** The host for a recipe that no file holds, which reads the library alone. */
export function entryOf(module: string, text: string): Entry {
  const host = libraryHost();
  const read: Host["read"] = (name) => (name === module ? { path: module, text } : host.read(name));
  return { host: { ...host, read }, module, shown: shownFrom(".") };
}

/** Shows the places of modules in a folder as paths from the working directory, and those of arguments on the command line. */
function shownFrom(folder: string): Entry["shown"] {
  const files = new Map<string, SourceFile>();
  const once = (file: SourceFile, make: () => SourceFile): SourceFile => {
    const known = files.get(file.path) ?? make();
    files.set(file.path, known);
    return known;
  };
  return ({ file, start, end }) => {
    if (file.path.startsWith("std/")) return { file, start, end };
    if (!file.path.startsWith("--"))
      return { file: once(file, () => ({ ...file, path: join(folder, file.path) })), start, end };
    const line = `${file.path} ${file.text.slice(file.text.indexOf("\n") + 1)}`;
    const shift = line.length - file.text.length;
    return { file: once(file, () => ({ path: "command line", text: line })), start: start + shift, end: end + shift };
  };
}

/** Runs a part of the compiler; the places in its messages become paths from the working directory. */
export function translated<T>(shown: Entry["shown"], work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    throw new CompileError(error.diagnostics.map(placed(shown)));
  }
}

/** A diagnostic whose places are paths from the working directory. */
export const placed =
  (shown: Entry["shown"]) =>
  (diagnostic: Diagnostic): Diagnostic => ({
    ...diagnostic,
    labels: diagnostic.labels.map(({ span, text }) => ({ span: shown(span), text })),
  });

/** Stdin can be read once. */
let readAlready: string | undefined;

function stdinText(): string {
  readAlready ??= readStdin();
  return readAlready;
}

/** The library alone. */
export const libraryHost = (): Host => hostIn(".");

let moduleNames: readonly string[] | undefined;

/** The names of its modules. */
function libraryModules(): readonly string[] {
  moduleNames ??= globSync("**/*.lcomp", { cwd: standard })
    .map((path) => `std/${path.replaceAll("\\", "/").replace(/\.lcomp$/, "")}`)
    .sort();
  return moduleNames;
}

/** Its files by their names, each read and parsed once. */
const libraryFiles = new Map<string, SourceFile | undefined>();

function ofLibrary(module: string): SourceFile | undefined {
  if (!libraryFiles.has(module)) libraryFiles.set(module, readLibrary(module));
  return libraryFiles.get(module);
}

function readLibrary(module: string): SourceFile | undefined {
  const path = join(standard, module.slice(4));
  if (isTable(module)) return existsSync(path) ? { path: module, text: readFileSync(path, "utf8") } : undefined;
  return libraryModules().includes(module) ? { path: module, text: readSource(`${path}.lcomp`) } : undefined;
}

/** The library, and the files below a folder: nothing that a link or a path leads to from there. */
const hostIn = (folder: string): Host => ({
  read: (module) => (module.startsWith("std/") ? ofLibrary(module) : ownModule(folder, module)),
  library: libraryModules(),
});

/** Facts beside a module of the library. */
const isTable = (module: string): boolean => /^std\/target\/[\w-]+\.json$/.test(module);

function ownModule(folder: string, module: string): SourceFile | undefined {
  try {
    const text = readInside(folder, join(folder, module));
    return text === undefined ? undefined : { path: module, text };
  } catch (error) {
    throw error instanceof UserError ? new Unreadable(error.message, { cause: error }) : error;
  }
}
