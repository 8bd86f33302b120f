/** The compiler's view of the disk. Files are named relative to the recipe, so that a plan does not depend on where one stands. */
import { globSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Host } from "../../compiler/host.ts";
import type { SourceFile, Span } from "../../grammar/source.ts";
import { explainedNow } from "../io/file.ts";
import { UserError } from "../user-error.ts";
import { packageRoot } from "./package-root.ts";

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

/** The host for a file given by a user, for stdin, or for a module of the standard library. */
export function entryFor(path: string): Entry {
  if (path === stdinPath) return { host: withStdin(hostIn(".")), module: stdin, shown: shownFrom(".") };
  if (path.startsWith("std/")) return { host: hostIn("."), module: path, shown: shownFrom(".") };
  const isFile = explainedNow("read", path, () => statSync(path)).isFile();
  if (!isFile) throw new UserError(`cannot read ${path}: it is not a regular file; give a .lcomp file`);
  const folder = dirname(path);
  return { host: hostIn(folder), module: basename(path), shown: shownFrom(folder) };
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

/** Stdin can be read once. */
let stdinText: string | undefined;

const withStdin = (host: Host): Host => ({
  ...host,
  read: (module) => {
    if (module !== stdin) return host.read(module);
    stdinText ??= explainedNow("read", stdin, () => readFileSync(0, "utf8"));
    return { path: stdin, text: stdinText };
  },
});

function hostIn(folder: string): Host {
  return {
    read: (module) => {
      const path = module.startsWith("std/") ? `${join(standard, module.slice(4))}.lcomp` : join(folder, module);
      if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
      return { path: module, text: explainedNow("read", path, () => readFileSync(path, "utf8")) };
    },
    library: globSync("**/*.lcomp", { cwd: standard })
      .map((path) => `std/${path.replaceAll("\\", "/").replace(/\.lcomp$/, "")}`)
      .sort(),
  };
}
