/** What decides the bits of results is part of the keys of steps: a store is not read by a compiler that computes in another way. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { golden } from "../harness/golden.ts";
import { suite } from "../harness/suite.ts";

const root = join(import.meta.dirname, "../..");

/** From a graph on: all that chooses kernels and writes them. */
const deciding = ["graph", "rewrite", "fuse", "index", "memory", "schedule", "kernel", "compile-graph.ts"];

function filesIn(path: string): readonly string[] {
  if (!statSync(join(root, path)).isDirectory()) return [path];
  return readdirSync(join(root, path))
    .sort()
    .flatMap((name) => filesIn(`${path}/${name}`));
}

suite("arithmetic", ({ test }) => {
  test("its hash is that of the sources from a graph to its kernels (npm run accept writes it)", () => {
    const hash = createHash("sha256");
    for (const path of deciding.flatMap((name) => filesIn(`compiler/${name}`)))
      hash.update(`${path}\n${readFileSync(join(root, path), "utf8")}`);
    golden("compiler/arithmetic.ts", file(hash.digest("hex")));
  });
});

const file = (hash: string): string =>
  [
    "/**",
    " * The sha256 of the sources that decide the bits of results, which is in the keys of steps: what another compiler has left in a store",
    " * is not read. test/compiler/arithmetic.test.ts writes it.",
    " */",
    `export const arithmetic = "${hash}";`,
    "",
  ].join("\n");
