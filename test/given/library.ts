/** The standard library and files below the root, as the compiler sees them. */
import { existsSync, globSync, readFileSync } from "node:fs";
import type { Host } from "../../compiler/host.ts";

export const library: Host = {
  read: (module) => {
    const path = module.startsWith("std/") ? `stdlib/${module.slice(4)}.lcomp` : module;
    return existsSync(path) ? { path: module, text: readFileSync(path, "utf8") } : undefined;
  },
  library: globSync("stdlib/**/*.lcomp")
    .map((path) => path.replace(/^stdlib/, "std").replace(/\.lcomp$/, ""))
    .sort(),
};
