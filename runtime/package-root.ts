/** Where the package lies: the standard library and the examples are found from here, in a clone as in an installed package. */
import { findPackageJSON } from "node:module";
import { dirname } from "node:path";

function findPackageRoot(): string {
  const description = findPackageJSON("..", import.meta.url);
  if (description === undefined) throw new Error("no package.json above lcomp's own files");
  return dirname(description);
}

export const packageRoot = findPackageRoot();
