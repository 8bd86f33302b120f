/** The standard library and files below the root, as the compiler sees them. */
import { existsSync, globSync, readFileSync } from "node:fs";
import type { Host } from "../../compiler/host.ts";
import type { SourceFile } from "../../grammar/source.ts";

/** Each file is read once. */
const files = new Map<string, SourceFile>();

function readOnce(module: string): SourceFile | undefined {
  const path = module.startsWith("std/")
    ? `stdlib/${module.slice(4)}${module.endsWith(".json") ? "" : ".lcomp"}`
    : module;
  const file = files.get(module) ?? (existsSync(path) ? { path: module, text: readFileSync(path, "utf8") } : undefined);
  if (file) files.set(module, file);
  return file;
}

export const library: Host = {
  read: readOnce,
  library: globSync("stdlib/**/*.lcomp")
    .map((path) => path.replace(/^stdlib/, "std").replace(/\.lcomp$/, ""))
    .sort(),
};
