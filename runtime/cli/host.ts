/** The compiler's view of the disk. Files are named relative to the recipe, so that a plan does not depend on where one stands. */
import { globSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Host } from "../../compiler/host.ts";
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import type { SourceFile } from "../../grammar/source.ts";
import { explainedNow } from "../io/file.ts";
import { UserError } from "../user-error.ts";
import { packageRoot } from "./package-root.ts";

/** A host, and the name under which it knows the file that was asked for. */
export interface Entry {
  readonly host: Host;
  readonly module: string;
  /** A message whose places are paths from the working directory, as editors open them. */
  readonly shown: (diagnostic: Diagnostic) => Diagnostic;
}

const standard = join(packageRoot, "stdlib");

/** The host for a file given by a user, or for a module of the standard library. */
export function entryFor(path: string): Entry {
  if (path.startsWith("std/")) return { host: hostIn("."), module: path, shown: (diagnostic) => diagnostic };
  const isFile = explainedNow("read", path, () => statSync(path)).isFile();
  if (!isFile) throw new UserError(`cannot read ${path}: it is not a regular file; give a .lcomp file`);
  const folder = dirname(path);
  const files = new Map<string, SourceFile>();
  const shownFile = (file: SourceFile): SourceFile => {
    if (file.path.startsWith("std/") || file.path.startsWith("--")) return file;
    const known = files.get(file.path) ?? { ...file, path: join(folder, file.path) };
    files.set(file.path, known);
    return known;
  };
  const shown = (diagnostic: Diagnostic): Diagnostic => ({
    ...diagnostic,
    labels: diagnostic.labels.map(({ span, text }) => ({ span: { ...span, file: shownFile(span.file) }, text })),
  });
  return { host: hostIn(folder), module: basename(path), shown };
}

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
