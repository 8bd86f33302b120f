/** What `format` writes parses to the same tree, for trees drawn at random and for every `.lcomp` file there is. */
import { existsSync, globSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { suite } from "../harness/suite.ts";
import { drawnModule } from "./drawn-modules.ts";
import { checkRoundTrip, read } from "./round-trip.ts";

const root = new URL("../..", import.meta.url).pathname;
const northstar = `${root}../shared/design/northstar`;

const programs = globSync(["stdlib/**/*.lcomp", "examples/**/*.lcomp", "test/golden/parse/*.lcomp"], {
  cwd: root,
}).sort();

suite("grammar: format", ({ test, skip }) => {
  test("a tree drawn at random is read back from its canonical text", () => {
    const runs = Number(process.env["LCOMP_RUNS"] ?? 300);
    fc.assert(fc.property(drawnModule, checkRoundTrip), {
      numRuns: runs,
      ...(process.env["LCOMP_SEED"] && { seed: Number(process.env["LCOMP_SEED"]) }),
    });
  });

  for (const path of programs)
    test(`${path} keeps its tree and its comments`, () => checkRoundTrip(read(readFileSync(root + path, "utf8"))));

  const aim = "every northstar program keeps its tree and its comments";
  if (!existsSync(northstar)) skip(aim, "../shared is absent");
  else
    test(aim, () => {
      for (const path of globSync(`${northstar}/**/*.lcomp`)) checkRoundTrip(read(readFileSync(path, "utf8")));
    });
});
